/** The filters above the list of products. Each change answers at once; the address follows. */

import { h } from "../dom.js";
import { t } from "../language.js";
import { confidenceWord } from "../sentences.js";
import { categories } from "../categories.js";

const SORTS = ["volume", "attention", "growth", "decline", "risk", "name"];
const WORDS = ["high", "fair", "low", "unknown"];

/** The form, filled in as asked; `apply` gets the filters after every change. */
export async function filterForm(known, asked, apply, signal) {
  const names = await categories(known, signal);
  const search = h("input", {
    id: "q",
    name: "q",
    type: "search",
    value: asked.q,
    placeholder: t("filter.search.hint"),
    autocomplete: "off",
  });
  const store = choice("store", asked, t("filter.store.all"), [...known.values()].map((s) => [s.store_id, s.name]));
  const category = choice("category", asked, t("filter.category.all"), names.map((name) => [name, name]));
  const confidence = choice("confidence", asked, t("filter.confidence.all"), WORDS.map((w) => [w, confidenceWord(w)]));
  const sort = choice("sort", asked, null, SORTS.map((name) => [name, t(`sort.${name}`)]));
  const fields = [search, store, category, confidence, sort];
  const change = () => apply(Object.fromEntries(fields.map((field) => [field.name, valueOf(field)])));
  return h(
    "form",
    {
      class: "filters",
      role: "search",
      onsubmit: (event) => event.preventDefault(),
      oninput: change,
    },
    labelled(t("filter.search"), search, "filter-search"),
    known.size > 1 && labelled(t("filter.store"), store),
    names.length > 1 && labelled(t("filter.category"), category),
    labelled(t("filter.confidence"), confidence),
    labelled(t("filter.sort"), sort),
  );
}

function valueOf(field) {
  return field.name === "sort" && field.value === SORTS[0] ? "" : field.value.trim();
}

function choice(name, asked, all, options) {
  const offered = all === null ? options : [["", all], ...options];
  return h(
    "select",
    { id: name, name },
    ...offered.map(([value, text]) => h("option", { value, selected: value === asked[name] }, text)),
  );
}

function labelled(text, field, name = "") {
  return h("div", { class: `field ${name}` }, h("label", { for: field.id }, text), field);
}
