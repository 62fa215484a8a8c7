// The hall as a list: a zone, a row, its seats as buttons. The same seats as on the map, complete for
// keyboard and screen reader; only what is shown has elements, fifty at a time.

import { byId, make, setText } from "../base/dom.js";
import { say } from "../base/words.js";
import { FREE } from "./bits.js";
import { MINE, STATE_NAMES } from "./hall.js";
import { about } from "./seat.js";

const PART = 50;
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -10, ArrowDown: 10 };

export class SeatList {
  /** @param {import("./hall.js").Hall} hall @param {(index: number) => void} pick */
  constructor(hall, pick) {
    this.hall = hall;
    this.pick = pick;
    this.zone = byId("list-zone");
    this.row = byId("list-row");
    this.part = byId("list-part");
    this.seats = byId("list-seats");
    /** @type {HTMLButtonElement[]} */
    this.buttons = [];
    this.zone.replaceChildren(...hall.zones.map((zone, at) => make("option", { value: at }, zone.name)));
    this.zone.addEventListener("change", () => this._showZone());
    this.row.addEventListener("change", () => this._showRow());
    this.part.addEventListener("change", () => this._showSeats());
    this.seats.addEventListener("keydown", (event) => this._walk(event));
    this._showZone();
  }

  /** @param {Iterable<number> | null} indexes that changed; null: all */
  refresh(indexes) {
    const rows = indexes && new Set(Array.from(indexes, (one) => this.hall.place(one).row));
    for (const option of this.row.options) {
      if (rows === null || rows.has(Number(option.value))) setText(option, this._rowWords(option.value));
    }
    if (rows === null || rows.has(Number(this.row.value))) {
      this.buttons.forEach((button) => this._dress(button));
    }
  }

  /** Show this zone's first row. */
  chooseZone(at) {
    this.zone.value = String(at);
    this._showZone();
  }

  _showZone() {
    const zone = this.hall.zones[Number(this.zone.value)];
    const rows = [];
    for (let row = zone.first_row; row <= zone.last_row; row += 1) {
      rows.push(make("option", { value: row }, this._rowWords(row)));
    }
    this.row.replaceChildren(...rows);
    this._showRow();
  }

  _rowWords(row) {
    const free = say("event.free", { n: this.hall.free[Number(row) - 1] });
    return say("list.rowFree", { row: String(row), free });
  }

  _showRow() {
    const parts = [];
    for (let first = 1; first <= this.hall.columns; first += PART) {
      const last = Math.min(this.hall.columns, first + PART - 1);
      parts.push(make("option", { value: first }, `${first}–${last}`));
    }
    const chosen = this.part.value;
    this.part.replaceChildren(...parts);
    if (chosen) this.part.value = chosen;
    this.part.closest(".field").hidden = parts.length === 1;
    this._showSeats();
  }

  _showSeats() {
    const row = Number(this.row.value);
    const first = Number(this.part.value);
    const last = Math.min(this.hall.columns, first + PART - 1);
    this.buttons = [];
    for (let number = first; number <= last; number += 1) {
      this.buttons.push(this._button(this.hall.index(row, number), number));
    }
    // One stop of the Tab key for all of them; arrows go on from there.
    this.buttons[0].tabIndex = 0;
    this.seats.setAttribute("aria-label", say("list.seats", { row: String(row) }));
    this.seats.replaceChildren(...this.buttons);
  }

  _button(index, number) {
    const attributes = { "data-index": index, tabindex: -1, onclick: () => this.pick(index) };
    const button = make("button", attributes, String(number));
    this._dress(button);
    return button;
  }

  _dress(button) {
    const index = Number(button.dataset.index);
    const state = this.hall.state(index);
    const words = about(this.hall, index);
    if (button.getAttribute("aria-label") !== words) button.setAttribute("aria-label", words);
    button.dataset.state = STATE_NAMES[state];
    button.setAttribute("aria-pressed", String(state === MINE));
    button.setAttribute("aria-disabled", String(state !== FREE && state !== MINE));
  }

  _walk(event) {
    const at = this.buttons.indexOf(/** @type {any} */ (document.activeElement));
    const ends = { Home: 0, End: this.buttons.length - 1 };
    const next = this.buttons[ends[event.key] ?? at + (STEPS[event.key] ?? NaN)];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    this.buttons[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}
