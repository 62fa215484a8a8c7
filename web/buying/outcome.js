// What a booking's payment has come to. Pure: from what the service says to a name for it.

const MONEY = ["PaymentAuthorized", "PaymentCaptured", "ReturnOwed"];
const GIVING_UP = ["SeatReleased", "BookingCancelled", "BookingExpired", "ReservationRefused", "StateReset"];
const LATE = ["PaymentRefused", "PaymentFailed"];
const UNPAID = ["PaymentReturned", "ReservationRefused"];

/**
 * "paid", "refunding", "returned", "toPay" (the gateway's page is open), "checking" (money or seats
 * are under way), "unpaid" (nobody has tried yet), "failedHeld", "failedFree", "cancelled".
 * @param {{status: string, seats: object[], payments: {status: string, page: string,
 *   refund_pending: boolean, timeline: {what: string}[]}[]}} booking
 */
export function outcome(booking) {
  const newest = booking.payments.at(-1);
  if (booking.status === "CONFIRMED") return "paid";
  // Where one attempt is open, that of an earlier one may come back meanwhile.
  if (booking.status === "PAYMENT_INITIATED") return hasMoney(newest) ? "checking" : "toPay";
  if (booking.payments.some((one) => one.refund_pending && hasMoney(one))) return "refunding";
  if (hasMoney(newest) && has(newest, "PaymentReturned")) return "returned";
  if (booking.status === "CREATED") return newest ? "failedHeld" : "unpaid";
  return newest && !has(newest, "BookingCancelled") ? "failedFree" : "cancelled";
}

/** Whether it will change by itself, so that it is worth asking again. */
export function isUnderWay(name) {
  return ["checking", "toPay", "refunding"].includes(name);
}

/** The same, but for a page that only its reader can leave. */
export function isMoving(name) {
  return name !== "toPay" && isUnderWay(name);
}

/**
 * What a step means to its buyer, by the steps `earlier` than it: of a payment that was given up
 * it moves no seats, of one that nobody has paid no money. The service tells it likewise.
 */
export function stepName(what, earlier) {
  const before = { timeline: earlier };
  if (LATE.includes(what) && GIVING_UP.some((one) => has(before, one))) return `${what}.late`;
  if (UNPAID.includes(what) && !hasMoney(before)) return `${what}.unpaid`;
  return what;
}

function hasMoney(payment) {
  return payment !== undefined && MONEY.some((one) => has(payment, one));
}

function has(payment, what) {
  return payment.timeline.some((step) => step.what === what);
}
