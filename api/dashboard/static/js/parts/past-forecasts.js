/** How the last forecasts of a product did, a month ahead, against what was sold. */

import { scrolling } from "../charts/month-table.js";
import { pastChart } from "../charts/past-chart.js";
import { h } from "../dom.js";
import { t } from "../language.js";

export function pastSection(forecast, formats) {
  const months = forecast.accuracy?.months ?? [];
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("past.title")),
    months.length ? [words(forecast.accuracy, formats), pastChart(months, formats), table(months, formats)] : h("p", { class: "muted" }, t("past.none")),
  );
}

function words({ months, wape, bias }, formats) {
  const inside = months.filter((m) => m.lo80 <= m.units_sold && m.units_sold <= m.hi80).length;
  const first = t("past.inside", { count: inside, inside, months: months.length });
  if (wape === null) return h("p", {}, first);
  const lean = bias > 0.1 ? "past.over" : bias < -0.1 ? "past.under" : "past.level";
  return h("p", {}, `${first} ${t("past.missed", { share: formats.percent(wape) })} ${t(lean)}`);
}

function table(months, { units, month }) {
  const heads = ["table.month", "chart.forecast", "chart.band80", "chart.sold", "past.off"];
  const row = (m) => [
    h("th", { scope: "row" }, month(m.month)),
    h("td", {}, units(m.units_forecast)),
    h("td", {}, `${units(m.lo80)} – ${units(m.hi80)}`),
    h("td", {}, units(m.units_sold)),
    h("td", {}, off(m, units)),
  ];
  return scrolling(
    t("past.title"),
    h(
      "table",
      { class: "numbers" },
      h("thead", {}, h("tr", {}, ...heads.map((key) => h("th", { scope: "col" }, t(key))))),
      h("tbody", {}, ...[...months].reverse().map((m) => h("tr", {}, ...row(m)))),
    ),
  );
}

function off({ units_forecast: forecast, units_sold: sold }, units) {
  const by = forecast - sold;
  if (Math.abs(by) < 0.5) return t("past.right");
  return t(by > 0 ? "past.too-many" : "past.too-few", { n: units(Math.abs(by), Math.max(forecast, sold)) });
}
