// One quantity over time as a line of steps, as wide as its place. The table beside it says the same.

import { clockTime } from "../base/words.js";
import { standing, thinned, ticks, timeTicks } from "./series.js";
import { draw } from "./svg.js";

const HEIGHT = 190;
const EDGE = { top: 12, right: 8, bottom: 26, left: 4 };
const LABEL_WIDTH = 82;
const SECONDS_BELOW_MS = 300_000;

/**
 * @typedef {object} Look
 * @property {import("./series.js").Point[]} points
 * @property {number} from
 * @property {number} to both in ms
 * @property {string} words what a screen reader says of it
 * @property {number} [now] a time that is marked
 */

export class Chart {
  /**
   * @param {HTMLElement} place
   * @param {(point: import("./series.js").Point) => number} value
   * @param {(value: number) => string} written a value in words, short
   * @param {(point: import("./series.js").Point | null, at: number) => void} onPoint what is below the pointer
   */
  constructor(place, value, written, onPoint = () => {}) {
    this.place = place;
    this.value = value;
    this.written = written;
    this.onPoint = onPoint;
    /** @type {Look | null} */
    this.look = null;
    new ResizeObserver(() => this._draw()).observe(place);
    place.addEventListener("pointermove", (event) => this._point(event));
    place.addEventListener("pointerleave", () => this.onPoint(null, 0));
  }

  /** @param {Look} look */
  show(look) {
    this.look = look;
    this._draw();
  }

  _draw() {
    if (this.look === null || this.place.clientWidth === 0) return;
    const { look } = this;
    this.width = this.place.clientWidth;
    const marks = ticks(Math.max(0, ...look.points.map(this.value)));
    this.scale = this._scale(marks[marks.length - 1]);
    const size = { viewBox: `0 0 ${this.width} ${HEIGHT}`, width: this.width, height: HEIGHT };
    const svg = draw(
      "svg",
      { ...size, role: "img", "aria-label": look.words, class: "chart" },
      ...marks.map((mark) => this._level(mark)),
      ...this._times(),
      ...this._lines(thinned(look.points, this.width)),
      ...(look.now === undefined ? [] : [this._now(look.now)]),
    );
    this.place.replaceChildren(svg);
  }

  _scale(most) {
    const { from, to } = this.look;
    const left = EDGE.left + LABEL_WIDTH;
    const across = this.width - left - EDGE.right;
    const down = HEIGHT - EDGE.top - EDGE.bottom;
    return {
      x: (at) => left + (across * (at - from)) / Math.max(1, to - from),
      y: (value) => EDGE.top + down * (1 - value / most),
      at: (x) => from + ((x - left) / across) * (to - from),
    };
  }

  _level(mark) {
    const y = this.scale.y(mark);
    const text = { x: EDGE.left + LABEL_WIDTH - 10, y: y + 4, class: "level", "text-anchor": "end" };
    const from = EDGE.left + LABEL_WIDTH;
    return draw("g", { "aria-hidden": "true" },
      draw("path", { d: `M${from} ${y}H${this.width - EDGE.right}`, class: "grid" }),
      draw("text", text, this.written(mark)),
    );
  }

  _times() {
    const { from, to } = this.look;
    const count = Math.max(2, Math.floor((this.width - LABEL_WIDTH) / 90));
    return timeTicks(from, to, count).map((at) => {
      const x = Math.min(this.scale.x(at), this.width - 30);
      const place = { x, y: HEIGHT - 6, class: "level", "text-anchor": "middle" };
      return draw("text", place, clockTime(at, to - from < SECONDS_BELOW_MS));
    });
  }

  /** How things stand holds until the next point: steps, no slopes. */
  _lines(points) {
    if (points.length === 0) return [];
    const { x, y } = this.scale;
    const end = x(Math.min(this.look.to, Math.max(this.look.now ?? this.look.to, points[points.length - 1].at)));
    const first = points[0];
    const steps = points.slice(1).map((point) => `H${short(x(point.at))}V${short(y(this.value(point)))}`);
    const line = `M${short(x(first.at))} ${short(y(this.value(first)))}${steps.join("")}H${short(end)}`;
    const area = `${line}V${y(0)}H${short(x(first.at))}Z`;
    return [draw("path", { d: area, class: "area" }), draw("path", { d: line, class: "line" })];
  }

  _now(at) {
    const x = this.scale.x(at);
    return draw("path", { d: `M${x} ${EDGE.top}V${HEIGHT - EDGE.bottom}`, class: "now" });
  }

  _point(event) {
    if (this.look === null || this.look.points.length === 0) return;
    const left = event.clientX - this.place.getBoundingClientRect().left;
    const at = Math.min(this.look.to, Math.max(this.look.from, this.scale.at(left)));
    this.onPoint(standing(this.look.points, at), at);
  }
}

function short(value) {
  return Math.round(value * 10) / 10;
}
