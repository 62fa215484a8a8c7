// Elements, made in one line each. Text is always text, so nothing that a server says becomes markup.

/**
 * An element with attributes and children; `onclick` and its like are listeners, false leaves out.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {any} */ (value));
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * The element of this id; pages and their scripts agree on ids.
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element #${id}`);
  return found;
}

/** Show or hide, for everybody: eyes and screen readers. */
export function setShown(element, isShown) {
  element.hidden = !isShown;
}

const BUSY = ["aria-busy", "aria-disabled"];

/**
 * Work that a button has begun: meanwhile it is busy and begins nothing more, but keeps the focus,
 * which a disabled one would lose.
 * @param {HTMLElement} button @param {() => Promise<void>} work
 */
export async function whileBusy(button, work) {
  if (button.getAttribute("aria-busy") === "true") return;
  for (const name of BUSY) button.setAttribute(name, "true");
  try {
    await work();
  } finally {
    for (const name of BUSY) button.removeAttribute(name);
  }
}

/** Replace what `element` says, but only where it differs: a live region is read out anew else. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
