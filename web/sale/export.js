// Saves what the server sends to somebody who is logged in. No address ever holds a password.

import { open } from "../base/api.js";
import { make } from "../base/dom.js";

/**
 * @param {import("../base/session.js").Session} session
 * @param {string} path @param {string} name of the file, where the server names none
 */
export async function saveFile(session, path, name) {
  const answer = await session.asking((asking) => open(path, asking));
  const address = URL.createObjectURL(await answer.blob());
  const link = make("a", { href: address, download: nameIn(answer.headers) ?? name });
  link.click();
  // The browser has begun to save by then; a file of hundreds of megabytes must not stay in memory.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** @param {Headers} headers */
export function nameIn(headers) {
  const found = /filename="([^"/\\]+)"/.exec(headers.get("content-disposition") ?? "");
  return found?.[1];
}
