// The basket on the page: seats, sum, the time that is left, and what to do next.

import { wait } from "../base/api.js";
import { serverNow } from "../base/clock.js";
import { byId, make, setShown, setText } from "../base/dom.js";
import { alarm, announce } from "../base/page.js";
import { money, say } from "../base/words.js";
import { place } from "../hall/seat.js";
import { face, left, warning } from "./countdown.js";

const TICK_MS = 500;
const ASK_MS = 1500;
const WARNINGS = { 120000: "basket.twoMinutes", 30000: "basket.halfMinute" };

export class BasketView {
  /**
   * @param {import("./basket.js").Basket} basket
   * @param {import("../hall/hall.js").Hall} hall
   * @param {(seatId: number) => void} release
   */
  constructor(basket, hall, release) {
    this.basket = basket;
    this.hall = hall;
    this.release = release;
    this.leftBefore = Infinity;
    /** When the time of the seats that are shown is up; 0: there are none. */
    this.heldUntil = 0;
    /** The words for what became of seats that were shown; "": the buyer here let them go. */
    this.end = "";
    basket.addEventListener("change", () => this.show());
    setInterval(() => this._tick(), TICK_MS);
    this.show();
  }

  show() {
    const { seats, status, expiresAt } = this.basket;
    const isWithin = byId("basket").contains(document.activeElement);
    const at = this._crosses().indexOf(document.activeElement);
    const indexes = Array.from(seats, (id) => this.hall.indexOf(id)).sort((one, two) => one - two);
    byId("basket-seats").replaceChildren(...indexes.map((index) => this._line(index)));
    const total = indexes.reduce((sum, index) => sum + Number(this.hall.zone(index).price), 0);
    setText(byId("basket-count"), say("basket.count", { n: seats.size }));
    setText(byId("basket-total"), money(String(total)));
    const isEmpty = seats.size === 0;
    if (!isEmpty) this.end = "";
    else if (this.heldUntil > 0) this._tellEnd(status);
    this.heldUntil = isEmpty ? 0 : expiresAt || Infinity;
    setText(byId("basket-note"), this._note(isEmpty, status));
    setShown(byId("basket-note"), this._note(isEmpty, status) !== "");
    setShown(byId("basket-sum"), !isEmpty);
    setShown(byId("basket-actions"), !isEmpty);
    const isUnderPayment = status === "PAYMENT_INITIATED";
    setText(byId("pay"), say(isUnderPayment ? "basket.payAgain" : "basket.pay"));
    byId("basket").classList.toggle("filled", !isEmpty);
    this._tick();
    if (isWithin) this._keepFocus(at);
  }

  /** Whoever stood on what is gone stands on the next cross, or on the heading. */
  _keepFocus(at) {
    const here = document.activeElement;
    if (byId("basket").contains(here) && !here?.closest("[hidden]")) return;
    const crosses = at < 0 ? [] : this._crosses();
    (crosses[Math.min(at, crosses.length - 1)] ?? byId("basket-heading")).focus();
  }

  /** @returns {any[]} */
  _crosses() {
    return Array.from(byId("basket-seats").querySelectorAll("button"));
  }

  _note(isEmpty, status) {
    if (isEmpty) return say(this.end || "basket.empty");
    return status === "PAYMENT_INITIATED" ? say("basket.underPayment") : "";
  }

  _line(index) {
    const { row, number } = this.hall.place(index);
    const values = { row: String(row), number: String(number) };
    const drop = make("button", { class: "plain", "aria-label": say("basket.release", values) }, "×");
    drop.addEventListener("click", () => this.release(this.hall.seatId(index)));
    const words = make("span", {}, place(row, number));
    const price = make("span", { class: "figure quiet" }, money(this.hall.zone(index).price));
    return make("li", {}, words, price, drop);
  }

  _tick() {
    const { expiresAt, seats } = this.basket;
    const isRunning = expiresAt > 0 && seats.size > 0;
    setShown(byId("basket-left"), isRunning);
    if (!isRunning) {
      this.leftBefore = Infinity;
      return;
    }
    const now = left(expiresAt, serverNow());
    setText(byId("basket-left"), say("basket.left", { time: face(now) }));
    byId("basket-left").classList.toggle("warn", now <= 120_000);
    this._warn(warning(this.leftBefore, now));
    this.leftBefore = now;
  }

  _warn(due) {
    if (due === null) return;
    if (due > 0) announce(say(WARNINGS[due]));
    else void this._askForTheEnd();
  }

  /** The server ends holds a few times a second, but none whose money is just being captured. */
  async _askForTheEnd() {
    while (this.heldUntil > 0 && this.heldUntil <= serverNow()) {
      await wait(ASK_MS);
      await this.basket.refresh().catch(() => {});
    }
  }

  /** Say what became of seats that were shown, where it wasn't the buyer here who let them go. */
  _tellEnd(status) {
    const isOver = status === "CANCELLED" && this.heldUntil <= serverNow();
    if (isOver) this.end = "basket.over";
    if (status === "CONFIRMED") this.end = "basket.paid";
    if (this.end) alarm(say(this.end));
  }
}
