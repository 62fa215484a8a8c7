// Choose an event: found while one types, a link each.

import { get } from "../base/api.js";
import { byId, make, setText } from "../base/dom.js";
import { told } from "../base/problems.js";
import { say } from "../base/words.js";

const PAUSE_MS = 200;
const PAGE_SIZE = 20;

/** @param {string} page where an event's link leads */
export function beginChoice(page) {
  let timer = 0;
  let running = new AbortController();
  const find = () => {
    running.abort();
    running = new AbortController();
    void show(page, byId("query").value.trim(), running.signal);
  };
  byId("query").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, PAUSE_MS);
  });
  byId("choice").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    find();
  });
  find();
}

async function show(page, words, signal) {
  const asked = new URLSearchParams({ page: "1", pageSize: String(PAGE_SIZE), ...(words && { query: words }) });
  try {
    const found = await get(`/api/events?${asked}`, { signal });
    const items = found.map(({ id, title }) =>
      make("li", {}, make("a", { href: `${page}?id=${id}` }, title, " ", make("span", { class: "quiet figure" }, `№ ${id}`))),
    );
    byId("found").replaceChildren(...items);
    const isMore = found.length === PAGE_SIZE;
    const counted = isMore ? "search.foundMore" : "search.found";
    setText(byId("found-count"), found.length === 0 ? say("search.none") : say(counted, { n: found.length }));
  } catch (error) {
    if (!signal.aborted) setText(byId("found-count"), told(error));
  }
}
