// Keeps a hall as the server has it: the whole map once, then what changes, as it changes.

import { get, getBytes, open, Problem, wait } from "../base/api.js";
import { readEvents } from "../base/events.js";
import { unpack } from "./bits.js";

const POLL_MS = 2000;
const STREAM_AGAIN_MS = 30_000;

/**
 * `onChange` is told the indexes that changed, null for all; `onState` "live", "polling" or "lost".
 */
export class Feed {
  /**
   * @param {import("./hall.js").Hall} hall
   * @param {{onChange: (indexes: number[] | null) => void, onState: (state: string) => void}} told
   */
  constructor(hall, { onChange, onState }) {
    this.hall = hall;
    this.onChange = onChange;
    this.onState = onState;
    this.version = 0;
    this.path = `/x/events/${hall.eventId}`;
    this.running = new AbortController();
  }

  /** Resolves when the map is there; it is kept up to date as long as somebody looks at the page. */
  async start() {
    await this._begin();
    document.addEventListener("visibilitychange", () => this._look());
    this._look();
  }

  _look() {
    this.running.abort();
    this.running = new AbortController();
    if (document.hidden) return;
    void this._follow(this.running.signal);
  }

  /** The first map, however long the server can't be reached; raises what no patience will mend. */
  async _begin() {
    for (;;) {
      try {
        return await this._load();
      } catch (error) {
        if (!(error instanceof Problem) || error.status === 404) throw error;
        this._missed(error);
        await wait(POLL_MS);
      }
    }
  }

  _missed(error) {
    this.onState(error instanceof Problem && error.status ? "polling" : "lost");
  }

  async _load(signal) {
    const bytes = await getBytes(`${this.path}/seatmap`, { signal });
    performance.mark("hall-data");
    const { version, states } = unpack(bytes, this.hall.states.length);
    this.version = version;
    this.hall.fill(states);
    this.onChange(null);
  }

  /** What a browser missed while nobody looked, then the stream; where there is none, ask again. */
  async _follow(signal) {
    while (!signal.aborted) {
      const isUp = await this._ask(signal);
      if (isUp && !(await this._stream(signal))) await this._poll(signal, STREAM_AGAIN_MS);
      else if (!signal.aborted) await wait(POLL_MS, signal).catch(() => {});
    }
  }

  async _poll(signal, forMs) {
    const until = Date.now() + forMs;
    while (!signal.aborted && Date.now() < until) {
      this.onState("polling");
      await wait(POLL_MS, signal).catch(() => {});
      if (!signal.aborted && !(await this._ask(signal))) return;
    }
  }

  /** False: the server can't be reached. */
  async _ask(signal) {
    const asking = { signal, onWait: (problem) => this._missed(problem) };
    try {
      await this._take(await get(`${this.path}/seatmap?since=${this.version}`, asking), signal);
      return true;
    } catch (error) {
      if (!signal.aborted) this._missed(error);
      return false;
    }
  }

  async _take(told, signal) {
    if (told.whole) {
      await this._load(signal);
      return;
    }
    if (told.version <= this.version) return; // the map that was fetched meanwhile has it
    this.version = told.version;
    const changed = this.hall.change(told);
    if (changed.length > 0) this.onChange(changed);
  }

  /** Follow the stream until it ends; false: the server has none for us, true: it was cut. */
  async _stream(signal) {
    try {
      const answer = await open(`${this.path}/stream?since=${this.version}`, { signal });
      this.onState("live");
      // One after another: what changes while a map is fetched comes after that map.
      await readEvents(answer, signal, (told) => this._take(told, signal));
      return true;
    } catch (error) {
      return signal.aborted || !(error instanceof Problem) || error.status === 0;
    }
  }
}
