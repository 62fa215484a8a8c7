// What became of an order: told as it happens after the gateway's page, with the tickets in the end.

import { get, patiently, wait } from "../base/api.js";
import { byId, make, setShown, setText } from "../base/dom.js";
import { requireLogin } from "../base/login.js";
import { alarm, beginPage, setTitle } from "../base/page.js";
import { told } from "../base/problems.js";
import { buyer } from "../base/session.js";
import { hereTime, say } from "../base/words.js";
import { startWords, steps } from "../buying/booking-words.js";
import { isUnderWay, outcome } from "../buying/outcome.js";
import { leftFor, pageOf } from "../buying/payment.js";
import { ticketCard } from "../buying/tickets.js";

const ASK_MS = 1500;
const ASK_SLOWER_MS = 10_000;
const FAST_ASKS = 40;
const BOOKINGS_LOOKED_AT = 5;

beginPage("ticket.title", buyer);
// Whoever logs out leaves no ticket on the screen.
buyer.addEventListener("change", () => buyer.authorization || location.reload());
window.addEventListener("pageshow", (event) => event.persisted && open());
let isOpen = false;
void open();

/** Also when Back brings the page: the booking may have been cancelled on another one. */
async function open() {
  if (isOpen) return;
  isOpen = true;
  await begin();
  isOpen = false;
}

async function begin() {
  if (!(await requireLogin(buyer, say("login.needed.account")))) {
    byId("actions").replaceChildren(
      make("button", { class: "main", onclick: () => location.reload() }, say("login.open")),
    );
    return;
  }
  try {
    const bookingId = await wanted();
    if (bookingId === 0) setText(byId("more"), say("ticket.notFound"));
    else await follow(bookingId);
  } catch (error) {
    alarm(told(error));
    setText(byId("more"), told(error));
  }
}

/** The booking that the address names, or whose order it names; else the one left to pay for. */
async function wanted() {
  const said = new URLSearchParams(location.search);
  const named = Number(said.get("booking") ?? 0);
  const order = Number(said.get("order") ?? 0);
  if (named > 0) return named;
  const left = leftFor();
  if (order === 0) return left;
  const bookings = await asked("/api/bookings");
  const newest = bookings.map((one) => one.id).reverse().slice(0, BOOKINGS_LOOKED_AT);
  for (const id of left ? [left, ...newest] : newest) {
    const booking = await asked(`/x/bookings/${id}`);
    if (booking.payments.some((payment) => payment.order_id === order)) return id;
  }
  return 0;
}

async function follow(bookingId) {
  for (let asks = 0; ; asks += 1) {
    const booking = await awaited(() => asked(`/x/bookings/${bookingId}`));
    const name = outcome(booking);
    show(booking, name);
    if (name === "paid") await showTickets(booking);
    else setShown(byId("tickets-part"), false);
    if (!isUnderWay(name)) return;
    await wait(asks < FAST_ASKS ? ASK_MS : ASK_SLOWER_MS);
  }
}

function show(booking, name) {
  const time = booking.expires_at ? hereTime(booking.expires_at) : "";
  const headings = { failedHeld: "ticket.failed", failedFree: "ticket.failed" };
  const heading = say(headings[name] ?? `ticket.${name}`);
  const details = {
    paid: "ticket.paidMore",
    checking: "ticket.checkingMore",
    toPay: "ticket.toPayMore",
    unpaid: time ? "ticket.unpaidMore" : "",
    failedHeld: time ? "ticket.failedHeld" : "ticket.failedFree",
    failedFree: "ticket.failedFree",
    refunding: "ticket.refundingMore",
  };
  setTitle(heading);
  setText(byId("outcome"), heading);
  setText(byId("more"), details[name] ? say(details[name], { time }) : "");
  setText(byId("event"), [booking.title, startWords(booking)].filter(Boolean).join(" · "));
  showActions(booking, name);
  byId("steps").replaceChildren(...steps(booking));
  setShown(byId("steps-part"), booking.payments.length > 0);
}

/** Links stay the same elements while nothing changes: whoever stands on one isn't thrown off. */
function showActions(booking, name) {
  const actions = byId("actions");
  const page = pageOf(booking);
  if (actions.dataset.shown === name + page) return;
  actions.dataset.shown = name + page;
  const event = link(`/event?id=${booking.event_id}`, say("ticket.event"), false);
  const choose = link(`/event?id=${booking.event_id}`, say("ticket.event"), true);
  const again = link(`/event?id=${booking.event_id}`, say("ticket.again"), true);
  const account = link("/account", say("ticket.account"), false);
  const print = make("button", { class: "main", onclick: () => window.print() }, say("ticket.print"));
  const first = {
    paid: [print],
    toPay: page ? [link(page, say("basket.payAgain"), true)] : [],
    unpaid: [choose],
    failedHeld: [again],
    failedFree: [again],
  };
  const leadsBack = name === "unpaid" || name.startsWith("failed");
  const last = leadsBack ? [account] : [event, account];
  actions.replaceChildren(...(first[name] ?? []), ...last);
}

function link(href, words, isMain) {
  return make("a", { href, class: isMain ? "button main" : "button" }, words);
}

async function showTickets(booking) {
  const tickets = await awaited(() => allTickets(booking), say("ticket.unfound"));
  const cards = tickets.map((ticket) => ticketCard(ticket, booking, startWords(booking)));
  byId("tickets").replaceChildren(...cards);
  setShown(byId("tickets-part"), true);
}

/** What it answers in the end; meanwhile the page says what it waits for. */
function awaited(call, words = "") {
  return patiently(call, ASK_SLOWER_MS, (problem) => setText(byId("more"), words || told(problem)));
}

/** A page of them holds a hundred. */
async function allTickets(booking) {
  const tickets = [];
  for (let page = 1; tickets.length < booking.seats.length; page += 1) {
    const more = await asked(`/x/bookings/${booking.id}/tickets?page=${page}`);
    if (more.length === 0) break;
    tickets.push(...more);
  }
  return tickets;
}

function asked(path) {
  return buyer.asking((asking) => get(path, asking));
}
