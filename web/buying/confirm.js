// A question before something that can't be taken back.

import { make } from "../base/dom.js";

/**
 * Resolves true for yes; Escape is no.
 * @param {string} question @param {string} yes @param {string} no
 * @returns {Promise<boolean>}
 */
export function confirmed(question, yes, no) {
  const dialog = make("dialog", { class: "card", "aria-labelledby": "confirm-question" });
  const answer = (value) => () => dialog.close(value);
  dialog.append(
    make(
      "div",
      { class: "stack" },
      make("p", { id: "confirm-question" }, question),
      make(
        "div",
        { class: "actions" },
        make("button", { autofocus: "", onclick: answer("") }, no),
        make("button", { class: "danger", onclick: answer("yes") }, yes),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
