// Refusals in words: what happened, and what to do next.

import { Problem } from "./api.js";
import { isSaid, language, say } from "./words.js";

/** @param {unknown} error @returns {string} */
export function told(error) {
  if (!(error instanceof Problem)) return say("problem.unexpected");
  if (isSaid(`problem.${error.name}`)) return say(`problem.${error.name}`);
  // The service explains itself in Russian; a stranger to it gets at least the name.
  if (language === "ru" && error.detail) return error.detail;
  return say("problem.other", { name: error.name });
}
