// How the hall stood at any moment of a story. Forwards change by change; backwards from the nearest
// of some kept halls, so that no jump is long.

import { FREE, RESERVED, SOLD } from "../hall/bits.js";
import { counted } from "./story.js";

const KEPT_MAX = 64;
const COUNTS = { [FREE]: "free", [RESERVED]: "reserved", [SOLD]: "sold" };
const MANY_SEATS = 20_000; // more than these changed: the whole hall is drawn anew

/** @typedef {{change: number, states: Uint8Array, free: number, reserved: number, sold: number}} Kept */

export class Position {
  /** @param {import("./story.js").Story} story */
  constructor(story) {
    this.story = story;
    this.states = story.states.slice();
    this.counts = counted(story.states);
    this.change = 0; // so many changes have happened
    this.step = Math.max(1000, Math.ceil(story.changes / KEPT_MAX));
    /** @type {Kept[]} */
    this.kept = [{ change: 0, states: story.states, ...this.counts }];
  }

  /** What all sold seats have brought, in tiyn. */
  get revenue() {
    return this.change === 0 ? this.story.revenue : this.story.revenues[this.change - 1];
  }

  /** Go to `at` ms; answers the seats that may differ now, null for the whole hall. */
  goTo(at) {
    const target = changesBy(this.story, at);
    if (target < this.change) return this._jump(target);
    const isFar = this._seatsBefore(target) - this._seatsBefore(this.change) > MANY_SEATS;
    const changed = isFar ? null : new Set();
    this._forward(target, changed);
    return changed;
  }

  _jump(target) {
    const nearest = this.kept.findLast((one) => one.change <= target) ?? this.kept[0];
    const { change, states, free, reserved, sold } = nearest;
    this.change = change;
    this.states.set(states);
    this.counts = { free, reserved, sold };
    this._forward(target, null);
    return null;
  }

  _forward(target, changed) {
    const { ends, seats, status } = this.story;
    let seat = this._seatsBefore(this.change);
    while (this.change < target) {
      const end = ends[this.change];
      const state = status[this.change];
      for (; seat < end; seat += 1) {
        this._set(seats[seat], state);
        changed?.add(seats[seat]);
      }
      this.change += 1;
      if (this.change % this.step === 0) this._keep();
    }
  }

  _set(index, state) {
    this.counts[COUNTS[this.states[index]]] -= 1;
    this.counts[COUNTS[state]] += 1;
    this.states[index] = state;
  }

  _keep() {
    if (this.kept[this.kept.length - 1].change >= this.change) return;
    this.kept.push({ change: this.change, states: this.states.slice(), ...this.counts });
  }

  _seatsBefore(change) {
    return change === 0 ? 0 : this.story.ends[change - 1];
  }
}

/** How many changes have happened by `at` ms. */
function changesBy(story, at) {
  let [low, high] = [0, story.changes];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (story.at[middle] <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The story as a series of figures, at most `most` points; plays it once.
 * @param {import("./story.js").Story} story
 * @returns {import("../sale/series.js").Point[]}
 */
export function seriesOf(story, most) {
  const position = new Position(story);
  const points = [];
  for (let step = 0; step <= most; step += 1) {
    const at = Math.round((story.length * step) / most);
    position.goTo(at);
    points.push({ at: story.beganAt + at, ...position.counts, revenue: position.revenue / 100 });
  }
  return points;
}
