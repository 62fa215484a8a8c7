// The server puts a story together from its log; it is watched while it does, then fetched.

import { change, get, open, patiently, wait } from "../base/api.js";
import { StoryReader } from "./story.js";

const LOOK_MS = 1000;

export class Making {
  /**
   * @param {number} eventId @param {import("../base/session.js").Session} session
   * @param {(making: {state: string, progress: number}) => void} onState
   * @param {(problem: import("../base/api.js").Problem) => void} onWait
   */
  constructor(eventId, session, onState, onWait) {
    this.path = `/x/events/${eventId}/replay`;
    this.session = session;
    this.onState = onState;
    this.onWait = onWait;
  }

  /** Have it made, and watch until it is. */
  async begin() {
    await this.session.asking((asking) => change("POST", this.path, {}, asking));
    await this.look();
  }

  /** How far it is, until nothing moves any more; a service that was started anew has none. */
  async look() {
    const ask = () => this.session.asking((asking) => get(this.path, asking));
    for (;;) {
      const making = await patiently(ask, LOOK_MS, this.onWait);
      this.onState(making);
      if (making.state !== "running") return;
      await wait(LOOK_MS);
    }
  }
}

/**
 * The whole story; read while it comes, so that the page stays alive. A connection that is cut ends
 * it like any other end: the story says itself whether it is whole.
 * @param {number} eventId @param {import("../base/session.js").Session} session
 */
export async function fetchStory(eventId, session) {
  const path = `/x/events/${eventId}/replay/data`;
  const answer = await session.asking((asking) => open(path, asking));
  const reader = /** @type {ReadableStream} */ (answer.body).getReader();
  const decoder = new TextDecoder();
  const story = new StoryReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (done) break;
    story.take(decoder.decode(value, { stream: true }));
  }
  return story.end();
}
