// One seat in words: the same on the map, in the list and in the basket.

import { money, say } from "../base/words.js";
import { STATE_NAMES } from "./hall.js";

/** «Ряд 12, место 5, свободно, 40 000 ₸» @param {import("./hall.js").Hall} hall */
export function about(hall, index) {
  const { row, number } = hall.place(index);
  const state = say(`seat.${STATE_NAMES[hall.state(index)]}`);
  const zone = hall.zone(index);
  if (zone === undefined) return `${place(row, number)}, ${state}`;
  const values = { row: String(row), number: String(number), state, price: money(zone.price) };
  return say("seat.about", values);
}

/** «Ряд 12, место 5» */
export function place(row, number) {
  return say("seat.place", { row: String(row), number: String(number) });
}
