// Figures over time. Pure: a point says how the sale stood from then on, until the next one.

/** @typedef {{at: number, sold: number, reserved: number, free: number, revenue: number}} Point */

const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;

/** Points of the service's figures. @returns {Point[]} */
export function pointsOf(told) {
  return told.map((point) => ({ ...point, at: Date.parse(point.at), revenue: Number(point.revenue) }));
}

/** The event's figures as one point. @returns {Point} */
export function pointOf(figures, at) {
  const { sold_seats: sold, reserved_seats: reserved, free_seats: free } = figures;
  return { at, sold, reserved, free, revenue: Number(figures.total_revenue) };
}

/**
 * With one more point: one a second, none that is older than the last, at most `most` of them.
 * @param {Point[]} points @param {Point} point @returns {Point[]}
 */
export function joined(points, point, most = 20_000) {
  const last = points.at(-1);
  if (last === undefined) return [point];
  if (point.at < last.at) return points;
  const isSameSecond = Math.floor(last.at / SECOND_MS) === Math.floor(point.at / SECOND_MS);
  return [...(isSameSecond ? points.slice(0, -1) : points), point].slice(-most);
}

/**
 * With what is known from elsewhere instead of what lies in its time; the rest stays, because a
 * service that was started anew knows of nothing before.
 * @param {Point[]} points @param {Point[]} known @returns {Point[]}
 */
export function merged(points, known) {
  if (known.length === 0) return points;
  const [first, last] = [known[0].at, known[known.length - 1].at];
  const before = points.filter(({ at }) => at < first);
  return [...before, ...known, ...points.filter(({ at }) => at > last)];
}

/** How the sale stood at this time; before the first point as at the first. */
export function standing(points, at) {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].at <= at) low = middle + 1;
    else high = middle;
  }
  return points[Math.max(0, low - 1)];
}

/** What is seen from `from` to `to`: it begins with how things stood at `from`. */
export function between(points, from, to) {
  const inside = points.filter(({ at }) => at > from && at <= to);
  const before = points.length > 0 && points[0].at <= from ? standing(points, from) : undefined;
  return before === undefined ? inside : [{ ...before, at: from }, ...inside];
}

/** Few enough to draw: of each of `most` equal spans the last point; the first point stays. */
export function thinned(points, most) {
  if (points.length <= most) return points;
  const [first, last] = [points[0].at, points[points.length - 1].at];
  const span = Math.max(1, (last - first) / most);
  const slot = (point) => Math.ceil((point.at - first) / span);
  return points.filter((point, at) => slot(point) !== slot(points[at + 1] ?? { at: Infinity }));
}

/**
 * What each step brought, from `from` to `to`; seats that came back count less.
 * @returns {{at: number, sold: number, revenue: number, total: Point}[]}
 */
export function gains(points, from, to, stepMs) {
  if (points.length === 0) return [];
  const made = [];
  for (let at = Math.max(from, floor(points[0].at, stepMs)); at < to; at += stepMs) {
    const [before, after] = [standing(points, at), standing(points, Math.min(at + stepMs, to))];
    const [sold, revenue] = [after.sold - before.sold, after.revenue - before.revenue];
    made.push({ at, sold, revenue, total: after });
  }
  return made;
}

function floor(at, stepMs) {
  return Math.floor(at / stepMs) * stepMs;
}

/** The whole in a sentence's worth: sold and earned, and the minute that sold most (null: none). */
export function summary(points, from, to) {
  const minutes = gains(points, floor(from, MINUTE_MS), to, MINUTE_MS);
  const seen = between(points, from, to);
  if (seen.length === 0) return { sold: 0, revenue: 0, busiest: null };
  const [first, last] = [seen[0], seen[seen.length - 1]];
  const best = minutes.reduce((most, one) => (one.sold > most.sold ? one : most), { at: 0, sold: 0 });
  const busiest = best.sold > 0 ? { at: best.at, sold: best.sold } : null;
  return { sold: last.sold - first.sold, revenue: last.revenue - first.revenue, busiest };
}

/** Round numbers from 0 to beyond `most`, about four of them: 0, 20, 40, 60 … */
export function ticks(most) {
  if (most <= 0) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 2.5, 5, 10].find((one) => one * power >= rough) * power);
  const count = Math.ceil(most / step);
  return Array.from({ length: count + 1 }, (_, at) => at * step);
}

/** Times at full steps within the span, about `count` of them. */
export function timeTicks(from, to, count) {
  const minutes = [1 / 6, 1 / 2, 1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440];
  const steps = minutes.map((one) => one * MINUTE_MS);
  const span = to - from;
  const day = steps[steps.length - 1];
  const step = steps.find((one) => span / one <= count) ?? day * Math.ceil(span / day / count);
  // Hours are full by the clock of whoever reads, which is minutes off UTC by the zone.
  const zone = new Date(from).getTimezoneOffset() * MINUTE_MS;
  const first = Math.ceil((from - zone) / step) * step + zone;
  const made = [];
  for (let at = first; at <= to; at += step) made.push(at);
  return made;
}
