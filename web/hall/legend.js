// What the shapes of the map mean.

import { make } from "../base/dom.js";
import { say } from "../base/words.js";

const SVG = "http://www.w3.org/2000/svg";
const SQUARE = { tag: "rect", x: 2, y: 2, width: 16, height: 16, rx: 4 };
const SHAPES = {
  FREE: [SQUARE],
  RESERVED: [SQUARE, { tag: "path", d: "M2 18 18 2" }],
  SOLD: [{ tag: "circle", cx: 10, cy: 10, r: 4.5 }],
  MINE: [SQUARE, { tag: "path", d: "M6 10l3 3.5 5.5-7" }],
};

/** @param {HTMLElement} list */
export function fillLegend(list) {
  list.replaceChildren(
    ...Object.entries(SHAPES).map(([state, shapes]) =>
      make("li", {}, drawn(state, shapes), say(`seat.${state}`)),
    ),
  );
}

function drawn(state, shapes) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `seat-${state}`);
  for (const { tag, ...attributes } of shapes) {
    const shape = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, String(value));
    svg.append(shape);
  }
  return svg;
}
