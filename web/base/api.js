// The API as pages call it: JSON both ways, a refusal as a Problem, patience where it helps.

import { noteAnswer } from "./clock.js";

// What passes by itself: asked again after the server's Retry-After. The last two may have been
// done; a change that is sent again has the same key, so it isn't done twice.
const PASSING = new Set([
  "busy", "event-crowded", "not-ready", "too-many-calls", "unreachable", "no-answer",
]);
// Without a problem it is no answer of the service's, but of a proxy that got none.
const PROXYS = new Set([502, 503, 504]);
const PROXYS_RETRY_MS = 1000;
const AWAY = new Set([0, ...PROXYS]);
const PASSING_TRIES = 6;
const NETWORK_WAITS_MS = [500, 1500, 4000];
// The service's longest answer is a page of the gateway's, after 10 s; nginx gives up after 30.
const SILENCE_MS = 60_000;
const PREFIX = "/problems/";

/** A refusal: `name` as in /problems, or "network" where no answer came. */
export class Problem extends Error {
  /** @param {string} name @param {number} status @param {string} detail @param {number} retryMs */
  constructor(name, status = 0, detail = "", retryMs = 0) {
    super(detail || name);
    this.name = name;
    this.status = status;
    this.detail = detail;
    this.retryMs = retryMs;
  }
}

/**
 * @typedef {object} Asking
 * @property {string} [authorization] the header of whoever asks
 * @property {AbortSignal} [signal]
 * @property {(problem: Problem) => void} [onWait] told before each pause
 */

/** Read JSON. @param {string} path @param {Asking} [asking] */
export async function get(path, asking = {}) {
  return ask("GET", path, undefined, asking, (answer) => answer.json());
}

/** An answer to be read as it comes. @param {string} path @param {Asking} [asking] */
export async function open(path, asking = {}) {
  return ask("GET", path, undefined, asking, (answer) => answer);
}

/** Read bytes. @param {string} path @param {Asking} [asking] */
export async function getBytes(path, asking = {}) {
  return ask("GET", path, undefined, asking, (answer) => answer.arrayBuffer());
}

/**
 * Change something, once: however often it is sent, the key is the same, so the server does it once.
 * Answers null where the server redirects, because a script isn't told where to.
 * @param {"POST" | "PATCH"} method @param {string} path @param {object} body @param {Asking} [asking]
 */
export async function change(method, path, body, asking = {}) {
  return ask(method, path, body, asking, async (answer) => {
    if (answer.type === "opaqueredirect") return null;
    const text = await answer.text();
    return text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : {};
  });
}

async function ask(method, path, body, asking, read) {
  const request = prepared(method, body, asking);
  let failures = 0;
  let refusals = 0;
  for (;;) {
    const [answer, problem] = await once(path, request, read);
    if (problem === null) return answer;
    const waitMs = pause(problem, problem.status === 0 ? failures++ : refusals++);
    if (waitMs === null) throw problem;
    asking.onWait?.(problem);
    await wait(waitMs, asking.signal);
  }
}

/** How long to wait before the next try; null: it is of no use. */
function pause(problem, triesBefore) {
  if (problem.status === 0) return NETWORK_WAITS_MS[triesBefore] ?? null;
  if (!PASSING.has(problem.name) || triesBefore >= PASSING_TRIES) return null;
  return problem.retryMs * (1 + Math.random());
}

function prepared(method, body, asking) {
  const headers = new Headers({ Accept: "application/json" });
  if (asking.authorization) headers.set("Authorization", asking.authorization);
  if (body !== undefined) headers.set("Content-Type", "application/json");
  if (method !== "GET") headers.set("Idempotency-Key", newKey());
  // A script isn't shown where a redirect leads; to follow it would ask the gateway as a script.
  const redirect = /** @type {RequestRedirect} */ ("manual");
  const sent = body === undefined ? undefined : JSON.stringify(body);
  return { method, headers, body: sent, redirect, credentials: "omit", signal: asking.signal };
}

/** An answer that breaks off, or can't be read, is as good as none. */
async function once(path, request, read) {
  const sent = Date.now();
  try {
    const answer = await heard(path, request);
    noteAnswer(answer.headers, sent, Date.now());
    if (answer.ok || answer.type === "opaqueredirect") return [await read(answer), null];
    return [null, await problemOf(answer)];
  } catch (error) {
    if (request.signal?.aborted) throw error;
    return [null, new Problem("network")];
  }
}

/** The head of an answer. Where a network has forgotten the connection nobody else tells us. */
async function heard(path, request) {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), SILENCE_MS);
  const signals = request.signal ? [request.signal, late.signal] : [late.signal];
  try {
    // A browser of before 2024 can't listen to both.
    return await fetch(path, { ...request, signal: AbortSignal.any?.(signals) ?? signals[0] });
  } finally {
    clearTimeout(timer);
  }
}

async function problemOf(answer) {
  const { status } = answer;
  const told = await answer.json().catch(() => ({}));
  const type = String(told.type ?? "");
  const isOurs = type.startsWith(PREFIX);
  if (!isOurs && PROXYS.has(status)) return new Problem("unreachable", status, "", PROXYS_RETRY_MS);
  const name = isOurs ? type.slice(PREFIX.length) : `status-${status}`;
  const retryMs = 1000 * Number(answer.headers.get("retry-after") ?? 1);
  return new Problem(name, status, String(told.detail ?? ""), retryMs);
}

/** Random enough that two clients never choose the same; `randomUUID` wants HTTPS. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * What `call` answers in the end: while the network or the service is away, it is asked again.
 * @template T
 * @param {() => Promise<T>} call
 * @param {number} pauseMs between two tries, each of which is patient itself
 * @param {(problem: Problem) => void} [onWait] told before each pause
 * @returns {Promise<T>}
 */
export async function patiently(call, pauseMs, onWait) {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Problem) || !AWAY.has(error.status)) throw error;
      onWait?.(error);
      await wait(pauseMs);
    }
  }
}

/**
 * Leaves nothing with the signal: a page that polls for a day waits often.
 * @param {number} ms @param {AbortSignal} [signal]
 */
export function wait(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve(undefined);
    }, ms);
    signal?.addEventListener("abort", stop);
  });
}
