// The waiting room of an event: keeps a buyer's place until it is their turn.

import { change, Problem, wait } from "../base/api.js";
import { make, setText } from "../base/dom.js";
import { remember, remembered } from "../base/memory.js";
import { announce } from "../base/page.js";
import { told } from "../base/problems.js";
import { number, say } from "../base/words.js";

const ASK_MS = 3000;

/**
 * Make a call of this event's; where the waiting room is open, wait for the turn and make it again.
 * Raises the refusal where the buyer doesn't want to wait.
 * @template T
 * @param {number} eventId
 * @param {import("../base/session.js").Session} session
 * @param {() => Promise<T>} call
 */
export async function throughRoom(eventId, session, call) {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const isRoom = error instanceof Problem && error.name === "waiting-room";
      if (!isRoom || !(await admitted(eventId, session))) throw error;
    }
  }
}

/** Wait in a dialog; true when it is the buyer's turn, false when they leave. */
async function admitted(eventId, session) {
  const room = dialog();
  document.body.append(room.dialog);
  room.dialog.showModal();
  const leaving = new AbortController();
  room.dialog.addEventListener("close", () => leaving.abort());
  try {
    return await turn(eventId, session, room, leaving.signal);
  } finally {
    room.dialog.close();
    room.dialog.remove();
  }
}

async function turn(eventId, session, room, signal) {
  const kept = `waiting-place-${eventId}`;
  while (!signal.aborted) {
    try {
      const place = remembered(kept);
      const path = `/x/events/${eventId}/waiting-room/place`;
      const answer = await session.asking((asking) =>
        change("POST", path, place ? { place } : {}, { ...asking, signal }),
      );
      if (answer.place) remember(kept, answer.place);
      if (answer.state === "admitted" || answer.state === "closed") {
        announce(say("waiting.admitted"));
        return true;
      }
      show(room, answer);
    } catch (error) {
      if (signal.aborted) return false;
      if (error.name === "unauthenticated") throw error;
      setText(room.estimate, told(error));
    }
    await wait(ASK_MS, signal).catch(() => {});
  }
  return false;
}

/** @param {{state: string, position: number, estimate_seconds: number}} answer */
function show(room, { state, position, estimate_seconds: seconds }) {
  if (state === "before") {
    setText(room.place, say("waiting.before"));
    setText(room.estimate, "");
    return;
  }
  setText(room.place, say("waiting.place", { position: number(position) }));
  const minutes = Math.ceil(seconds / 60);
  setText(room.estimate, seconds < 60 ? say("waiting.soon") : say("waiting.estimate", { n: minutes }));
}

function dialog() {
  const place = make("p", { class: "place", role: "status" });
  const estimate = make("p", { class: "quiet", role: "status" });
  const leave = make("button", {}, say("waiting.leave"));
  const made = make(
    "dialog",
    { class: "card", "aria-labelledby": "waiting-title" },
    make(
      "div",
      { class: "stack" },
      make("h2", { id: "waiting-title" }, say("waiting.heading")),
      place,
      estimate,
      make("p", {}, say("waiting.keep")),
      leave,
    ),
  );
  leave.addEventListener("click", () => made.close());
  return { dialog: made, place, estimate };
}
