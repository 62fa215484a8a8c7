// Moments of a story that one wants to see: what they are called, and when they were.

import { RESERVED, SOLD } from "../hall/bits.js";
import { counted } from "./story.js";

const MINUTE_MS = 60_000;

/**
 * In order of time; what has not happened is left out.
 * @param {import("./story.js").Story} story
 * @returns {{name: string, at: number}[]}
 */
export function moments(story) {
  const found = { firstHold: null, firstSale: null, half: null, soldOut: null };
  const sale = new Sale(story);
  for (let change = 0; change < story.changes; change += 1) {
    sale.apply(change);
    const at = story.at[change];
    if (story.status[change] === RESERVED) found.firstHold ??= at;
    if (story.status[change] === SOLD) found.firstSale ??= at;
    if (sale.sold > 0 && 2 * sale.sold >= sale.total) found.half ??= at;
    if (sale.sold === sale.total) found.soldOut ??= at;
  }
  const named = { begin: 0, ...found, busiest: sale.busiest(), end: story.length };
  return Object.entries(named)
    .flatMap(([name, at]) => (at === null ? [] : [{ name, at }]))
    .sort((one, other) => one.at - other.at);
}

/** Counts sold seats, and how many were sold in each minute. */
class Sale {
  constructor(story) {
    this.story = story;
    const { free, reserved, sold } = counted(story.states);
    this.total = free + reserved + sold;
    this.sold = sold;
    this.states = story.states.slice();
    this.best = { minute: -1, at: 0, sold: 0 };
    this.current = this.best;
  }

  apply(change) {
    const { at, ends, seats, status } = this.story;
    const state = status[change];
    for (let seat = change === 0 ? 0 : ends[change - 1]; seat < ends[change]; seat += 1) {
      const before = this.states[seats[seat]];
      this.states[seats[seat]] = state;
      this.sold += Number(state === SOLD) - Number(before === SOLD);
      if (state === SOLD) this._count(at[change]);
    }
  }

  _count(at) {
    const minute = Math.floor(at / MINUTE_MS);
    if (this.current.minute !== minute) this.current = { minute, at, sold: 0 };
    this.current.sold += 1;
    if (this.current.sold > this.best.sold) this.best = this.current;
  }

  /** The first sale of the minute in which most seats were sold; null: none was. */
  busiest() {
    return this.best.sold === 0 ? null : this.best.at;
  }
}
