// The server puts a story together from its log; it is watched while it does, then fetched.

import { change, get, open, wait } from "../base/api.js";
import { StoryReader } from "./story.js";

const LOOK_MS = 1000;

export class Making {
  /**
   * @param {number} eventId @param {import("../base/session.js").Session} session
   * @param {(making: {state: string, progress: number}) => void} onState
   */
  constructor(eventId, session, onState) {
    this.path = `/x/events/${eventId}/replay`;
    this.session = session;
    this.onState = onState;
  }

  /** Have it made, and watch until it is. */
  async begin() {
    await this.session.asking((asking) => change("POST", this.path, {}, asking));
    await this.look();
  }

  /** How far it is, until nothing moves any more. */
  async look() {
    for (;;) {
      const making = await this.session.asking((asking) => get(this.path, asking));
      this.onState(making);
      if (making.state !== "running") return;
      await wait(LOOK_MS);
    }
  }
}

/**
 * The whole story; read while it comes, so that the page stays alive.
 * @param {number} eventId @param {import("../base/session.js").Session} session
 */
export async function fetchStory(eventId, session) {
  const path = `/x/events/${eventId}/replay/data`;
  const answer = await session.asking((asking) => open(path, asking));
  const reader = /** @type {ReadableStream} */ (answer.body).getReader();
  const decoder = new TextDecoder();
  const story = new StoryReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    story.take(decoder.decode(value, { stream: true }));
  }
  return story.end();
}
