/**
 * The last four weeks and the next seven days as bars, with the likely range where it is known.
 *
 * Drawn from a series: `sold` [{day, units, state}] and `ahead` [{day, units, lo80, hi80, …}].
 */

import { h, svg } from "../dom.js";
import { t } from "../language.js";
import { fitted } from "./fitted.js";
import { readout } from "./readout.js";
import { linear, ticks } from "./scale.js";

const TOP = 12;
const BOTTOM = 30;
const RIGHT = 4;
const NARROW = 560;
const AHEAD = 2;

/** A figure with the chart, its legend and a read-out; `label` says it aloud. */
export function dayChart(series, formats, label) {
  const plot = fitted((place, width) => {
    const drawing = new Drawing(series, formats, width);
    return [drawing.svg(label), readout(drawing, place)];
  });
  return h("figure", { class: "chart day-chart" }, legend(series), plot);
}

class Drawing {
  constructor(series, formats, width) {
    Object.assign(this, { series, formats, width, height: width < NARROW ? 200 : 240 });
    this.points = [...series.sold, ...series.ahead];
    this.ticks = ticks(this.highest() * 1.02, 3);
    this.left = 14 + 7.2 * Math.max(...this.ticks.map((tick) => formats.compact(tick).length));
    const { sold, ahead } = series;
    this.step = (width - RIGHT - this.left) / Math.max(sold.length + AHEAD * ahead.length, 1);
    this.y = linear(0, this.ticks.at(-1), this.height - BOTTOM, TOP);
  }

  highest() {
    const most = Math.max(...this.points.map((point) => Math.max(point.units, point.hi80 ?? 0)), 1);
    const widest = Math.max(...this.series.ahead.map((point) => point.hi95 ?? 0), 0);
    return Math.max(most, Math.min(widest, most * 1.4));
  }

  /** How wide the place of a bar is: days ahead get more, since they have names and ranges. */
  room(i) {
    return i < this.series.sold.length ? this.step : AHEAD * this.step;
  }

  /** The middle of a bar. */
  x(i) {
    const sold = Math.min(i, this.series.sold.length);
    return this.left + sold * this.step + (i - sold) * AHEAD * this.step + this.room(i) / 2;
  }

  svg(label) {
    const { width, height } = this;
    return svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label },
      this.grid(),
      ...this.points.flatMap((point, i) => this.bar(point, i)),
      this.names(),
    );
  }

  grid() {
    return this.ticks.flatMap((tick) => [
      svg("line", {
        class: tick === 0 ? "grid grid-base" : "grid",
        x1: this.left,
        x2: this.width - RIGHT,
        y1: this.y(tick),
        y2: this.y(tick),
      }),
      svg(
        "text",
        { class: "tick", x: this.left - 8, y: this.y(tick) + 4, "text-anchor": "end" },
        this.formats.compact(tick),
      ),
    ]);
  }

  bar(point, i) {
    const ahead = i >= this.series.sold.length;
    const wide = Math.max(Math.min(this.room(i) * 0.72, 34), 2);
    const top = this.y(point.units);
    const shapes = [
      svg("rect", {
        class: ahead ? "bar-ahead" : "bar-sold",
        x: this.x(i) - wide / 2,
        y: top,
        width: wide,
        height: Math.max(this.height - BOTTOM - top, 0.5),
        rx: Math.min(3, wide / 3),
      }),
    ];
    if (point.hi80 !== null && point.hi80 !== undefined) shapes.push(...this.range(point, i));
    if (point.state && point.state !== "on_sale") shapes.push(this.mark(point, i));
    return shapes;
  }

  range(point, i) {
    const line = (name, low, high) =>
      svg("line", { class: name, x1: this.x(i), x2: this.x(i), y1: this.y(low), y2: Math.max(this.y(high), 1) });
    return [line("range-95", point.lo95, point.hi95), line("range-80", point.lo80, point.hi80)];
  }

  mark(point, i) {
    const y = this.height - BOTTOM - 7;
    return svg("path", { class: `mark mark-${point.state}`, d: `M${this.x(i)} ${y - 5}l5 5l-5 5l-5 -5Z` });
  }

  /** Each day ahead by its weekday; of those sold, one a week by its date. */
  names() {
    const { sold, ahead } = this.series;
    const narrow = this.width < NARROW;
    const y = this.height - 10;
    const name = narrow ? this.formats.weekdayLetter : this.formats.weekdayShort;
    const next = ahead.map((point, i) =>
      svg("text", { class: "tick tick-ahead", x: this.x(sold.length + i), y, "text-anchor": "middle" }, name(point.day)),
    );
    const weeks = sold
      .map((point, i) => [point, i])
      .filter(([, i]) => (sold.length - i) % (narrow ? 14 : 7) === 0)
      .map(([point, i]) =>
        svg("text", { class: "tick", x: this.x(i), y, "text-anchor": "start", dx: -this.step / 2 }, this.formats.dayMonth(point.day)),
      );
    return [...weeks, ...next];
  }

  /** What is known of the day at that place. */
  at(position) {
    const reached = this.points.findIndex((_, i) => position < this.x(i) + this.room(i) / 2);
    const i = reached < 0 ? this.points.length - 1 : reached;
    const point = this.points[i];
    const { units } = this.formats;
    const ahead = i >= this.series.sold.length;
    const rows = [[t(ahead ? "chart.forecast" : "chart.sold"), units(point.units)]];
    const { range } = this.formats;
    if (ahead && point.hi80 !== null) rows.push([t("days.band80"), range(point.lo80, point.hi80)]);
    if (ahead && point.hi95 !== null) rows.push([t("days.band95"), range(point.lo95, point.hi95)]);
    if (point.state && point.state !== "on_sale") rows.push(["", t(`days.state.${point.state}`)]);
    return { title: this.formats.dayName(point.day), place: this.x(i), rows };
  }
}

/** Only what the series has is named. */
function legend({ sold, ahead }) {
  const states = new Set(sold.map((point) => point.state));
  const ranged = ahead.some((point) => point.hi80 !== null);
  const block = (name) => svg("rect", { class: name, x: 5, y: 0, width: 12, height: 12, rx: 2 });
  const stroke = (name) => svg("line", { class: name, x1: 11, x2: 11, y1: 0, y2: 12 });
  const diamond = (state) => svg("path", { class: `mark mark-${state}`, d: "M11 1l5 5l-5 5l-5 -5Z" });
  const items = [
    sold.length > 0 && [t("chart.sold"), block("bar-sold")],
    ahead.length > 0 && [t("chart.forecast"), block("bar-ahead")],
    ranged && [t("days.band80"), stroke("range-80")],
    ranged && [t("days.band95"), stroke("range-95")],
    ...["shelf_empty", "closed", "unknown"].map(
      (state) => states.has(state) && [t(`days.state.${state}`), diamond(state)],
    ),
  ];
  const picture = (shape) =>
    svg("svg", { viewBox: "0 0 22 12", width: 22, height: 12, "aria-hidden": "true" }, shape);
  return h(
    "ul",
    { class: "legend plain" },
    ...items.filter(Boolean).map(([name, shape]) => h("li", {}, picture(shape), name)),
  );
}
