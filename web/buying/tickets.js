// Tickets to show and to print: one card a seat, with its code as a picture and in letters.

import { make } from "../base/dom.js";
import { money, say } from "../base/words.js";
import { place } from "../hall/seat.js";

/** @param {{row: number, number: number, zone: string, price: string, code: string, qr: string}} ticket */
export function ticketCard(ticket, booking, start) {
  // As a picture, an SVG can run nothing.
  const source = `data:image/svg+xml,${encodeURIComponent(ticket.qr)}`;
  const picture = make("img", { src: source, alt: say("ticket.qr", { code: ticket.code }), class: "qr" });
  return make(
    "li",
    { class: "card ticket" },
    picture,
    make(
      "div",
      {},
      make("h3", {}, booking.title ?? ""),
      make("p", { class: "quiet" }, start),
      make("p", { class: "where" }, place(ticket.row, ticket.number)),
      make("p", { class: "quiet" }, `${ticket.zone} · ${money(ticket.price)}`),
      make("p", { class: "code" }, say("ticket.code", { code: ticket.code })),
    ),
  );
}
