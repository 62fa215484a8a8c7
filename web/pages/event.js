// One event: what it is, its hall, and the buyer's way from a seat to the payment.

import { get, patiently, Problem } from "../base/api.js";
import { byId, make, setShown, setText, whileBusy } from "../base/dom.js";
import { requireLogin } from "../base/login.js";
import { alarm, announce, beginPage, setTitle } from "../base/page.js";
import { told } from "../base/problems.js";
import { buyer } from "../base/session.js";
import { hallTime, money, say } from "../base/words.js";
import { BasketView } from "../buying/basket-view.js";
import { Basket } from "../buying/basket.js";
import { pay } from "../buying/payment.js";
import { beginTogether } from "../buying/together.js";
import { Feed } from "../hall/feed.js";
import { FREE } from "../hall/bits.js";
import { Hall, MINE } from "../hall/hall.js";
import { fillLegend } from "../hall/legend.js";
import { SeatList } from "../hall/list.js";
import { SeatMap } from "../hall/map.js";
import { about, place } from "../hall/seat.js";

const AGAIN_MS = 2000;
const SOLD_OUT_MS = 2000;
const eventId = Number(new URLSearchParams(location.search).get("id"));

beginPage("event.title", buyer);
void open();

async function open() {
  try {
    const event = await asked(`/x/events/${eventId}`);
    describe(event);
    if (event.active) await beginSale(await asked(`/x/events/${eventId}/plan`));
    else close("event.past");
  } catch (error) {
    const isMissing = error instanceof Problem && [400, 404].includes(error.status);
    if (isMissing) close("event.missing");
    else alarm(told(error));
  }
}

/** What is answered in the end; meanwhile the page says what it waits for. */
async function asked(path) {
  const found = await patiently(() => get(path), AGAIN_MS, (problem) => {
    setText(byId("closed"), told(problem));
    setShown(byId("closed"), true);
  });
  setShown(byId("closed"), false);
  return found;
}

function describe(event) {
  setTitle(event.title);
  setText(byId("title"), event.title);
  setText(byId("when"), hallTime(event.datetime_start));
  setText(byId("organiser"), event.provider ? say("event.organiser", { name: event.provider }) : "");
  setText(byId("description"), event.description);
}

function close(key) {
  const link = make("a", { href: "/" }, say("event.toSearch"));
  byId("closed").replaceChildren(`${say(key)} `, link);
  setShown(byId("closed"), true);
}

async function beginSale(plan) {
  setShown(byId("sale"), true);
  const hall = new Hall(plan);
  const basket = new Basket(eventId, buyer);
  const choose = (index) => toggle(hall, basket, index, refresh);
  const map = new SeatMap(byId("map"), byId("tip"), hall, choose);
  const list = new SeatList(hall, choose);
  const signSoldOut = soldOutSign(hall);
  const refresh = (indexes) => {
    map.refresh(indexes);
    list.refresh(indexes);
    showZones(hall, map, list);
    signSoldOut();
  };
  listenToBasket(basket, hall, refresh);
  listenToButtons(map, basket);
  beginTogether(hall.zones, (count, zone) => takeTogether(hall, basket, map, count, zone));
  new BasketView(basket, hall, (seatId) => toggle(hall, basket, hall.indexOf(seatId), refresh));
  fillLegend(byId("legend"));
  await new Feed(hall, { onChange: refresh, onState: showState }).start();
  requestAnimationFrame(() => performance.mark("hall-ready"));
  listenToReturns(basket);
  void basket.restore().catch(() => {});
}

function listenToBasket(basket, hall, refresh) {
  basket.addEventListener("change", () => {
    const before = hall.mine;
    hall.mine = new Set(Array.from(basket.seats, (id) => hall.indexOf(id)));
    refresh(new Set([...before, ...hall.mine]));
  });
  basket.addEventListener("wait", (event) => announce(told(event.detail)));
  buyer.addEventListener("change", () => basket.restore().catch(() => {}));
}

function listenToButtons(map, basket) {
  byId("zoom-in").addEventListener("click", () => map.zoom(1));
  byId("zoom-out").addEventListener("click", () => map.zoom(-1));
  byId("zoom-whole").addEventListener("click", () => map.showWhole());
  listenTo("pay", async () => {
    announce(say("basket.paying"));
    await payFor(basket);
  });
  listenTo("cancel", async () => {
    await basket.cancel();
    if (basket.status !== "CONFIRMED") announce(say("basket.cancelled"));
  });
}

async function payFor(basket) {
  try {
    await pay(buyer, basket.bookingId, (problem) => alarm(told(problem)));
  } catch (error) {
    // The booking itself is refused: it may be paid for, or over, by what was done elsewhere.
    if ([403, 404, 419].includes(error.status)) void basket.refresh().catch(() => {});
    throw error;
  }
}

/** Whoever comes back, from another tab or by the Back button, may have paid or cancelled there. */
function listenToReturns(basket) {
  const restore = () => basket.restore().catch(() => {});
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void restore();
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) void restore();
  });
}

function listenTo(id, work) {
  const button = byId(id);
  button.addEventListener("click", () => whileBusy(button, () => attempt(work)));
}

/** Take a free seat, release an own one; of any other say how it stands. */
async function toggle(hall, basket, index, refresh) {
  const state = hall.state(index);
  if (hall.pending.has(index)) return;
  if (state !== FREE && state !== MINE) {
    announce(about(hall, index));
    return;
  }
  const { row, number } = hall.place(index);
  const values = { row: String(row), number: String(number) };
  await attempt(async () => {
    if (!(await requireLogin(buyer, say("login.needed")))) return;
    hall.pending.add(index);
    refresh([index]);
    try {
      if (state === MINE) await basket.release(hall.seatId(index));
      else await basket.pick(hall.seatId(index));
    } finally {
      hall.pending.delete(index);
      refresh([index]);
    }
    announce(say(state === MINE ? "basket.released" : "basket.selected", values));
  });
}

async function takeTogether(hall, basket, map, count, zone) {
  await attempt(async () => {
    if (!(await requireLogin(buyer, say("login.needed")))) return;
    const seats = await basket.together(count, zone);
    const numbers = seats.map((seat) => seat.number);
    const row = seats[0].row;
    const [from, to] = [Math.min(...numbers), Math.max(...numbers)];
    map.showSeat(hall.index(row, Math.floor((from + to) / 2)));
    const values = { row: String(row), from: String(from), to: String(to) };
    announce(count === 1 ? place(row, from) : say("together.found", values));
  });
}

/** Do it, and say aloud what it was refused for. */
async function attempt(work) {
  try {
    await work();
  } catch (error) {
    alarm(told(error));
  }
}

function showZones(hall, map, list) {
  const zones = byId("zones");
  if (zones.children.length === 0) {
    zones.append(...hall.zones.map((zone, at) => zoneButton(zone, () => {
      map.showZone(zone);
      list.chooseZone(at);
    })));
  }
  hall.zones.forEach((zone, at) => {
    const free = say("event.free", { n: hall.freeIn(zone) });
    const button = zones.children[at].firstElementChild;
    const words = say("event.zoneAbout", { name: zone.name, price: money(zone.price), free });
    if (button.getAttribute("aria-label") !== words) button.setAttribute("aria-label", words);
    setText(button.lastElementChild, free);
  });
}

/** To be called after each change; of a hall whose last seats come and go it is not said each time. */
function soldOutSign(hall) {
  let timer = 0;
  const show = (isSoldOut) => {
    setText(byId("closed"), isSoldOut ? say("event.soldOut") : "");
    setShown(byId("closed"), isSoldOut);
  };
  return () => {
    if (hall.free.every((one) => one === 0)) {
      timer ||= setTimeout(show, SOLD_OUT_MS, true);
      return;
    }
    clearTimeout(timer);
    timer = 0;
    show(false);
  };
}

function zoneButton(zone, show) {
  const name = make("strong", {}, zone.name);
  const price = make("span", { class: "figure" }, money(zone.price));
  const free = make("span", { class: "figure quiet" });
  return make("li", {}, make("button", { onclick: show }, name, price, free));
}

function showState(state) {
  const words = { live: "hall.hint", polling: "hall.busy", lost: "hall.offline" };
  setText(byId("map-state"), say(words[state]));
}
