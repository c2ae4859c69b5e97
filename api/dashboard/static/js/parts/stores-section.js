/** Each store with its next month, its next twelve, and last year beside them. */

import { read } from "../api.js";
import { sparkline } from "../charts/sparkline.js";
import { h } from "../dom.js";
import { formatsFor } from "../formats.js";
import { t } from "../language.js";
import { lastYearUnits } from "../totals.js";
import { changeBadge, changeOn } from "./figures.js";
import { lateSection } from "./section.js";

export function storesSection(known, signal) {
  const content = async () => {
    const shown = [...known.values()];
    const totals = await Promise.all(shown.map((store) => storeTotals(store, signal)));
    const cards = shown.map((store, i) => card(store, totals[i]));
    return h("ul", { class: "plain tiles" }, ...cards);
  };
  return lateSection(t("stores.title", { count: known.size }), content, { signal });
}

async function storeTotals(store, signal) {
  if (store.series === 0) return null;
  return read(`/stores/${encodeURIComponent(store.store_id)}/totals`, {}, signal);
}

function card(store, totals) {
  const href = `/products?store=${encodeURIComponent(store.store_id)}`;
  return h(
    "li",
    { class: "tile" },
    h("h3", {}, h("a", { href }, store.name)),
    h("p", { class: "muted small" }, t("stores.where", { region: store.region, n: store.series, count: store.series })),
    totals ? numbers(store, totals) : h("p", { class: "muted" }, t("stores.nothing")),
  );
}

function numbers(store, totals) {
  const formats = formatsFor(store.country);
  const [month, units] = [totals.months[0], totals.units_forecast[0]];
  const change = changeOn(lastYearUnits(totals, month), units);
  const money = Object.entries(totals.money_forecast)
    .map(([currency, months]) => formats.money(months[0], currency))
    .join(" · ");
  const line = (name, value, more) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, h("strong", {}, value), " ", more));
  return [
    sparkline(totals.history.units_sold.slice(-12), totals.units_forecast, t("stores.sparkline", { store: store.name })),
    h(
      "dl",
      { class: "tile-numbers" },
      line(formats.monthName(month), formats.units(units), changeBadge(change, formats)),
      totals.lo80?.length > 0 &&
        line(t("stores.band"), `${formats.units(totals.lo80[0])} – ${formats.units(totals.hi80[0])}`, ""),
      line(t("stores.money"), money || t("unknown.short"), ""),
      line(
        t("stores.twelve", { count: totals.months.length }),
        formats.units(totals.horizon_units),
        changeBadge(totals.change_on_last_year, formats),
      ),
    ),
  ];
}
