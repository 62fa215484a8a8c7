// The seat map on the page: a canvas that is moved, zoomed and clicked, by mouse, finger or keys.

import { announce } from "../base/page.js";
import { FREE } from "./bits.js";
import * as camera from "./camera.js";
import { MINE } from "./hall.js";
import { Painter } from "./painter.js";
import { about } from "./seat.js";

const TAP_PIXELS = 8; // whoever moves more means to drag
const STEP = 0.2;
const PICK_FROM = 16; // pixels a seat: below, a tap goes nearer
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class SeatMap {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} tip shows what is below the pointer
   * @param {import("./hall.js").Hall} hall
   * @param {(index: number) => void} pick
   */
  constructor(canvas, tip, hall, pick) {
    this.canvas = canvas;
    this.tip = tip;
    this.hall = hall;
    this.pick = pick;
    this.painter = new Painter(canvas, hall);
    this.cursor = -1;
    this.pointers = new Map();
    this.travelled = 0;
    this._measure();
    this.camera = camera.wholeHall(this.view);
    this._listen();
  }

  _measure() {
    const { width, height } = this.canvas.getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.view = { width, height, columns: this.hall.columns, rows: this.hall.rows };
  }

  _listen() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => this._wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this._press(event));
    canvas.addEventListener("pointermove", (event) => this._move(event));
    canvas.addEventListener("pointerup", (event) => this._lift(event));
    canvas.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => this._hint(null));
    canvas.addEventListener("keydown", (event) => this._key(event));
    canvas.addEventListener("blur", () => this._point(-1));
    new ResizeObserver(() => {
      this._measure();
      this.look(camera.kept(this.camera, this.view));
    }).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.painter.readColours();
      this.draw();
    });
  }

  /** Draw before the next frame, however often it is asked for. */
  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.painter.draw(this.camera, this.view, this.cursor);
    });
  }

  /** @param {Iterable<number> | null} indexes that changed; null: all */
  refresh(indexes) {
    if (indexes === null) this.painter.repaint();
    else this.painter.repaintSeats(indexes);
    this.draw();
  }

  look(next) {
    this.camera = next;
    // From afar a finger scrolls the page; from near it moves the hall.
    this.canvas.classList.toggle("near", next.zoom > 0);
    this.draw();
  }

  zoom(steps) {
    const { width, height } = this.view;
    this.look(camera.zoomed(this.camera, this.view, steps * STEP, width / 2, height / 2));
  }

  showWhole() {
    this.look(camera.wholeHall(this.view));
  }

  showZone(zone) {
    const middle = (zone.first_row + zone.last_row) / 2 - 0.5;
    this.look(camera.nearTo({ ...this.camera, zoom: 0 }, this.view, this.view.columns / 2, middle, 0.7));
  }

  showSeat(index) {
    const { row, number } = this.hall.place(index);
    this.look(camera.nearTo(this.camera, this.view, number - 1, row - 1));
  }

  _wheel(event) {
    const more = -Math.sign(event.deltaY) * Math.min(STEP, Math.abs(event.deltaY) / 500);
    if (more < 0 && this.camera.zoom === 0) return; // the page scrolls on
    event.preventDefault();
    this.look(camera.zoomed(this.camera, this.view, more, event.offsetX, event.offsetY));
    this._hint(null);
  }

  _press(event) {
    if (event.button !== 0) return; // the others open menus and scroll
    this.canvas.setPointerCapture(event.pointerId);
    // Two fingers mean no seat, however little they move.
    this.travelled = this.pointers.size === 0 ? 0 : TAP_PIXELS;
    this.pointers.set(event.pointerId, { left: event.offsetX, top: event.offsetY });
  }

  _move(event) {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) {
      this._hint(event);
      return;
    }
    const now = { left: event.offsetX, top: event.offsetY };
    const [right, down] = [now.left - before.left, now.top - before.top];
    this.travelled += Math.hypot(right, down);
    if (this.travelled < TAP_PIXELS) return;
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (other === undefined) this.look(camera.moved(this.camera, this.view, right, down));
    else this._pinch(before, now, other);
  }

  _pinch(before, now, other) {
    const grown = apart(now, other) / Math.max(1, apart(before, other));
    const [left, top] = [(now.left + other.left) / 2, (now.top + other.top) / 2];
    this.look(camera.zoomed(this.camera, this.view, Math.log2(grown) / 3, left, top));
  }

  _lift(event) {
    const wasAlone = this.pointers.size === 1;
    this.pointers.delete(event.pointerId);
    if (!wasAlone || this.travelled >= TAP_PIXELS) return;
    const cell = camera.cellAt(this.camera, this.view, event.offsetX, event.offsetY);
    if (cell === null) return;
    const { across, down } = camera.scales(this.camera, this.view);
    if (Math.min(across, down) < PICK_FROM) {
      this.look(camera.nearTo(this.camera, this.view, cell.column, cell.row));
    } else {
      this.pick(cell.row * this.hall.columns + cell.column);
    }
  }

  _hint(event) {
    const cell = event && camera.cellAt(this.camera, this.view, event.offsetX, event.offsetY);
    const { across, down } = camera.scales(this.camera, this.view);
    const isClear = cell && Math.min(across, down) >= 6;
    this.tip.hidden = !isClear;
    this.canvas.classList.toggle("pointing", Boolean(isClear));
    if (!isClear) return;
    this.tip.textContent = about(this.hall, cell.row * this.hall.columns + cell.column);
    const left = Math.min(event.offsetX + 14, this.view.width - this.tip.offsetWidth - 4);
    this.tip.style.translate = `${left}px ${event.offsetY + 18}px`;
  }

  _key(event) {
    const keys = { "+": () => this.zoom(1), "=": () => this.zoom(1), "-": () => this.zoom(-1), 0: () => this.showWhole() };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = ARROWS[event.key];
    if (step !== undefined) this._walk(step);
    else if (event.key === "Enter" || event.key === " ") this._choose();
    else if (keys[event.key] !== undefined) keys[event.key]();
    else return;
    event.preventDefault();
  }

  _choose() {
    if (this.cursor < 0) this._walk([0, 0]);
    else this.pick(this.cursor);
  }

  _walk([across, down]) {
    if (this.cursor < 0) {
      this._point(this._nearMiddle());
    } else {
      const { row, number } = this.hall.place(this.cursor);
      const next = [row + down, number + across];
      const isSeat = next[0] >= 1 && next[0] <= this.hall.rows && next[1] >= 1 && next[1] <= this.hall.columns;
      if (isSeat) this._point(this.hall.index(next[0], next[1]));
    }
    this.showSeat(this.cursor);
    announce(about(this.hall, this.cursor));
  }

  /** The free or own seat of the middle row that is nearest to where the camera looks. */
  _nearMiddle() {
    const row = Math.min(this.hall.rows - 1, Math.floor(this.camera.y));
    const middle = row * this.hall.columns + Math.min(this.hall.columns - 1, Math.floor(this.camera.x));
    for (let away = 0; away < this.hall.columns; away += 1) {
      for (const index of [middle - away, middle + away]) {
        const isHere = Math.floor(index / this.hall.columns) === row;
        if (isHere && [FREE, MINE].includes(this.hall.state(index))) return index;
      }
    }
    return middle;
  }

  _point(index) {
    this.cursor = index;
    this.draw();
  }
}

function apart(one, other) {
  return Math.hypot(one.left - other.left, one.top - other.top);
}
