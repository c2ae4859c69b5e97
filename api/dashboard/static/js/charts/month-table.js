/** The numbers of a chart as a table, for who cannot or will not read a picture. */

import { h } from "../dom.js";
import { t } from "../language.js";
import { addMonths } from "../months.js";

/** Months ahead with their bounds and last year's units, folded away until asked for. */
export function monthTable(series, formats, ...more) {
  const { units, month } = formats;
  const banded = series.ahead.some((point) => point.hi80 !== null);
  const row = (point) => [
    h("th", { scope: "row" }, month(point.month)),
    h("td", {}, units(point.units)),
    banded && h("td", {}, range(point.lo80, point.hi80, units)),
    banded && h("td", {}, range(point.lo95, point.hi95, units)),
    h("td", {}, units(series.lastYear.get(addMonths(point.month, -12)) ?? null)),
    ...more.map((column) => h("td", {}, column.text(point.month))),
  ];
  const heads = [
    t("table.month"),
    t("chart.forecast"),
    banded && t("chart.band80"),
    banded && t("chart.band95"),
    t("chart.last-year"),
    ...more.map((column) => column.name),
  ].filter(Boolean);
  return h(
    "details",
    { class: "as-table" },
    h("summary", {}, t("chart.as-table")),
    scrolling(
      t("chart.ahead"),
      h(
        "table",
        { class: "numbers" },
        h("caption", { class: "visually-hidden" }, t("chart.ahead")),
        h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)))),
        h("tbody", {}, ...series.ahead.map((point) => h("tr", {}, ...row(point)))),
      ),
    ),
    series.sold.length > 0 && soldTable(series.sold, formats),
  );
}

function soldTable(sold, { units, monthShort }) {
  const years = new Map();
  for (const point of sold) {
    const year = point.month.slice(0, 4);
    years.set(year, (years.get(year) ?? new Map()).set(point.month.slice(5, 7), point.units));
  }
  const numbers = Array.from({ length: 12 }, (_, i) => String(i + 1).padStart(2, "0"));
  const name = (number) => monthShort(`2024-${number}-01`).replace(/\s*\d+$/, "");
  return scrolling(
    t("chart.sold-by-month"),
    h(
      "table",
      { class: "numbers" },
      h("caption", {}, t("chart.sold-by-month")),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("table.year")), ...numbers.map((n) => h("th", { scope: "col" }, name(n))))),
      h(
        "tbody",
        {},
        ...[...years].map(([year, months]) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, year),
            ...numbers.map((n) => h("td", {}, months.has(n) ? units(months.get(n)) : "")),
          ),
        ),
      ),
    ),
  );
}

/** A region that scrolls sideways where it must, reachable by keyboard. */
export function scrolling(label, table) {
  return h("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, table);
}

function range(low, high, units) {
  return low === null ? t("unknown.short") : `${units(low)} – ${units(high)}`;
}
