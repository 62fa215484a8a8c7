// A buyer's bookings, newest first: what is held, paid, returned, and what can be done about it.

import { change, get, wait } from "../base/api.js";
import { serverNow } from "../base/clock.js";
import { byId, make, setShown, whileBusy } from "../base/dom.js";
import { requireLogin } from "../base/login.js";
import { alarm, announce, beginPage } from "../base/page.js";
import { told } from "../base/problems.js";
import { buyer } from "../base/session.js";
import { hereTime, say } from "../base/words.js";
import { seatList, startWords, statusWords, steps } from "../buying/booking-words.js";
import { confirmed } from "../buying/confirm.js";
import { isMoving, outcome } from "../buying/outcome.js";
import { pay } from "../buying/payment.js";

const AT_ONCE = 8; // bookings whose details are read together
const LOOK_MS = 2000; // between two looks at one whose money is under way
const LOOKS_MAX = 150;

/** Ids of bookings that aren't shown yet, the newest first. @type {number[]} */
let rest = [];
/** How often the list was begun: what was asked for an earlier one comes too late for it. */
let turns = 0;

beginPage("account.title", buyer);
byId("enter").addEventListener("click", () => requireLogin(buyer, ""));
byId("more").addEventListener("click", () => whileBusy(byId("more"), () => attempt(showMore)));
buyer.addEventListener("change", () => attempt(begin));
// Whoever comes back with the Back button, as from the gateway, may have paid there.
window.addEventListener("pageshow", (event) => event.persisted && attempt(begin));
void attempt(begin);

async function begin() {
  const turn = (turns += 1);
  byId("bookings").replaceChildren();
  rest = [];
  const isKnown = buyer.authorization !== "";
  setShown(byId("nobody"), !isKnown);
  setShown(byId("none"), false);
  setShown(byId("more"), false);
  if (!isKnown) return;
  const bookings = await asked("/api/bookings");
  if (turn !== turns) return;
  rest = bookings.map((booking) => booking.id).reverse();
  setShown(byId("none"), rest.length === 0);
  await showMore();
}

async function showMore() {
  const turn = turns;
  const ids = rest.slice(0, AT_ONCE);
  const found = await Promise.all(ids.map((id) => asked(`/x/bookings/${id}`)));
  if (turn !== turns) return;
  rest = rest.slice(ids.length);
  const cards = found.map((booking) => make("li", { class: "card" }, ...about(booking)));
  byId("bookings").append(...cards);
  setShown(byId("more"), rest.length > 0);
  found.forEach((booking, at) => void attempt(() => follow(booking, cards[at])));
}

/** Keep the card true while money is on its way, as after a return. */
async function follow(booking, card) {
  for (let looks = 0; looks < LOOKS_MAX && isMoving(outcome(booking)); looks += 1) {
    await wait(LOOK_MS);
    if (!card.isConnected) return;
    const now = await asked(`/x/bookings/${booking.id}`);
    if (JSON.stringify(now) !== JSON.stringify(booking)) showAnew(now, card);
    booking = now;
  }
}

function showAnew(booking, card) {
  const wasOpen = card.querySelector("details")?.open ?? false;
  const hadFocus = card.contains(document.activeElement);
  card.replaceChildren(...about(booking));
  card.querySelector("details")?.toggleAttribute("open", wasOpen);
  if (hadFocus) card.querySelector("a").focus({ preventScroll: true });
}

function about(booking) {
  const title = booking.title || say("account.booking", { id: String(booking.id) });
  const details = make("details", {}, make("summary", {}, say("account.payments")));
  details.append(make("ul", {}, ...steps(booking)));
  return [
    make("p", { class: "badge" }, statusWords(booking)),
    make("h2", {}, make("a", { href: `/event?id=${booking.event_id}` }, title)),
    make("p", { class: "quiet" }, startWords(booking)),
    seatList(booking),
    make("p", { class: "quiet" }, rule(booking)),
    make("div", { class: "actions" }, ...actions(booking)),
    ...(booking.payments.length > 0 ? [details] : []),
  ];
}

/** Until when something can be done about it. */
function rule(booking) {
  if (booking.status === "CONFIRMED" && booking.returnable_until) {
    const isOpen = Date.parse(booking.returnable_until) > serverNow();
    const time = hereTime(booking.returnable_until);
    return say(isOpen ? "account.returnable" : "account.notReturnable", { time });
  }
  const isHeld = booking.expires_at !== "" && booking.seats.length > 0;
  return isHeld ? say("account.holdUntil", { time: hereTime(booking.expires_at) }) : "";
}

function actions(booking) {
  const { id, status } = booking;
  const hasSeats = booking.seats.length > 0;
  if (status === "CONFIRMED") {
    return [
      make("a", { class: "button main", href: `/ticket?booking=${id}` }, say("account.tickets")),
      // A ticket that has let its holder in is returned no more.
      ...(booking.returnable_until ? [button("account.refund", "danger", () => end(booking))] : []),
    ];
  }
  if (status === "CANCELLED") return [];
  const choose = make("a", { class: "button", href: `/event?id=${booking.event_id}` }, say("account.choose"));
  const paying = button("account.pay", "main", () => pay(buyer, id, (one) => alarm(told(one))));
  return [...(hasSeats ? [paying] : []), choose, button("account.cancel", "danger", () => end(booking))];
}

function button(key, kind, work) {
  const made = make("button", { class: kind }, say(key));
  made.addEventListener("click", () => whileBusy(made, () => attempt(work)));
  return made;
}

/**
 * Cancel, or return what is paid, after a question. It is asked about the booking as it is now: it
 * may have been paid for since it was shown, in another tab.
 */
async function end(shown) {
  const booking = await asked(`/x/bookings/${shown.id}`);
  if (booking.status !== shown.status) await begin();
  if (booking.status === "CANCELLED") return;
  const isPaid = booking.status === "CONFIRMED";
  const question = say(isPaid ? "account.confirmRefund" : "account.confirmCancel");
  const yes = say(isPaid ? "account.yesRefund" : "account.yesCancel");
  const isSure = await confirmed(`${question} ${isPaid ? rule(booking) : ""}`, yes, say("account.keep"));
  if (!isSure) return;
  const body = { booking_id: booking.id };
  await buyer.asking((asking) => change("PATCH", "/api/bookings/cancel", body, asking));
  announce(say(isPaid ? "account.refunded" : "account.cancelled"));
  await begin();
  // What was pressed is gone with the list it stood in.
  byId("main").focus({ preventScroll: true });
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    alarm(told(error));
  }
}

function asked(path) {
  return buyer.asking((asking) => get(path, asking));
}
