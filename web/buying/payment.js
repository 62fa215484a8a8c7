// To the gateway's page, and what is remembered of it until the buyer is back.

import { change, get, Problem } from "../base/api.js";
import { remember, remembered } from "../base/memory.js";

const LEFT_FOR = "paying";

/**
 * Begin to pay and go to the gateway's page. The redirect of the call isn't shown to a script, so
 * the address is read from the booking.
 * @param {import("../base/session.js").Session} session
 * @param {number} bookingId
 * @param {(problem: Problem) => void} [onWait]
 */
export async function pay(session, bookingId, onWait) {
  const body = { booking_id: bookingId };
  await session.asking((asking) =>
    change("PATCH", "/api/bookings/initiatePayment", body, { ...asking, onWait }),
  );
  const booking = await session.asking((asking) => get(`/x/bookings/${bookingId}`, asking));
  const page = pageOf(booking);
  if (page === "") throw new Problem("gateway-down");
  remember(LEFT_FOR, String(bookingId));
  location.assign(page);
}

/** The gateway's page of the newest payment, "" where there is none to go to. */
export function pageOf(booking) {
  const page = booking.payments.at(-1)?.page ?? "";
  return /^https?:\/\//.test(page) ? page : "";
}

/** The booking that the buyer left to pay for; 0: none in this tab. */
export function leftFor() {
  return Number(remembered(LEFT_FOR));
}
