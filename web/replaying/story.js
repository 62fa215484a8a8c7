// A sale as it went: the hall in the beginning, then every change. Millions of them, so they lie in
// typed arrays and not in objects. The format is in the documentation of GET /x/events/{id}/replay.

import { FREE, RESERVED, SOLD, statesOf } from "../hall/bits.js";

/** Numbers that come one by one, in an array that doubles. @template {any} T */
class Column {
  /** @param {any} kind of typed array */
  constructor(kind) {
    this.values = new kind(1024);
    this.length = 0;
  }

  push(value) {
    if (this.length === this.values.length) {
      const larger = new this.values.constructor(2 * this.length);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }
}

/**
 * @typedef {object} Story
 * @property {{id: number, rows: number, seats_per_row: number, zones: any[], hold_seconds: number}} plan
 * @property {number} beganAt
 * @property {number} length both in ms
 * @property {boolean} isWhole
 * @property {Uint8Array} states as it begins
 * @property {number} revenue as it begins, in tiyn
 * @property {number} changes how many
 * @property {Float64Array} at of each change, in ms since the beginning
 * @property {Uint8Array} status that its seats get
 * @property {Float64Array} revenues after it, in tiyn
 * @property {Uint32Array} ends where its seats end in `seats`; they begin where the last ones end
 * @property {Uint32Array} seats
 */

/** Reads a story line by line, as it comes over the network. */
export class StoryReader {
  constructor() {
    this.rest = "";
    /** @type {any} */
    this.head = null;
    /** @type {any} */
    this.tail = null;
    this.at = new Column(Float64Array);
    this.status = new Column(Uint8Array);
    this.revenues = new Column(Float64Array);
    this.ends = new Column(Uint32Array);
    this.seats = new Column(Uint32Array);
  }

  /** @param {string} text the next piece */
  take(text) {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") this._line(JSON.parse(line));
  }

  /** @returns {Story} Throws a RangeError where lines are missing. */
  end() {
    if (this.head === null || this.tail?.changes !== this.at.length) {
      throw new RangeError("the story breaks off");
    }
    const { event_id: id, rows, seats_per_row, zones, began_at, whole, revenue_minor } = this.head;
    const beganAt = Date.parse(began_at);
    return {
      plan: { id, rows, seats_per_row, zones, hold_seconds: 0 },
      beganAt,
      length: Math.max(0, Date.parse(this.tail.ended_at) - beganAt),
      isWhole: whole,
      states: unpackText(this.head.states, rows * seats_per_row),
      revenue: revenue_minor,
      changes: this.at.length,
      at: this.at.values,
      status: this.status.values,
      revenues: this.revenues.values,
      ends: this.ends.values,
      seats: this.seats.values,
    };
  }

  _line(line) {
    if (Array.isArray(line)) this._change(line);
    else if (this.head === null) this.head = line;
    else this.tail = line;
  }

  _change([at, status, seats, revenue]) {
    this.at.push(at);
    this.status.push(status);
    this.revenues.push(revenue);
    for (const seat of seats) this.seats.push(seat);
    this.ends.push(this.seats.length);
  }
}

/** Two bits a seat, in base64. */
function unpackText(text, seats) {
  return statesOf(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)), seats);
}

/** How many seats are free, held and sold. */
export function counted(states) {
  const counts = [0, 0, 0, 0];
  for (const state of states) counts[state] += 1;
  return { free: counts[FREE], reserved: counts[RESERVED], sold: counts[SOLD] };
}
