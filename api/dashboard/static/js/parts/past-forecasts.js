/** How the last forecasts of a product did, a month ahead, against what was sold. */

import { scrolling } from "../charts/month-table.js";
import { pastChart } from "../charts/past-chart.js";
import { h } from "../dom.js";
import { t } from "../language.js";

/** `said` holds the merchant's own numbers, which are scored beside the forecasts. */
export function pastSection(forecast, formats, said) {
  const months = forecast.accuracy?.months ?? [];
  const own = new Map(said.adjustments.map((each) => [each.month, each]));
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("past.title")),
    months.length
      ? [
          words(forecast.accuracy, formats),
          ownWords(months, own),
          pastChart(months, formats),
          table(months, own, formats),
        ]
      : h("p", { class: "muted" }, t("past.none")),
  );
}

function words({ months, wape, bias }, formats) {
  const inside = months.filter((m) => m.lo80 <= m.units_sold && m.units_sold <= m.hi80).length;
  const first =
    months.length > 1
      ? t("past.inside", { count: inside, inside, months: months.length })
      : t(inside ? "past.only.inside" : "past.only.outside", { month: formats.month(months[0].month) });
  if (wape === null) return h("p", {}, first);
  const lean = bias > 0.1 ? "past.over" : bias < -0.1 ? "past.under" : "past.level";
  return h("p", {}, `${first} ${t("past.missed", { share: formats.percent(wape) })} ${t(lean)}`);
}

/** In how many months the merchant's own number came closer than the forecast that they saw. */
function ownWords(months, own) {
  const due = months.filter((m) => own.has(m.month));
  if (due.length === 0) return null;
  const missed = (units, m) => Math.abs(units - m.units_sold);
  const closer = due.filter((m) => {
    const { units, units_forecast: shown } = own.get(m.month);
    return missed(units, m) < missed(shown, m);
  }).length;
  const count = due.length;
  const result = closer === 0 ? "past.own.farther" : "past.own.closer";
  return h("p", {}, `${t("past.own", { count, months: count })} ${t(result, { count, n: closer })}`);
}

function table(months, own, { units, month }) {
  const set = months.some((m) => own.has(m.month));
  const heads = ["table.month", "chart.forecast", "chart.band80", "chart.sold", "past.off"];
  const row = (m) => [
    h("th", { scope: "row" }, month(m.month)),
    h("td", {}, units(m.units_forecast)),
    h("td", {}, `${units(m.lo80)} – ${units(m.hi80)}`),
    h("td", {}, units(m.units_sold)),
    h("td", {}, off(m, units)),
    set && h("td", {}, own.has(m.month) && ownNumber(own.get(m.month), m, units)),
  ];
  return scrolling(
    t("past.title"),
    h(
      "table",
      { class: "numbers" },
      h("thead", {}, h("tr", {}, ...heads.map((key) => h("th", { scope: "col" }, t(key))), set && h("th", { scope: "col" }, t("chart.own")))),
      h("tbody", {}, ...[...months].reverse().map((m) => h("tr", {}, ...row(m)))),
    ),
  );
}

/** The merchant's own number, and how far it was off. */
function ownNumber({ units: number }, m, units) {
  return [h("strong", {}, units(number)), ", ", off({ ...m, units_forecast: number }, units)];
}

function off({ units_forecast: forecast, units_sold: sold }, units) {
  const by = forecast - sold;
  if (Math.abs(by) < 0.5) return t("past.right");
  return t(by > 0 ? "past.too-many" : "past.too-few", { n: units(Math.abs(by), Math.max(forecast, sold)) });
}
