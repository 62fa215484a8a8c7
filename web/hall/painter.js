// Draws a hall: from afar a picture with one pixel a seat, from near the seats that are seen.

import { FREE, RESERVED, SOLD, WITHHELD } from "./bits.js";
import { scales, seen, toView } from "./camera.js";
import { MINE } from "./hall.js";

const SEATS_FROM = 9; // pixels a cell: smaller seats have no shape
const NUMBERS_FROM = 27;
const ROWS_FROM = 13;
const COLOURS = ["free", "reserved", "sold", "withheld", "mine", "ink"];

export class Painter {
  /** @param {HTMLCanvasElement} canvas @param {import("./hall.js").Hall} hall */
  constructor(canvas, hall) {
    this.canvas = canvas;
    this.hall = hall;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.picture = document.createElement("canvas");
    this.picture.width = hall.columns;
    this.picture.height = hall.rows;
    this.pixels = new ImageData(hall.columns, hall.rows);
    this.words = new Uint32Array(this.pixels.data.buffer);
    this.stale = { first: 0, last: hall.rows - 1 };
    this.readColours();
  }

  /** Colours come from the style sheet, which knows light from dark. */
  readColours() {
    const style = getComputedStyle(this.canvas);
    const named = (name) => style.getPropertyValue(name).trim();
    this.colours = COLOURS.map((name) => named(`--seat-${name}`));
    this.ink = named("--ink");
    this.paper = named("--paper");
    this.palette = this.colours.slice(0, 5).map(word);
    this.repaint();
  }

  /** The whole picture anew. */
  repaint() {
    for (let index = 0; index < this.words.length; index += 1) {
      this.words[index] = this.palette[this.hall.states[index]];
    }
    for (const index of this.hall.mine) this.words[index] = this.palette[MINE];
    this.stale = { first: 0, last: this.hall.rows - 1 };
  }

  /** @param {Iterable<number>} indexes */
  repaintSeats(indexes) {
    for (const index of indexes) {
      this.words[index] = this.palette[this.hall.state(index)];
      const row = Math.floor(index / this.hall.columns);
      const { first, last } = this.stale;
      this.stale = { first: Math.min(first, row), last: Math.max(last, row) };
    }
  }

  /** @param {import("./camera.js").Camera} camera @param {import("./camera.js").View} view */
  draw(camera, view, cursor = -1) {
    const ratio = devicePixelRatio || 1;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, view.width, view.height);
    const { across, down } = scales(camera, view);
    const size = Math.min(across, down);
    if (size >= SEATS_FROM) this._seats(camera, view, size);
    else this._fromAfar(camera, view, across);
    this._zones(camera, view, size);
    if (down >= ROWS_FROM && size >= SEATS_FROM) this._rows(camera, view);
    if (cursor >= 0) this._cursor(camera, view, cursor, size);
  }

  _fromAfar(camera, view, across) {
    this._refresh();
    const { left, top, right, bottom } = seen(camera, view);
    const from = toView(camera, view, left, top);
    const to = toView(camera, view, right + 1, bottom + 1);
    const [columns, rows] = [right - left + 1, bottom - top + 1];
    this.context.imageSmoothingEnabled = across < 2;
    this.context.imageSmoothingQuality = "high";
    const [width, height] = [to.left - from.left, to.top - from.top];
    this.context.drawImage(this.picture, left, top, columns, rows, from.left, from.top, width, height);
  }

  _refresh() {
    const { first, last } = this.stale;
    if (first > last) return;
    const context = /** @type {CanvasRenderingContext2D} */ (this.picture.getContext("2d"));
    context.putImageData(this.pixels, 0, 0, 0, first, this.hall.columns, last - first + 1);
    this.stale = { first: Infinity, last: -1 };
  }

  /** One path a state: thousands of seats cost five fills. */
  _seats(camera, view, size) {
    const paths = [FREE, RESERVED, SOLD, WITHHELD, MINE].map(() => new Path2D());
    const marks = new Path2D();
    this._eachSeen(camera, view, (index, left, top) => {
      const state = this.hall.state(index);
      trace(paths[state], state, left, top, size);
      if (state === MINE) check(marks, left, top, size);
      if (state === RESERVED) slash(marks, left, top, size);
    });
    const { context, colours } = this;
    paths.forEach((path, state) => {
      context.fillStyle = colours[state];
      context.fill(path);
    });
    context.lineWidth = Math.max(1, size / 14);
    context.strokeStyle = this.paper;
    context.stroke(marks);
    this._pending(camera, view, size);
    if (size >= NUMBERS_FROM) this._numbers(camera, view, size);
  }

  _eachSeen(camera, view, visit) {
    const { left, top, right, bottom } = seen(camera, view);
    for (let row = top; row <= bottom; row += 1) {
      for (let column = left; column <= right; column += 1) {
        const at = toView(camera, view, column + 0.5, row + 0.5);
        visit(row * this.hall.columns + column, at.left, at.top);
      }
    }
  }

  _numbers(camera, view, size) {
    this._write(`${Math.round(size / 3.2)}px system-ui`, this.colours[5], "center");
    this._eachSeen(camera, view, (index, left, top) => {
      if (this.hall.state(index) !== FREE) return;
      this.context.fillText(String((index % this.hall.columns) + 1), left, top);
    });
  }

  _pending(camera, view, size) {
    this.context.strokeStyle = this.colours[MINE];
    this.context.lineWidth = Math.max(2, size / 10);
    for (const index of this.hall.pending) {
      const { row, number } = this.hall.place(index);
      const at = toView(camera, view, number - 0.5, row - 0.5);
      this.context.strokeRect(at.left - size * 0.4, at.top - size * 0.4, size * 0.8, size * 0.8);
    }
  }

  /** Borders between zones, and from afar their names. */
  _zones(camera, view, size) {
    const { context, hall } = this;
    for (const zone of hall.zones) {
      const top = toView(camera, view, 0, zone.first_row - 1).top;
      const bottom = toView(camera, view, 0, zone.last_row).top;
      context.fillStyle = this.paper;
      if (zone.first_row > 1) context.fillRect(0, top - 1.5, view.width, 3);
      if (size < SEATS_FROM && bottom - top >= 18) this._label(zone.name, (top + bottom) / 2);
    }
  }

  _label(text, middle) {
    this._write("600 13px system-ui", this.ink, "left");
    const width = this.context.measureText(text).width;
    this.context.fillStyle = this.paper;
    this.context.beginPath();
    this.context.roundRect(8, middle - 11, width + 16, 22, 11);
    this.context.fill();
    this.context.fillStyle = this.ink;
    this.context.fillText(text, 16, middle);
  }

  _rows(camera, view) {
    const { top, bottom } = seen(camera, view);
    this.context.globalAlpha = 0.88;
    this.context.fillStyle = this.paper;
    this.context.fillRect(0, 0, 30, view.height);
    this.context.globalAlpha = 1;
    this._write("600 12px system-ui", this.ink, "right");
    for (let row = top; row <= bottom; row += 1) {
      this.context.fillText(String(row + 1), 24, toView(camera, view, 0, row + 0.5).top);
    }
  }

  _cursor(camera, view, cursor, size) {
    const { row, number } = this.hall.place(cursor);
    const at = toView(camera, view, number - 0.5, row - 0.5);
    const half = Math.max(6, size / 2);
    this.context.strokeStyle = this.ink;
    this.context.lineWidth = 2.5;
    this.context.strokeRect(at.left - half, at.top - half, 2 * half, 2 * half);
  }

  _write(font, colour, align) {
    this.context.font = font;
    this.context.fillStyle = colour;
    this.context.textAlign = /** @type {CanvasTextAlign} */ (align);
    this.context.textBaseline = "middle";
  }
}

/** Shapes differ, not colours alone: a free seat is a square, a sold one a dot, a withheld a speck. */
function trace(path, state, left, top, size) {
  const half = size * (state === MINE ? 0.46 : 0.4);
  if (state === SOLD || state === WITHHELD) {
    const radius = size * (state === SOLD ? 0.22 : 0.1);
    path.moveTo(left + radius, top);
    path.arc(left, top, radius, 0, 2 * Math.PI);
  } else {
    path.roundRect(left - half, top - half, 2 * half, 2 * half, size * 0.18);
  }
}

function check(path, left, top, size) {
  path.moveTo(left - size * 0.2, top);
  path.lineTo(left - size * 0.04, top + size * 0.16);
  path.lineTo(left + size * 0.22, top - size * 0.16);
}

function slash(path, left, top, size) {
  path.moveTo(left - size * 0.4, top + size * 0.4);
  path.lineTo(left + size * 0.4, top - size * 0.4);
}

/** "#rrggbb" as a pixel: ABGR, on every machine that runs a browser. */
export function word(colour) {
  const rgb = Number.parseInt(colour.slice(1), 16);
  const [red, green, blue] = [rgb >> 16, (rgb >> 8) & 255, rgb & 255];
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
