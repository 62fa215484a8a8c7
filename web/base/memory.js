// What a tab remembers until it is closed. A browser that lets pages keep nothing, as with cookies
// forbidden, throws at every look: then the page itself remembers, until it is left.

const inPage = new Map();

/** @param {string} key @returns {string} "" where nothing is remembered */
export function remembered(key) {
  try {
    return inPage.get(key) ?? sessionStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} key @param {string} value "": forget */
export function remember(key, value) {
  inPage.delete(key);
  try {
    if (value === "") sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  } catch {
    inPage.set(key, value);
  }
}
