// Which part of the hall is seen. Pure geometry: a hall of `columns` × `rows` cells, a view in
// pixels, and a camera that looks at (x, y) in cells, as near as `zoom` says: 0 the whole hall,
// 1 cells as large as a finger. In between both scales go their own way, so that a hall ten times
// as wide as deep fills a phone and its seats are square in the end.

const CELL = 44;
const NEAR = 1;

/**
 * @typedef {{zoom: number, x: number, y: number}} Camera
 * @typedef {{width: number, height: number, columns: number, rows: number}} View
 */

/** @param {View} view @returns {Camera} */
export function wholeHall(view) {
  return { zoom: 0, x: view.columns / 2, y: view.rows / 2 };
}

/** Pixels a cell, across and down. @param {Camera} camera @param {View} view */
export function scales({ zoom }, view) {
  const across = Math.min(CELL, view.width / view.columns);
  const down = Math.min(CELL, view.height / view.rows);
  return { across: between(across, zoom), down: between(down, zoom) };
}

function between(least, zoom) {
  return least ** (1 - zoom) * CELL ** zoom;
}

/** The camera with the hall in view: nothing is looked at beyond its walls. */
export function kept(camera, view) {
  const zoom = Math.min(NEAR, Math.max(0, camera.zoom));
  const { across, down } = scales({ ...camera, zoom }, view);
  return {
    zoom,
    x: within(camera.x, view.width / across, view.columns),
    y: within(camera.y, view.height / down, view.rows),
  };
}

function within(at, seen, whole) {
  return seen >= whole ? whole / 2 : Math.min(whole - seen / 2, Math.max(seen / 2, at));
}

/** The point of the hall below a pixel. */
export function toHall(camera, view, left, top) {
  const { across, down } = scales(camera, view);
  return {
    x: camera.x + (left - view.width / 2) / across,
    y: camera.y + (top - view.height / 2) / down,
  };
}

/** The pixel above a point of the hall. */
export function toView(camera, view, x, y) {
  const { across, down } = scales(camera, view);
  return {
    left: view.width / 2 + (x - camera.x) * across,
    top: view.height / 2 + (y - camera.y) * down,
  };
}

/** Nearer by `more`, with what is below the pixel staying there. */
export function zoomed(camera, view, more, left, top) {
  const point = toHall(camera, view, left, top);
  const zoom = Math.min(NEAR, Math.max(0, camera.zoom + more));
  const { across, down } = scales({ ...camera, zoom }, view);
  const x = point.x - (left - view.width / 2) / across;
  const y = point.y - (top - view.height / 2) / down;
  return kept({ zoom, x, y }, view);
}

/** Moved by so many pixels. */
export function moved(camera, view, right, downwards) {
  const { across, down } = scales(camera, view);
  return kept({ ...camera, x: camera.x - right / across, y: camera.y - downwards / down }, view);
}

/** The column and row below a pixel, from 0; null where there is no seat. */
export function cellAt(camera, view, left, top) {
  const { x, y } = toHall(camera, view, left, top);
  const column = Math.floor(x);
  const row = Math.floor(y);
  const isSeat = column >= 0 && column < view.columns && row >= 0 && row < view.rows;
  return isSeat ? { column, row } : null;
}

/** The cells that are at least partly seen; the last ones are included. */
export function seen(camera, view) {
  const first = toHall(camera, view, 0, 0);
  const last = toHall(camera, view, view.width, view.height);
  return {
    left: Math.max(0, Math.floor(first.x)),
    top: Math.max(0, Math.floor(first.y)),
    right: Math.min(view.columns - 1, Math.floor(last.x)),
    bottom: Math.min(view.rows - 1, Math.floor(last.y)),
  };
}

/** Near enough to see single seats, where the camera isn't already. */
export function nearTo(camera, view, column, row, zoom = 0.85) {
  return kept({ zoom: Math.max(camera.zoom, zoom), x: column + 0.5, y: row + 0.5 }, view);
}
