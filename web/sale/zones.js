// The zones as a table, a bar in each row. The figures are the truth, the bars are for eyes.

import { make, setText } from "../base/dom.js";
import { money, number, say } from "../base/words.js";
import { draw } from "./svg.js";

const PARTS = ["sold", "reserved", "free"];

export class ZoneTable {
  /** @param {HTMLTableSectionElement} body */
  constructor(body) {
    this.body = body;
    /** @type {Map<string, {cells: HTMLElement[], bar: SVGElement}>} */
    this.rows = new Map();
  }

  /** @param {{name: string, price: string, sold_seats: number, revenue: string}[]} zones */
  show(zones) {
    const names = zones.map((zone) => zone.name).join("\n");
    if (names !== [...this.rows.keys()].join("\n")) this._build(zones);
    for (const zone of zones) this._fill(zone);
  }

  _build(zones) {
    this.rows = new Map();
    const rows = zones.map((zone) => {
      const bar = draw("svg", { viewBox: "0 0 100 6", preserveAspectRatio: "none", class: "bar", "aria-hidden": "true" });
      const price = make("span", { class: "quiet figure" }, money(zone.price));
      const head = make("th", { scope: "row" }, zone.name, " ", price, bar);
      const cells = [...PARTS, "revenue"].map(() => make("td", { class: "figure" }));
      this.rows.set(zone.name, { cells, bar });
      return make("tr", {}, head, ...cells);
    });
    this.body.replaceChildren(...rows);
  }

  _fill(zone) {
    const { cells, bar } = this.rows.get(zone.name);
    const counts = PARTS.map((part) => zone[`${part}_seats`]);
    counts.forEach((count, at) => setText(cells[at], number(count)));
    setText(cells[PARTS.length], money(zone.revenue));
    bar.replaceChildren(...bars(counts, zone.total_seats));
  }
}

/** Sold, held and free side by side: their widths are their shares. */
function bars(counts, total) {
  let x = 0;
  return counts.map((count, at) => {
    const width = (100 * count) / Math.max(1, total);
    const rect = draw("rect", { x, y: 0, width, height: 6, class: `bar-${PARTS[at]}` });
    x += width;
    return rect;
  });
}

/** The four large figures of a sale. @param {(name: string) => HTMLElement} cell */
export function showFigures(cell, { sold, reserved, free, revenue }) {
  const total = sold + reserved + free;
  setText(cell("sold"), number(sold));
  setText(cell("reserved"), number(reserved));
  setText(cell("free"), number(free));
  setText(cell("revenue"), money(revenue));
  setText(cell("share"), say("sales.share", { part: share(sold, total), total }));
}

/** A tenth of a per cent is news at the beginning of a sale, and 100 % only what is all. */
export function share(part, whole) {
  const tenths = whole === 0 ? 0 : Math.floor((1000 * part) / whole);
  return part > 0 && tenths === 0 ? `< ${number(0.1)} %` : `${number(tenths / 10)} %`;
}
