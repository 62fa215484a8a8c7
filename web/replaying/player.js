// Plays a story on the page: the hall, the figures and the line of the sale move together.

import { byId, make, setText } from "../base/dom.js";
import { announce } from "../base/page.js";
import { clockTime, hereTime, money, number, say } from "../base/words.js";
import { Hall } from "../hall/hall.js";
import { Chart } from "../sale/chart.js";
import { beginMap } from "../sale/hall.js";
import { standing, summary } from "../sale/series.js";
import { showFigures } from "../sale/zones.js";
import { fitting, SPEEDS, StoryClock } from "./clock.js";
import { moments } from "./moments.js";
import { Position, seriesOf } from "./position.js";

const POINTS = 600;
const FIGURES_MS = 100; // figures that change more often can't be read
const ARROW_PART = 0.01;

export class Player {
  /** @param {import("./story.js").Story} story */
  constructor(story) {
    this.story = story;
    this.clock = new StoryClock(story.length);
    this.clock.speed = fitting(story.length);
    this.position = new Position(story);
    this.points = seriesOf(story, POINTS);
    const hall = new Hall(story.plan);
    hall.fill(this.position.states); // one array for both: what is played is what is drawn
    this.map = beginMap(hall);
    this.chart = new Chart(byId("sold-chart"), (point) => point.sold, number);
    this.shownAt = 0;
    this.frameAt = 0;
    this.words = this._summary();
  }

  begin() {
    setText(byId("course-summary"), this.words);
    setText(byId("since"), this._since());
    this._listen();
    this.map.refresh(null);
    this._showAll();
    byId("play").focus();
  }

  _since() {
    const time = hereTime(this.story.beganAt);
    return say(this.story.isWhole ? "replay.whole" : "replay.part", { time, n: this.story.changes });
  }

  _summary() {
    const [from, to] = [this.story.beganAt, this.story.beganAt + this.story.length];
    const { sold, revenue, busiest } = summary(this.points, from, to);
    const whole = say("replay.summary", { sold, revenue: money(revenue) });
    return busiest && this.story.length < POINTS * 60_000
      ? `${whole} ${say("course.busiest", { time: clockTime(busiest.at), n: busiest.sold })}`
      : whole;
  }

  _listen() {
    const speed = byId("speed");
    speed.append(...SPEEDS.map((one) => make("option", { value: one }, `${number(one)}×`)));
    speed.addEventListener("change", () => (this.clock.speed = Number(speed.value)));
    byId("play").addEventListener("click", () => this._toggle());
    const scrubber = byId("scrubber");
    scrubber.addEventListener("input", () => this._seek((this.clock.length * scrubber.value) / 1000));
    byId("moments").append(
      ...moments(this.story).map(({ name, at }) =>
        make("button", { onclick: () => this._jump(name, at) }, say(`moment.${name}`)),
      ),
    );
    document.addEventListener("keydown", (event) => this._key(event));
  }

  /** Keys of the player, where no control has them for itself. */
  _key(event) {
    const isTaken = event.target.closest?.("button, select, input, a, canvas, [role=region]");
    if (event.ctrlKey || event.metaKey || event.altKey || isTaken) return;
    const part = this.clock.length * ARROW_PART;
    const keys = {
      " ": () => this._toggle(),
      ArrowLeft: () => this._seek(this.clock.at - part),
      ArrowRight: () => this._seek(this.clock.at + part),
      Home: () => this._seek(0),
      End: () => this._seek(this.clock.length),
      "+": () => this.clock.change(1),
      "-": () => this.clock.change(-1),
    };
    if (keys[event.key] === undefined) return;
    event.preventDefault();
    keys[event.key]();
    this._showControls();
  }

  _toggle() {
    this.clock.toggle();
    this._showControls();
    this.frameAt = performance.now();
    this._play();
  }

  /** One frame after the other, however often it is begun. */
  _play() {
    if (this.clock.isPlaying) this.frame ??= requestAnimationFrame((now) => this._frame(now));
  }

  _frame(now) {
    this.frame = undefined;
    this.clock.pass(now - this.frameAt);
    this.frameAt = now;
    this._go();
    if (now - this.shownAt >= FIGURES_MS || !this.clock.isPlaying) {
      this.shownAt = now;
      this._showAll();
    }
    this._play();
  }

  _seek(at) {
    this.clock.seek(at);
    this._go();
    this._showAll();
  }

  _jump(name, at) {
    this._seek(at);
    const { sold } = this.position.counts;
    announce(say("replay.at", { time: this._time(), n: sold, moment: say(`moment.${name}`) }));
  }

  _go() {
    const changed = this.position.goTo(this.clock.at);
    if (changed === null || changed.size > 0) this.map.refresh(changed);
  }

  _time() {
    return hereTime(this.story.beganAt + this.clock.at);
  }

  _showAll() {
    showFigures(byId, { ...this.position.counts, revenue: this.position.revenue / 100 });
    const [from, to] = [this.story.beganAt, this.story.beganAt + this.story.length];
    this.chart.show({ points: this.points, from, to, words: this.words, now: from + this.clock.at });
    this._showControls();
  }

  _showControls() {
    const scrubber = byId("scrubber");
    scrubber.value = String(Math.round((1000 * this.clock.at) / Math.max(1, this.clock.length)));
    const instant = this.story.beganAt + this.clock.at;
    const day = new Date(instant).toDateString() === new Date(this.story.beganAt).toDateString();
    setText(byId("clock"), day ? clockTime(instant, true) : this._time());
    const { sold } = standing(this.points, instant);
    scrubber.setAttribute("aria-valuetext", say("course.pointed", {
      time: this._time(), n: sold, revenue: money(this.position.revenue / 100),
    }));
    byId("speed").value = String(this.clock.speed);
    setText(byId("play"), say(this.clock.isPlaying ? "replay.pause" : "replay.play"));
  }
}
