/** Which stores to look at: a box to tick for each, found by name where there are many. */

import { fill, h } from "../dom.js";
import { t } from "../language.js";

const MANY = 12;

/** `apply` gets the set of store ids after every change. */
export function storeSwitcher(known, chosen, apply) {
  const list = h("div", { class: "chips" });
  const now = new Set(chosen);
  const boxes = [...known.values()].map((store) => chip(store, now, () => apply(new Set(now))));
  const show = (text) => {
    const wanted = text.trim().toLocaleLowerCase();
    fill(list, boxes.filter(({ words, box }) => box.checked || words.includes(wanted)).map(({ label }) => label));
  };
  show("");
  const regions = [...new Set([...known.values()].map((store) => store.region))];
  const whole = (region) => {
    now.clear();
    for (const { box, store } of boxes) {
      box.checked = store.region === region;
      if (box.checked) now.add(store.store_id);
    }
    show("");
    apply(new Set(now));
  };
  return h(
    "fieldset",
    { class: "switcher" },
    h("legend", {}, t("days.stores")),
    known.size > MANY && finder(show),
    list,
    regions.length > 1 && regionButtons(regions, whole),
  );
}

/** All the stores of a region at once. */
function regionButtons(regions, whole) {
  const button = (region) =>
    h("button", { class: "quiet", type: "button", onclick: () => whole(region) }, t("days.region", { region }));
  return h("div", { class: "chips" }, ...regions.map(button));
}

function finder(show) {
  const field = h("input", {
    type: "search",
    "aria-label": t("days.stores.find"),
    placeholder: t("days.stores.find"),
    autocomplete: "off",
  });
  field.addEventListener("input", () => show(field.value));
  return field;
}

function chip(store, now, changed) {
  const box = h("input", {
    type: "checkbox",
    name: "store",
    value: store.store_id,
    checked: now.has(store.store_id),
  });
  box.addEventListener("change", () => {
    if (box.checked) now.add(store.store_id);
    else now.delete(store.store_id);
    changed();
  });
  const words = `${store.name} ${store.region}`.toLocaleLowerCase();
  return { box, store, words, label: h("label", { class: "chip" }, box, h("span", {}, store.name)) };
}
