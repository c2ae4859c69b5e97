/** What the lines, bands and marks of a forecast chart mean. */

import { h, svg } from "../dom.js";
import { t } from "../language.js";
import { addMonths } from "../months.js";

/** Only what the series has is named. */
export function legend({ sold, ahead, lastYear, marks, own }) {
  const before = ahead.some((point) => lastYear.has(addMonths(point.month, -12)));
  const learnt = marks.some((mark) => mark.learnt !== null);
  const banded = ahead.some((point) => point.hi80 !== null);
  const items = [
    sold.length > 0 && [t("chart.sold"), stroke("line-sold")],
    ahead.length > 0 && [t("chart.forecast"), stroke("line-forecast")],
    banded && [t("chart.band80"), block("band band-80")],
    banded && [t("chart.band95"), block("band band-95")],
    before && [t("chart.last-year"), stroke("line-last-year")],
    marks.length > 0 && [t("chart.mark"), mark()],
    learnt && [t("chart.corrected"), circle("dot-learnt")],
    own.size > 0 && [t("chart.own"), square()],
  ];
  return h(
    "ul",
    { class: "legend plain" },
    ...items.filter(Boolean).map(([name, swatch]) => h("li", {}, picture(swatch), name)),
  );
}

function picture(shape) {
  return svg("svg", { viewBox: "0 0 22 12", width: 22, height: 12, "aria-hidden": "true" }, shape);
}

function stroke(name) {
  return svg("path", { class: name, d: "M1 6H21" });
}

function block(name) {
  return svg("rect", { class: name, x: 1, y: 1, width: 20, height: 10, rx: 2 });
}

function mark() {
  return svg("path", { class: "mark", d: "M11 1l5 5l-5 5l-5 -5Z" });
}

function circle(name) {
  return svg("circle", { class: name, cx: 11, cy: 6, r: 4 });
}

function square() {
  return svg("rect", { class: "dot-own", x: 7, y: 2, width: 8, height: 8 });
}
