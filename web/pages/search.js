// The start page: events by words and by day, found while one types.

import { get } from "../base/api.js";
import { byId, make, setShown, setText } from "../base/dom.js";
import { beginPage } from "../base/page.js";
import { told } from "../base/problems.js";
import { buyer } from "../base/session.js";
import { say } from "../base/words.js";

const PAUSE_MS = 200; // between the last key and the search: whoever types on wants no answer yet
const PAGE_SIZE = 20;

const query = byId("query");
const day = byId("day");
const results = byId("results");
const more = byId("more");
let page = 1;
let timer = 0;
let running = new AbortController();

beginPage("search.title", buyer);
restore();
listen();
void find(1);

function listen() {
  for (const input of [query, day]) {
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => find(1), PAUSE_MS);
    });
  }
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    void find(1);
  });
  more.addEventListener("click", () => find(page + 1));
  document.addEventListener("keydown", walk);
}

/** Show the page of what is asked for; only the latest search may answer. */
async function find(wanted) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  remember();
  setText(byId("count"), say("search.searching"));
  try {
    const found = await get(`/api/events?${asked(wanted)}`, { signal });
    show(found, wanted);
  } catch (error) {
    if (!signal.aborted) setText(byId("count"), told(error));
  }
}

function show(found, wanted) {
  const isFirst = wanted === 1;
  const items = found.map((event) =>
    make("li", {}, make("a", { href: `/event?id=${event.id}` }, event.title)),
  );
  if (isFirst) results.replaceChildren(...items);
  else results.append(...items);
  page = wanted;
  setShown(more, found.length === PAGE_SIZE);
  setText(byId("count"), counted(results.children.length, found.length === PAGE_SIZE));
  // An empty page hides the button that was pressed: the last one found is where one stands then.
  if (!isFirst) (items[0] ?? results.lastElementChild)?.firstElementChild.focus();
}

function counted(n, isMore) {
  if (n === 0) return say("search.none");
  return say(isMore ? "search.foundMore" : "search.found", { n });
}

function asked(wanted) {
  const values = { ...chosen(), page: String(wanted), pageSize: String(PAGE_SIZE) };
  return new URLSearchParams(values).toString();
}

function chosen() {
  const words = query.value.trim();
  return { ...(words && { query: words }), ...(day.value && { date: day.value }) };
}

/** The address says what is searched for, so that it can be shared and found again. */
function remember() {
  const said = new URLSearchParams(chosen()).toString();
  history.replaceState(null, "", said ? `/?${said}` : "/");
}

/** What was typed before this script had come stands. */
function restore() {
  const said = new URLSearchParams(location.search);
  query.value ||= said.get("query") ?? "";
  day.value ||= said.get("date") ?? "";
}

/** Arrows go from the words to the events and back. */
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || document.activeElement === day) return;
  const stops = [query, ...results.querySelectorAll("a")];
  const at = stops.indexOf(document.activeElement);
  const next = stops[at + step];
  if (at < 0 || next === undefined) return;
  event.preventDefault();
  next.focus();
}
