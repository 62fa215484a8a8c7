// What a booking's payment has come to. Pure: from what the service says to a name for it.

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
  if (booking.payments.some((payment) => payment.refund_pending)) return "refunding";
  if (newest && has(newest, "PaymentReturned")) return "returned";
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

function hasMoney(payment) {
  return payment !== undefined && has(payment, "PaymentAuthorized");
}

function has(payment, what) {
  return payment.timeline.some((step) => step.what === what);
}
