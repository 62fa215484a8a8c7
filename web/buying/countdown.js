// Time that runs out: how it is shown, and when it is worth saying aloud. All times in ms.

const WARNINGS_MS = [120_000, 30_000, 0];

/** How much is left, never less than nothing. */
export function left(expiresAt, now) {
  return Math.max(0, expiresAt - now);
}

/** «14:05»; a second that has begun is shown as whole. */
export function face(ms) {
  const seconds = Math.ceil(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** The warning that is due when so much is left and `before` was left at the last look; or null. */
export function warning(before, now) {
  const passed = WARNINGS_MS.filter((mark) => before > mark && now <= mark);
  return passed.length > 0 ? Math.min(...passed) : null;
}
