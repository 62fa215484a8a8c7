// The time of the story while ours goes by. Pure: whoever plays says how much has passed.

export const SPEEDS = [1, 10, 60, 300, 1000, 3000, 10_000];

export class StoryClock {
  /** @param {number} length of the story in ms */
  constructor(length) {
    this.length = length;
    this.at = 0;
    this.speed = SPEEDS[2];
    this.isPlaying = false;
  }

  /**
   * So much time has passed for whoever looks. A tab that slept doesn't leap ahead, and a frame that
   * was begun before the key was pressed leads nowhere back.
   */
  pass(ms) {
    if (!this.isPlaying) return;
    this.seek(this.at + Math.min(Math.max(ms, 0), 250) * this.speed);
    if (this.at === this.length) this.isPlaying = false;
  }

  seek(at) {
    this.at = Math.min(this.length, Math.max(0, at));
  }

  /** Play or pause; at the end from the beginning. */
  toggle() {
    if (!this.isPlaying && this.at === this.length) this.at = 0;
    this.isPlaying = !this.isPlaying && this.length > 0;
  }

  /** The next speed up (1) or down (-1); the last stays. */
  change(step) {
    const at = SPEEDS.indexOf(this.speed) + step;
    this.speed = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at))];
  }
}

/** The speed at which the story takes about a minute. */
export function fitting(length) {
  return SPEEDS.findLast((speed) => length / speed >= 45_000) ?? SPEEDS[0];
}
