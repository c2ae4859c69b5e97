/** The words of the page in the reader's language, one JSON dictionary for each. */

export const LANGUAGES = { es: "Español", en: "English", pt: "Português" };

const KEPT = "storecast.language";
let words = {};
let code = "en";
let plurals = new Intl.PluralRules("en");

/** The language in use, as `en`, `es` or `pt`. */
export function language() {
  return code;
}

/** The language chosen before, else the first of the browser's that there is, else English. */
export function preferredLanguage() {
  const wanted = [localStorage.getItem(KEPT), ...navigator.languages];
  const found = wanted.map((tag) => tag?.slice(0, 2)).find((tag) => tag in LANGUAGES);
  return found ?? "en";
}

/** Load a dictionary and speak it from now on. */
export async function speak(chosen, { keep = false } = {}) {
  const address = new URL(`../words/${chosen}.json`, import.meta.url);
  words = await (await fetch(address)).json();
  code = chosen;
  plurals = new Intl.PluralRules(chosen);
  document.documentElement.lang = chosen;
  if (keep) localStorage.setItem(KEPT, chosen);
}

/** Whether the dictionary has the key. */
export function has(key) {
  return key in words;
}

/**
 * The text of `key` with `{names}` filled in from `values`.
 * Where the dictionary tells singular from plural, `values.count` decides.
 */
export function t(key, values = {}) {
  return parts(key, values).join("");
}

/** The same as a list of strings and nodes, for values that are elements. */
export function parts(key, values = {}) {
  const entry = words[key] ?? key;
  const text = typeof entry === "string" ? entry : entry[plurals.select(values.count)] ?? entry.other;
  return text.split(/(\{\w+\})/).map((piece) => {
    const name = /^\{(\w+)\}$/.exec(piece)?.[1];
    return name === undefined ? piece : (values[name] ?? piece);
  });
}
