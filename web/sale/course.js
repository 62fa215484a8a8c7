// The sale over time: two lines, a sentence and a table that say the same.

import { get } from "../base/api.js";
import { serverNow } from "../base/clock.js";
import { byId, make, setText } from "../base/dom.js";
import { clockTime, hereTime, money, number, say } from "../base/words.js";
import { Chart } from "./chart.js";
import { between, gains, joined, merged, MINUTE_MS, pointsOf, summary } from "./series.js";

const SPANS = [15, 60, 360, 1440]; // minutes
const ROWS_MAX = 15;
const STEPS = [1, 5, 30, 120]; // minutes a row
const CALM_MS = 1000;

export class Course {
  /** @param {number} eventId @param {import("../base/session.js").Session} session */
  constructor(eventId, session) {
    this.eventId = eventId;
    this.session = session;
    /** @type {import("./series.js").Point[]} */
    this.points = [];
    const onPoint = (point, at) => setText(byId("course-pointed"), point ? pointed(point, at) : "");
    this.sold = new Chart(byId("sold-chart"), (point) => point.sold, number, onPoint);
    this.revenue = new Chart(byId("revenue-chart"), (point) => point.revenue, short, onPoint);
    this.span = byId("span");
    this.span.append(...SPANS.map((minutes) => make("option", { value: minutes }, spanWords(minutes))));
    this.span.value = "60";
    this.span.addEventListener("change", () => this.load());
    byId("course-details").addEventListener("toggle", () => this._show());
    setInterval(() => this._show(), 10_000); // time goes on where nothing is sold
  }

  /** What the server remembers, so that a page opened late or lost for a while shows all of it. */
  async load() {
    const path = `/x/events/${this.eventId}/sales?minutes=${this.span.value}`;
    const asked = await this.session.asking((asking) => get(path, asking)).catch(() => null);
    if (asked !== null) this.points = merged(this.points, pointsOf(asked.points));
    this._show();
  }

  /** @param {import("./series.js").Point} point as it stands now */
  add(point) {
    this.points = joined(this.points, point);
    this.calm ??= setTimeout(() => {
      this.calm = undefined;
      this._show();
    }, CALM_MS);
  }

  _show() {
    if (document.hidden || this.points.length === 0) return;
    const to = serverNow();
    const asked = to - Number(this.span.value) * MINUTE_MS;
    const known = this.points[0].at;
    // Where nothing is known there is nothing to draw.
    const from = Math.max(asked, Math.min(known, to - MINUTE_MS));
    const words = this._summary(from, to, known > asked + MINUTE_MS);
    setText(byId("course-summary"), words);
    const points = between(this.points, from, to);
    this.sold.show({ points, from, to, words: `${say("sales.sold")}. ${words}` });
    this.revenue.show({ points, from, to, words: `${say("sales.revenue")}. ${words}` });
    if (byId("course-details").open) this._fillTable(from, to);
  }

  _summary(from, to, isShort) {
    const { sold, revenue, busiest } = summary(this.points, from, to);
    const whole = say("course.summary", { span: spanWords(Number(this.span.value)), sold, revenue: money(revenue) });
    const best = busiest && say("course.busiest", { time: clockTime(busiest.at), n: busiest.sold });
    const since = isShort && say("course.since", { time: hereTime(this.points[0].at) });
    return [whole, best, since].filter(Boolean).join(" ");
  }

  _fillTable(from, to) {
    const step = STEPS.find((minutes) => minutes * MINUTE_MS * ROWS_MAX >= to - from);
    const stepMs = MINUTE_MS * (step ?? STEPS[STEPS.length - 1]);
    const start = Math.floor(from / stepMs) * stepMs;
    const rows = gains(this.points, start, to, stepMs).reverse();
    byId("course-rows").replaceChildren(
      ...rows.map(({ at, sold, total }) =>
        make("tr", {}, make("th", { scope: "row", class: "figure" }, clockTime(at)),
          ...[number(sold), number(total.sold), money(total.revenue)].map((text) => make("td", { class: "figure" }, text))),
      ),
    );
  }
}

function pointed(point, at) {
  const values = { time: clockTime(at, true), n: point.sold, revenue: money(point.revenue) };
  return say("course.pointed", values);
}

function spanWords(minutes) {
  return minutes < 60 ? say("course.minutes", { n: minutes }) : say("course.hours", { n: minutes / 60 });
}

/** Millions need no zeros beside an axis. */
export function short(value) {
  if (value >= 1e6) return say("course.millions", { n: Math.round(value / 1e5) / 10 });
  if (value >= 1e3) return say("course.thousands", { n: Math.round(value / 100) / 10 });
  return number(value);
}
