// The hall for those who only look: the buyers' map, where a tap says how a seat stands.

import { get, patiently } from "../base/api.js";
import { byId, setShown } from "../base/dom.js";
import { announce } from "../base/page.js";
import { Feed } from "../hall/feed.js";
import { Hall } from "../hall/hall.js";
import { fillLegend } from "../hall/legend.js";
import { SeatMap } from "../hall/map.js";
import { about } from "../hall/seat.js";

const AGAIN_MS = 2000;

/** The hall of an event as it stands, kept up to date. @param {number} eventId */
export async function showHall(eventId) {
  const plan = await patiently(() => get(`/x/events/${eventId}/plan`), AGAIN_MS);
  const hall = new Hall(plan);
  const map = beginMap(hall);
  const feed = new Feed(hall, { onChange: (indexes) => map.refresh(indexes), onState: () => {} });
  await feed.start();
}

/** The map of a hall, with its buttons. @param {Hall} hall */
export function beginMap(hall) {
  setShown(byId("hall"), true);
  const map = new SeatMap(byId("map"), byId("tip"), hall, (index) => announce(about(hall, index)));
  byId("zoom-in").addEventListener("click", () => map.zoom(1));
  byId("zoom-out").addEventListener("click", () => map.zoom(-1));
  byId("zoom-whole").addEventListener("click", () => map.showWhole());
  fillLegend(byId("legend"));
  return map;
}
