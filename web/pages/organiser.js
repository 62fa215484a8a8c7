// A sale as it goes: choose an event, then its figures live, over time, by zone, and its hall.

import { get, patiently } from "../base/api.js";
import { serverNow } from "../base/clock.js";
import { byId, setShown, setText, whileBusy } from "../base/dom.js";
import { alarm, announce, beginPage, setTitle } from "../base/page.js";
import { told } from "../base/problems.js";
import { staff } from "../base/session.js";
import { clockTime, hallTime, learnWords, say } from "../base/words.js";
import { beginChoice } from "../sale/choice.js";
import { Course } from "../sale/course.js";
import { saveFile } from "../sale/export.js";
import { staffInside } from "../sale/gate.js";
import { showHall } from "../sale/hall.js";
import { Live } from "../sale/live.js";
import { pointOf } from "../sale/series.js";
import { beginWaitingRoom } from "../sale/waiting-room.js";
import { showFigures, ZoneTable } from "../sale/zones.js";

const AGAIN_MS = 2000;
const eventId = Number(new URLSearchParams(location.search).get("id"));

await learnWords("staff");
beginPage("sales.title", staff);
await staffInside();
if (eventId > 0) void openSale();
else choose();

function choose() {
  setShown(byId("choice"), true);
  beginChoice("/organiser");
}

async function openSale() {
  try {
    const call = () => get(`/x/events/${eventId}`);
    describe(await patiently(call, AGAIN_MS, (problem) => alarm(told(problem))));
  } catch (problem) {
    refuse(problem);
    return;
  }
  setShown(byId("sale"), true);
  byId("to-replay").href = `/replay?id=${eventId}`;
  byId("to-event").href = `/event?id=${eventId}`;
  for (const format of ["csv", "json"]) {
    byId(format).addEventListener("click", () => whileBusy(byId(format), () => save(format)));
  }
  follow();
  void showHall(eventId).catch(() => {});
  void beginWaitingRoom(eventId, staff);
}

function describe(event) {
  setTitle(event.title);
  setText(byId("title"), event.title);
  setText(byId("when"), hallTime(event.datetime_start));
}

function follow() {
  const zones = new ZoneTable(byId("zone-rows"));
  const course = new Course(eventId, staff);
  new Live(eventId, staff, {
    onBegin: () => course.load(),
    onState: showState,
    onRefusal: refuse,
    onFigures: (figures) => {
      const point = pointOf(figures, serverNow());
      showFigures(byId, point);
      zones.show(figures.zones);
      course.add(point);
    },
  }).start();
}

function showState(state) {
  const line = byId("state");
  if (line.classList.contains(state)) return; // lost since the first time
  line.className = `state ${state}`;
  setText(line, say(`sales.${state}`, { time: clockTime(Date.now(), true) }));
}

async function save(format) {
  announce(say("sales.saving"));
  try {
    const path = `/x/events/${eventId}/export?format=${format}`;
    await saveFile(staff, path, `event-${eventId}-bookings.${format}`);
    announce(say("sales.saved"));
  } catch (problem) {
    alarm(told(problem));
  }
}

/** There is no such sale: say so, and offer the others. */
function refuse(problem) {
  setShown(byId("sale"), false);
  alarm(told(problem));
  choose();
}
