/** The likely range that was promised for each past month, and what was sold. */

import { h, svg } from "../dom.js";
import { t } from "../language.js";
import { fitted } from "./fitted.js";
import { linear } from "./scale.js";

const ROW = 34;
const LEFT = 64;
const RIGHT = 24;
const WIDEST = 720;

export function pastChart(months, formats) {
  return h(
    "figure",
    { class: "chart past-chart" },
    h(
      "ul",
      { class: "legend plain" },
      key(t("chart.band80"), svg("rect", { class: "band band-80", x: 1, y: 1, width: 20, height: 10, rx: 3 })),
      key(t("chart.forecast"), svg("path", { class: "line-forecast", d: "M11 0V12" })),
      key(t("past.sold-inside"), svg("circle", { class: "dot-sold", cx: 11, cy: 6, r: 4.5 })),
      key(t("past.sold-outside"), svg("circle", { class: "dot-sold dot-outside", cx: 11, cy: 6, r: 4.5 })),
    ),
    fitted((_, width) => [drawing(months, formats, Math.min(width, WIDEST))]),
  );
}

function drawing(months, formats, width) {
  const most = Math.max(...months.flatMap((m) => [m.hi80, m.units_sold, m.units_forecast]), 1);
  const x = linear(0, most, LEFT, width - RIGHT);
  const height = months.length * ROW;
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": t("past.chart.label") },
    ...months.flatMap((m, i) => row(m, i * ROW + ROW / 2, x, width, formats)),
  );
}

function row(m, y, x, width, formats) {
  const inside = m.lo80 <= m.units_sold && m.units_sold <= m.hi80;
  const long = Math.max(x(m.hi80) - x(m.lo80), 2);
  return [
    svg("text", { class: "tick", x: LEFT - 10, y: y + 4, "text-anchor": "end" }, formats.monthShort(m.month)),
    svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }),
    svg("rect", { class: "band band-80", x: x(m.lo80), y: y - 7, width: long, height: 14, rx: 4 }),
    svg("path", { class: "line-forecast", d: `M${x(m.units_forecast)} ${y - 9}V${y + 9}` }),
    svg("circle", { class: inside ? "dot-sold" : "dot-sold dot-outside", cx: x(m.units_sold), cy: y, r: 5 }),
  ];
}

function key(name, shape) {
  return h("li", {}, svg("svg", { viewBox: "0 0 22 12", width: 22, height: 12, "aria-hidden": "true" }, shape), name);
}
