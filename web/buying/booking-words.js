// A booking in words and lists, wherever it is shown.

import { make } from "../base/dom.js";
import { hallTime, hereTime, money, say, isSaid } from "../base/words.js";
import { placeOf } from "../hall/hall.js";
import { place } from "../hall/seat.js";
import { stepName } from "./outcome.js";

/** «Ждёт оплаты»; a booking that never had seats isn't "held". */
export function statusWords(booking) {
  const isEmpty = booking.status === "CREATED" && booking.seats.length === 0;
  return say(isEmpty ? "status.EMPTY" : `status.${booking.status}`);
}

/** When the event begins, "" where the service doesn't say. */
export function startWords(booking) {
  return booking.starts_at ? hallTime(booking.starts_at) : "";
}

/** The booking's seats, row by row: «Ряд 3, место 5». */
export function seatList(booking) {
  const places = booking.seats.map((seat) => placeOf(seat.id));
  return make("ul", { class: "places" }, ...places.map(({ row, number }) =>
    make("li", {}, place(row, number)),
  ));
}

/** Every step of every payment, oldest first, in the reader's language. */
export function steps(booking) {
  return booking.payments.map((payment) =>
    make(
      "li",
      { class: "payment" },
      make("p", {}, say("account.payment", { amount: money(payment.amount) })),
      make("ol", { class: "steps" }, ...payment.timeline.map(step)),
      ...(payment.parked ? [make("p", { class: "warn" }, say("account.parked"))] : []),
    ),
  );
}

function step({ at, what, text }, number, all) {
  const key = `step.${stepName(what, all.slice(0, number))}`;
  const words = isSaid(key) ? say(key) : text;
  return make("li", {}, make("time", { datetime: at, class: "figure quiet" }, hereTime(at)), words);
}
