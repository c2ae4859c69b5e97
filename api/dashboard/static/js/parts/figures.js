/** Numbers with their names: the large ones at the head of a page, and changes on last year. */

import { h } from "../dom.js";
import { t } from "../language.js";

/** A name, its number, and lines beneath. */
export function figure(name, value, ...notes) {
  return h(
    "div",
    { class: "figure" },
    h("dt", {}, name),
    h("dd", {}, h("strong", {}, value), ...notes.filter(Boolean).map((n) => h("span", { class: "note" }, n))),
  );
}

/** The list that holds them. */
export function figures(...items) {
  return h("dl", { class: "figures" }, ...items);
}

/** A change on last year with its direction as a sign, colour and word. */
export function changeBadge(change, formats) {
  if (change === null || change === undefined) {
    return h("span", { class: "muted" }, t("change.unknown"));
  }
  const direction = change > 0.005 ? "up" : change < -0.005 ? "down" : "even";
  return h(
    "span",
    { class: `change change-${direction}` },
    h("span", { "aria-hidden": "true" }, { up: "▲ ", down: "▼ ", even: "" }[direction]),
    formats.change(change),
  );
}

/** Later over earlier, − 1; null where either is not known or the earlier one is zero. */
export function changeOn(earlier, later) {
  return earlier && later !== null && later !== undefined ? later / earlier - 1 : null;
}
