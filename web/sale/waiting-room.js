// The event's waiting room, as its organiser opens and closes it.

import { change, get, patiently } from "../base/api.js";
import { byId, setShown, setText } from "../base/dom.js";
import { alarm, announce } from "../base/page.js";
import { told } from "../base/problems.js";
import { hereTime, say } from "../base/words.js";

const REFRESH_MS = 5000;

/** @param {number} eventId @param {import("../base/session.js").Session} session */
export async function beginWaitingRoom(eventId, session) {
  const path = `/x/events/${eventId}/waiting-room`;
  try {
    const room = await patiently(() => get(path), REFRESH_MS);
    show(room);
    if (room.state !== "closed") fill(room);
  } catch {
    return; // a service without waiting rooms shows none
  }
  let orders = 0;
  setShown(byId("room"), true);
  const order = (where, body, words) => async (event) => {
    event.preventDefault();
    try {
      const room = await session.asking((asking) => change("POST", where, body(), asking));
      orders += 1;
      show(room);
      announce(say(words));
    } catch (problem) {
      alarm(told(problem));
    }
  };
  byId("room-form").addEventListener("submit", order(path, wanted, "room.wasSet"));
  byId("room-close").addEventListener("click", order(`${path}/close`, () => ({}), "room.wasClosed"));
  const look = async () => {
    const before = orders;
    const room = await get(path);
    if (before === orders) show(room); // else it is of before the order that was carried out since
  };
  setInterval(() => document.hidden || look().catch(() => {}), REFRESH_MS);
}

// The form knows of no seconds: what is left as it stands there is sent as it was set.
let set = { shown: "", opens_at: "" };

/** The form says what is set, so that a change of one thing changes no other. */
function fill(room) {
  byId("room-rate").value = String(room.per_minute);
  byId("room-pass").value = String(room.pass_minutes);
  if (room.state !== "before") return;
  set = { shown: localTime(room.opens_at), opens_at: room.opens_at };
  byId("room-opens").value = set.shown;
}

/** As an input of the kind datetime-local writes it. */
function localTime(instant) {
  const at = new Date(instant);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function wanted() {
  const opens = byId("room-opens").value;
  return {
    opens_at: opens === set.shown ? set.opens_at : opens && new Date(opens).toISOString(),
    per_minute: Number(byId("room-rate").value),
    pass_minutes: Number(byId("room-pass").value),
  };
}

function show(room) {
  const values = { n: room.waiting, rate: room.per_minute };
  const time = room.opens_at && hereTime(room.opens_at);
  const key = room.state === "open" ? "room.running" : `room.${room.state}`;
  setText(byId("room-state"), say(key, { ...values, time }));
  const isOpen = room.state !== "closed";
  setText(byId("room-open"), say(isOpen ? "room.change" : "room.open"));
  setShown(byId("room-close"), isOpen);
}
