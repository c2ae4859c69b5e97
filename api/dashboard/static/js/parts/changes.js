/** What changed since last month's forecast, cut into causes that add up. */

import { h } from "../dom.js";
import { t } from "../language.js";
import { addMonths } from "../months.js";

const CAUSES = ["calendar", "new_data", "model", "correction", "products"];

/** From the totals of the merchant, or of a store. */
export function changesSection(totals, formats) {
  return h("section", { class: "card" }, h("h2", {}, t("changes.title")), content(totals, formats));
}

function content(totals, formats) {
  const found = totals.since_last_run;
  if (!found) return h("p", { class: "muted" }, t("changes.none"));
  const { units, month } = formats;
  const now = totals.months[0];
  const before = addMonths(now, -1);
  const sold = totals.history.units_sold.at(-1);
  const parts = CAUSES.map((cause) => [cause, found.parts[cause] ?? 0]);
  const shown = parts.filter(([, value]) => Math.abs(value) >= 0.5);
  return [
    h("p", {}, t("changes.before", { month: month(before), then: units(found.units_then), sold: units(sold) })),
    h("p", {}, t("changes.now", { month: month(now), now: units(found.units_now) })),
    shown.length === 0
      ? h("p", { class: "muted" }, t("changes.even"))
      : h("ul", { class: "causes plain" }, ...shown.map((part) => cause(part, now, before, formats))),
  ];
}

function cause([name, value], now, before, { units, month, monthName }) {
  const sign = value > 0 ? "+" : "−";
  const size = units(Math.abs(value), 10);
  return h(
    "li",
    {},
    h("strong", { class: value > 0 ? "change-up" : "change-down" }, `${sign}${size}`),
    h(
      "span",
      {},
      t(value > 0 || name !== "calendar" ? `changes.${name}` : "changes.calendar.down", {
        month: monthName(now),
        before: monthName(before),
        full: month(before),
      }),
    ),
  );
}
