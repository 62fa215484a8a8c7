// Follows an event's figures: by the server's stream, and where it has none for us by asking anew.

import { get, open, Problem, wait } from "../base/api.js";
import { readEvents } from "../base/events.js";

const POLL_MS = 2000;
const STREAM_AGAIN_MS = 30_000;

/**
 * `onFigures` is told each news, `onState` "live", "polling" or "lost", `onBegin` that news may have
 * been missed, `onRefusal` why there will be none.
 * @typedef {object} Told
 * @property {(figures: any) => void} onFigures
 * @property {(state: string) => void} onState
 * @property {() => void} onBegin
 * @property {(problem: Problem) => void} onRefusal
 */

export class Live {
  /** @param {number} eventId @param {import("../base/session.js").Session} session @param {Told} told */
  constructor(eventId, session, told) {
    this.figuresPath = `/x/analytics?id=${eventId}&by=zone`;
    this.streamPath = `/x/events/${eventId}/dashboard`;
    this.session = session;
    this.told = told;
    this.running = new AbortController();
    this.isRefused = false;
  }

  /** Follow as long as somebody looks at the page. */
  start() {
    document.addEventListener("visibilitychange", () => this._look());
    this._look();
  }

  _look() {
    this.running.abort();
    this.running = new AbortController();
    if (!document.hidden && !this.isRefused) void this._follow(this.running.signal);
  }

  async _follow(signal) {
    try {
      while (!signal.aborted) {
        const isUp = await this._ask(signal);
        if (isUp) this.told.onBegin();
        if (isUp && !(await this._stream(signal))) await this._poll(signal);
        else await wait(POLL_MS, signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      this.isRefused = true;
      this.told.onRefusal(error);
    }
  }

  async _poll(signal) {
    const until = Date.now() + STREAM_AGAIN_MS;
    while (Date.now() < until) {
      this.told.onState("polling");
      await wait(POLL_MS, signal);
      if (!(await this._ask(signal))) return;
    }
  }

  /** False: the server can't be reached or is too busy. Throws where it refuses for good. */
  async _ask(signal) {
    try {
      const figures = await this._asking(signal, (asking) => get(this.figuresPath, asking));
      this.told.onFigures(figures);
      return true;
    } catch (error) {
      return this._lost(error, signal);
    }
  }

  /** Follow the stream until it is cut; false: there is none for us now. */
  async _stream(signal) {
    try {
      const answer = await this._asking(signal, (asking) => open(this.streamPath, asking));
      this.told.onState("live");
      await readEvents(answer, signal, this.told.onFigures);
      return true;
    } catch (error) {
      if (signal.aborted || !(error instanceof Problem)) throw error;
      return error.status === 0;
    }
  }

  _lost(error, signal) {
    const isPassing = error instanceof Problem && (error.status === 0 || error.status >= 500 || error.status === 429);
    if (signal.aborted || !isPassing) throw error;
    this.told.onState("lost");
    return false;
  }

  _asking(signal, call) {
    const onWait = () => this.told.onState("lost");
    return this.session.asking((asking) => call({ ...asking, signal, onWait }));
  }
}
