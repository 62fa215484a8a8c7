// The server's time. Deadlines are its own, and the clock of a phone may be minutes off.

/**
 * What is known of the server's clock minus ours, in ms: it lies between `least` and `most`.
 * @typedef {{least: number, most: number}} Offset
 */

/** Nothing is known yet. @type {Offset} */
export const UNKNOWN = { least: -Infinity, most: Infinity };

/**
 * What one more answer tells: its Date, cut to the second, lies between sending and receiving.
 * Where it contradicts what was known, one of the clocks was set, and it alone counts.
 * @param {Offset} known
 * @param {number} date of the answer, @param {number} sent, @param {number} received in ms
 * @returns {Offset}
 */
export function learn(known, date, sent, received) {
  const told = { least: date - received, most: date + 1000 - sent };
  const both = { least: Math.max(known.least, told.least), most: Math.min(known.most, told.most) };
  return both.least <= both.most ? both : told;
}

/** @param {Offset} known */
export function offset(known) {
  return Number.isFinite(known.least) ? (known.least + known.most) / 2 : 0;
}

let known = UNKNOWN;

/** Take note of an answer's Date header. */
export function noteAnswer(headers, sent, received) {
  const date = Date.parse(headers.get("date") ?? "");
  if (!Number.isNaN(date)) known = learn(known, date, sent, received);
}

/** The server's time now, in ms. */
export function serverNow() {
  return Date.now() + offset(known);
}
