// What all pages have in common: header, footer, language, announcements.

import { make } from "./dom.js";
import { language, say, speak } from "./words.js";

const NAMES = { ru: "Русский", kk: "Қазақша", en: "English" };

/**
 * Put the page's words, header and footer in place; called first by every page.
 * @param {string} titleKey
 * @param {import("./session.js").Session} [session] whose login the header shows
 */
export function beginPage(titleKey, session) {
  document.documentElement.lang = language;
  setTitle(say(titleKey));
  translate(document);
  document.querySelector("#site-header")?.append(...header(session));
  document.querySelector("#site-footer")?.append(...footer());
}

/** @param {string} title */
export function setTitle(title) {
  document.title = title === "Billetter" ? title : `${title} – Billetter`;
}

/** Words for every element that names them; pages hold the Russian ones. */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-say]")) {
    element.textContent = say(element.dataset.say);
  }
  for (const element of root.querySelectorAll("[data-say-label]")) {
    element.setAttribute("aria-label", say(element.dataset.sayLabel));
  }
}

function header(session) {
  const home = make("a", { href: "/", class: "brand" }, "Billetter");
  const nav = make("nav", { "aria-label": say("nav.label") }, ...navigation(session));
  return [home, nav];
}

function navigation(session) {
  if (session?.kind === "staff") {
    return [link("/organiser", "nav.sales"), link("/box-office", "nav.door"), leaving(session)];
  }
  return [link("/account", "nav.account"), ...(session ? [leaving(session)] : [])];
}

function link(address, key) {
  const isHere = location.pathname === address && "page";
  return make("a", { href: address, "aria-current": isHere }, say(key));
}

function leaving(session) {
  const who = make("span", { class: "who" });
  const leave = make("button", { class: "plain", onclick: () => session.leave() }, say("nav.leave"));
  const both = make("span", { class: "login" }, who, leave);
  const show = () => {
    both.hidden = session.authorization === "";
    who.textContent = session.name;
  };
  session.addEventListener("change", show);
  show();
  return both;
}

function footer() {
  const links = make(
    "p",
    { class: "links" },
    make("a", { href: "/docs" }, say("footer.docs")),
    make("a", { href: "/problems" }, say("footer.problems")),
  );
  const choices = Object.entries(NAMES).map(([code, name]) => {
    const isChosen = code === language;
    const attributes = { lang: code, class: "plain", "aria-pressed": isChosen };
    return make("button", { ...attributes, onclick: () => speak(code) }, name);
  });
  const label = { role: "group", "aria-label": say("footer.language"), class: "languages" };
  return [links, make("div", label, ...choices)];
}

/** Read out when there is time. */
export function announce(text) {
  speakIn("status", text);
}

/** Shown and read out at once. */
export function alarm(text) {
  speakIn("alert", text);
}

function speakIn(role, text) {
  let region = document.querySelector(`#page-${role}`);
  if (region === null) {
    region = make("div", { id: `page-${role}`, role, class: role === "alert" ? "toast" : "unseen" });
    document.body.append(region);
  }
  // The same words twice are news twice: an empty region first.
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 50);
  clearTimeout(region.timer);
  if (role === "alert") region.timer = setTimeout(() => (region.textContent = ""), 9000);
}
