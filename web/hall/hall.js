// A hall: where every seat is, what it costs, how it stands. Knows no screen and no server.

import { FREE, RESERVED, SOLD, WITHHELD } from "./bits.js";

/** A seat of this buyer's, whatever the map says of it. */
export const MINE = 4;
export const STATE_NAMES = ["FREE", "RESERVED", "SOLD", "WITHHELD", "MINE"];

const EVENT_SHIFT = 10_000_000;
const ROW_SHIFT = 10_000;

/** Row and number that a seat id names. */
export function placeOf(seatId) {
  const within = seatId % EVENT_SHIFT;
  return { row: Math.floor(within / ROW_SHIFT), number: within % ROW_SHIFT };
}

/**
 * @typedef {{name: string, first_row: number, last_row: number, price: string}} Zone
 * @typedef {{id: number, rows: number, seats_per_row: number, zones: Zone[], hold_seconds: number}} Plan
 */

export class Hall {
  /** @param {Plan} plan */
  constructor(plan) {
    this.eventId = plan.id;
    this.rows = plan.rows;
    this.columns = plan.seats_per_row;
    this.zones = plan.zones;
    this.states = new Uint8Array(plan.rows * plan.seats_per_row).fill(WITHHELD);
    this.free = new Array(plan.rows).fill(0);
    /** @type {Set<number>} indexes of this buyer's seats */
    this.mine = new Set();
    /** @type {Set<number>} indexes of seats that are being asked for */
    this.pending = new Set();
    // A row in no zone of the plan has no seat that is sold here.
    /** @type {(Zone | undefined)[]} */
    this.zoneOfRow = new Array(plan.rows).fill(undefined);
    for (const zone of plan.zones) this.zoneOfRow.fill(zone, zone.first_row - 1, zone.last_row);
  }

  /** All states at once. @param {Uint8Array} states */
  fill(states) {
    this.states = states;
    for (let row = 0; row < this.rows; row += 1) {
      const seats = states.subarray(row * this.columns, (row + 1) * this.columns);
      this.free[row] = seats.reduce((sum, state) => sum + Number(state === FREE), 0);
    }
  }

  /**
   * What has changed since an earlier look; answers the indexes that differ now.
   * @param {{free: number[], reserved: number[], sold: number[]}} changes
   */
  change(changes) {
    /** @type {[number[], number][]} */
    const told = [[changes.free, FREE], [changes.reserved, RESERVED], [changes.sold, SOLD]];
    const changed = [];
    for (const [indexes, state] of told) {
      for (const index of indexes) {
        if (index < this.states.length && this.states[index] !== state) {
          this._set(index, state);
          changed.push(index);
        }
      }
    }
    return changed;
  }

  _set(index, state) {
    const row = Math.floor(index / this.columns);
    this.free[row] += Number(state === FREE) - Number(this.states[index] === FREE);
    this.states[index] = state;
  }

  /** How the seat stands for this buyer. */
  state(index) {
    return this.mine.has(index) ? MINE : this.states[index];
  }

  place(index) {
    return { row: Math.floor(index / this.columns) + 1, number: (index % this.columns) + 1 };
  }

  index(row, number) {
    return (row - 1) * this.columns + number - 1;
  }

  seatId(index) {
    const { row, number } = this.place(index);
    return this.eventId * EVENT_SHIFT + row * ROW_SHIFT + number;
  }

  indexOf(seatId) {
    const { row, number } = placeOf(seatId);
    return this.index(row, number);
  }

  /** Whose price the seat has; undefined: its zone isn't sold here. @returns {Zone | undefined} */
  zone(index) {
    return this.zoneOfRow[Math.floor(index / this.columns)];
  }

  /** Free seats of a zone. @param {Zone} zone */
  freeIn(zone) {
    return this.free.slice(zone.first_row - 1, zone.last_row).reduce((sum, one) => sum + one, 0);
  }
}
