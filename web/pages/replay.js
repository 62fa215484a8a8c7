// A sale in replay: have the server put it together from its log, fetch it, play it.

import { get, patiently } from "../base/api.js";
import { byId, setShown, setText, whileBusy } from "../base/dom.js";
import { alarm, beginPage, setTitle } from "../base/page.js";
import { told } from "../base/problems.js";
import { staff } from "../base/session.js";
import { learnWords, say } from "../base/words.js";
import { beginChoice } from "../sale/choice.js";
import { staffInside } from "../sale/gate.js";
import { fetchStory, Making } from "../replaying/making.js";
import { Player } from "../replaying/player.js";

const AGAIN_MS = 2000;
const eventId = Number(new URLSearchParams(location.search).get("id"));

await learnWords("staff");
beginPage("replay.title", staff);
await staffInside();
if (eventId > 0) void open();
else choose();

function choose() {
  setShown(byId("choice"), true);
  beginChoice("/replay");
}

async function open() {
  try {
    const call = () => get(`/x/events/${eventId}`);
    const event = await patiently(call, AGAIN_MS, (problem) => alarm(told(problem)));
    setTitle(event.title);
    setText(byId("title"), event.title);
  } catch (problem) {
    alarm(told(problem));
    choose();
    return;
  }
  byId("to-sale").href = `/organiser?id=${eventId}`;
  setShown(byId("making"), true);
  const making = new Making(eventId, staff, showMaking, (problem) => {
    setText(byId("making-state"), told(problem));
  });
  listenTo("begin", () => making.begin());
  listenTo("play-ready", play);
  await whileBusy(byId("begin"), () => attempt(() => making.look()));
}

/** @param {{state: string, progress: number}} making in per cent */
function showMaking({ state, progress }) {
  setText(byId("making-state"), say(`replay.${state}`));
  const isRunning = state === "running";
  setShown(byId("making-progress"), isRunning);
  if (isRunning) byId("making-progress").value = progress;
  setShown(byId("begin"), !isRunning);
  setText(byId("begin"), say(state === "ready" ? "replay.again" : "replay.begin"));
  setShown(byId("play-ready"), state === "ready");
}

async function play() {
  setText(byId("making-state"), say("replay.fetching"));
  const story = await fetchStory(eventId, staff);
  setText(byId("making-state"), "");
  setShown(byId("making"), false);
  setShown(byId("replay"), true);
  const player = new Player(story);
  player.begin();
}

function listenTo(id, work) {
  const button = byId(id);
  button.addEventListener("click", () => whileBusy(button, () => attempt(work)));
}

async function attempt(work) {
  try {
    await work();
  } catch (problem) {
    const isBroken = problem instanceof RangeError || problem instanceof SyntaxError;
    setText(byId("making-state"), isBroken ? say("replay.broken") : "");
    if (!isBroken) alarm(told(problem));
  }
}
