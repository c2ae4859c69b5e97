/** Next month and the next twelve, in units and money, with the band and last year beside them. */

import { t } from "../language.js";
import { lastYearUnits } from "../totals.js";
import { h } from "../dom.js";
import { changeBadge, changeOn, figure, figures } from "./figures.js";

/** The two large numbers of a totals document. */
export function headline(totals, formats) {
  const month = totals.months[0];
  const units = totals.units_forecast[0];
  const before = lastYearUnits(totals, month);
  const known = totals.history.units_sold.slice(-24).some((sold) => sold > 0);
  return figures(
    figure(
      t("headline.next-month", { month: formats.month(month) }),
      t("units", { n: formats.units(units), count: Math.round(units) }),
      money(totals, formats, (months) => months[0]),
      band(totals, formats),
      compared(before, changeOn(before, units), formats, "headline.same-month"),
    ),
    figure(
      t("headline.next-twelve", { count: totals.months.length }),
      t("units", { n: formats.units(totals.horizon_units), count: Math.round(totals.horizon_units) }),
      money(totals, formats, (months) => months.reduce((sum, each) => sum + each, 0)),
      sumBand(totals, formats),
      h("span", { class: "muted small" }, t("headline.known-products")),
      compared(known ? totals.units_last_year : null, totals.change_on_last_year, formats, "headline.last-twelve"),
    ),
  );
}

/** Money by currency, each on a line of its own: they are never added. */
function money(totals, formats, of) {
  const lines = Object.entries(totals.money_forecast).map(([currency, months]) =>
    h("span", { class: "money" }, formats.money(of(months), currency)),
  );
  if (!lines.length) return null;
  const unpriced = totals.series_without_price;
  return h(
    "span",
    { class: "moneys" },
    ...lines,
    unpriced > 0 && h("span", { class: "muted small" }, t("headline.unpriced", { count: unpriced, n: unpriced })),
  );
}

function band(totals, formats) {
  if (!totals.lo80?.length) return h("span", { class: "muted" }, t("headline.no-band"));
  return t("headline.band", { low: formats.units(totals.lo80[0]), high: formats.units(totals.hi80[0]) });
}

function sumBand(totals, formats) {
  const bounds = totals.horizon_interval;
  if (!bounds) return h("span", { class: "muted" }, t("headline.no-band"));
  return t("headline.band", { low: formats.units(bounds.lo80), high: formats.units(bounds.hi80) });
}

function compared(before, change, formats, key) {
  if (before === null) return h("span", { class: "muted" }, t("change.no-last-year"));
  return [t(key, { n: formats.units(before) }), " ", changeBadge(change, formats)];
}
