// The login form, in a dialog: opened where it is needed, closed by Escape like every dialog.

import { make, whileBusy } from "./dom.js";
import { told } from "./problems.js";
import { say } from "./words.js";

/**
 * Ask for name and password until they fit. Resolves true once somebody is logged in, false when
 * the form is closed.
 * @param {import("./session.js").Session} session
 * @param {string} [reason] why a login is needed, in words
 * @returns {Promise<boolean>}
 */
export function requireLogin(session, reason = "") {
  if (session.authorization) return Promise.resolve(true);
  const form = loginForm(session, reason);
  const dialog = make("dialog", { "aria-labelledby": "login-title", class: "card" }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(session.authorization !== "");
    });
  });
}

function loginForm(session, reason) {
  const email = field("login-name", say(`login.name.${session.kind}`), "text", "username");
  const password = field("login-password", say("login.password"), "password", "current-password");
  const error = make("p", { role: "alert", class: "error" });
  const submit = make("button", { class: "main" }, say("login.submit"));
  const close = make("button", { type: "button" }, say("login.close"));
  const form = make(
    "form",
    { class: "stack" },
    make("h2", { id: "login-title" }, say(`login.title.${session.kind}`)),
    make("p", { class: "quiet" }, reason),
    email.part,
    password.part,
    error,
    make("div", { class: "actions" }, submit, close),
  );
  close.addEventListener("click", () => form.closest("dialog").close());
  const enter = async () => {
    error.textContent = "";
    try {
      await session.enter(email.input.value.trim(), password.input.value);
      form.closest("dialog").close();
    } catch (problem) {
      const isWrong = problem.name === "unauthenticated";
      error.textContent = isWrong ? say(`login.wrong.${session.kind}`) : told(problem);
      password.input.select();
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void whileBusy(submit, enter);
  });
  return form;
}

function field(id, words, type, autocomplete) {
  const input = make("input", { id, type, autocomplete, required: "", autocapitalize: "none" });
  return { input, part: make("div", { class: "field" }, make("label", { for: id }, words), input) };
}
