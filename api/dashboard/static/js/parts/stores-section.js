/** Each store with its next month, its next twelve, and last year beside them. */

import { read } from "../api.js";
import { sparkline } from "../charts/sparkline.js";
import { h } from "../dom.js";
import { formatsFor } from "../formats.js";
import { t } from "../language.js";
import { lastYearUnits } from "../totals.js";
import { changeBadge, changeOn } from "./figures.js";
import { lateSection } from "./section.js";

const AT_ONCE = 12;

/** The largest stores at once; the others when they are asked for. */
export function storesSection(known, signal) {
  const ranked = [...known.values()].sort((a, b) => b.series - a.series);
  const content = async () => {
    const list = h("ul", { class: "plain tiles" }, ...(await cards(ranked.slice(0, AT_ONCE), signal)));
    if (ranked.length <= AT_ONCE) return list;
    const more = h("button", { class: "button", type: "button" }, t("stores.more", { n: ranked.length }));
    more.addEventListener("click", async () => {
      more.disabled = true;
      list.append(...(await cards(ranked.slice(AT_ONCE), signal)));
      more.parentElement.remove();
    });
    return [list, h("p", { class: "card-more" }, more)];
  };
  return lateSection(t("stores.title", { count: known.size }), content, { signal });
}

async function cards(stores, signal) {
  const totals = await Promise.all(stores.map((store) => storeTotals(store, signal)));
  return stores.map((store, i) => card(store, totals[i]));
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
    h("p", { class: "tile-more" }, h("a", { href: `/days?store=${encodeURIComponent(store.store_id)}` }, t("stores.days"))),
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
