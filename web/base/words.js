// The words of the page in its reader's language, and numbers, money and time as it writes them.

const LANGUAGES = ["ru", "kk", "en"];
const CHOSEN = "language";

/** The language chosen earlier, else the first that the browser asks for and we speak. */
export function chooseLanguage(stored, wanted) {
  if (LANGUAGES.includes(stored)) return stored;
  const known = wanted.map((one) => one.slice(0, 2).toLowerCase());
  return known.find((one) => LANGUAGES.includes(one)) ?? "ru";
}

export const language = chooseLanguage(stored(), navigator.languages ?? []);
const { WORDS } = await import(`../words/${language}.js`);
const plural = new Intl.PluralRules(language);

/**
 * The words for `key`, with `{name}` replaced from `values`; where they depend on a number, on `n`.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function say(key, values = {}) {
  const found = WORDS[key] ?? key;
  const words = typeof found === "string" ? found : (found[plural.select(Number(values.n))] ?? found.other);
  return words.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : (value ?? whole);
  });
}

/** Learn the words of a part of the pages that not every reader needs; before they are said. */
export async function learnWords(part) {
  Object.assign(WORDS, (await import(`../words/${part}/${language}.js`)).WORDS);
}

/** Whether there are words for `key`. */
export function isSaid(key) {
  return key in WORDS;
}

/** Remember the language and show the page in it. */
export function speak(chosen) {
  try {
    localStorage.setItem(CHOSEN, chosen);
  } catch {
    // Private windows may refuse to remember; the page then speaks as the browser does.
  }
  location.reload();
}

function stored() {
  try {
    return localStorage.getItem(CHOSEN);
  } catch {
    return null;
  }
}

// Some browsers write no Kazakh numbers and dates, though they say so: then figures as in Russian,
// without its words. Without knowledge of a language thousands are parted by commas.
const isKnown = language === "en" || !new Intl.NumberFormat(language).format(1e6).includes(",");
const locale = isKnown ? language : "ru";
const numbers = new Intl.NumberFormat(locale);

export function number(value) {
  return numbers.format(value);
}

/** Tenge from the service's "40000.00"; tiyn only where there are any. */
export function money(amount) {
  const value = Number(amount);
  const digits = Number.isInteger(value) ? 0 : 2;
  const format = { style: "currency", currency: "KZT", currencyDisplay: "narrowSymbol" };
  const shown = { ...format, minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(locale, /** @type {any} */ (shown)).format(value);
}

const HALL = { dateStyle: isKnown ? "full" : "short", timeStyle: "short", timeZone: "UTC" };
const HERE = { dateStyle: isKnown ? "medium" : "short", timeStyle: "short" };

/** A time at the hall, which names no zone: it is shown as it is written. */
export function hallTime(text) {
  const hasZone = /(?:Z|[+-]\d\d:\d\d)$/.test(text);
  const format = hasZone ? { ...HALL, timeZone: undefined } : HALL;
  return new Intl.DateTimeFormat(locale, /** @type {any} */ (format)).format(
    new Date(hasZone ? text : `${text}Z`),
  );
}

/** An instant, by the clock of whoever reads it. */
export function hereTime(instant) {
  return new Intl.DateTimeFormat(locale, /** @type {any} */ (HERE)).format(new Date(instant));
}

const CLOCK = { hour: "2-digit", minute: "2-digit" };

/** The time of day of an instant, by the clock of whoever reads it. */
export function clockTime(instant, hasSeconds = false) {
  const format = hasSeconds ? { ...CLOCK, second: "2-digit" } : CLOCK;
  return new Intl.DateTimeFormat(locale, /** @type {any} */ (format)).format(new Date(instant));
}
