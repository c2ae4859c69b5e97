/**
 * History, forecast, bands and last year's line by month, as SVG that fits its place.
 *
 * A chart is drawn from a series:
 *   sold        [{month, units}], the oldest first
 *   ahead       [{month, units, lo80, hi80, lo95, hi95}], bounds null where not known
 *   lastYear    Map of month to units sold, of all months known
 *   marks       [{month, text, learnt}], months whose sales were not the demand; `learnt` is what
 *               the forecast took instead, null where nothing
 *   own         Map of month to the merchant's own number
 */

import { h, svg } from "../dom.js";
import { t } from "../language.js";
import { addMonths } from "../months.js";
import { fitted } from "./fitted.js";
import { legend } from "./legend.js";
import { readout } from "./readout.js";
import { area, line, linear, ticks } from "./scale.js";

const TOP = 14;
const BOTTOM = 30;
const RIGHT = 10;

/** A figure with the chart, its legend and a read-out; `label` says it aloud. */
export function forecastChart(series, formats, label) {
  const plot = fitted((place, width) => {
    const drawing = new Drawing(series, formats, width, width < 560 ? 250 : 320);
    return [drawing.svg(label), readout(drawing, place)];
  });
  return h("figure", { class: "chart" }, legend(series), plot);
}

/** The geometry of one chart at one width. */
class Drawing {
  constructor(series, formats, width, height) {
    Object.assign(this, { series, formats, width, height });
    this.months = [...series.sold, ...series.ahead].map((point) => point.month);
    this.ticks = ticks(this.highest() * 1.02);
    this.left = 14 + 7.2 * Math.max(...this.ticks.map((tick) => formats.compact(tick).length));
    this.x = linear(0, Math.max(this.months.length - 1, 1), this.left + 4, width - RIGHT);
    this.y = linear(0, this.ticks.at(-1), height - BOTTOM, TOP);
  }

  highest() {
    const { sold, ahead, own } = this.series;
    const found = [
      ...sold.map((point) => point.units),
      ...this.marks().map((mark) => mark.learnt ?? 0),
      ...ahead.flatMap((point) => [point.units, point.hi80 ?? 0, this.lastYear(point.month) ?? 0]),
      ...own.values(),
    ];
    const typical = Math.max(...found, 1);
    const widest = Math.max(...ahead.map((point) => point.hi95 ?? 0), 0);
    return Math.max(typical, Math.min(widest, typical * 1.6));
  }

  /** Marks of months that are shown, each with what was sold. */
  marks() {
    const units = new Map(this.series.sold.map((point) => [point.month, point.units]));
    const shown = this.series.marks.filter((mark) => units.has(mark.month));
    return shown.map((mark) => ({ ...mark, sold: units.get(mark.month) }));
  }

  lastYear(month) {
    return this.series.lastYear.get(addMonths(month, -12)) ?? null;
  }

  svg(label) {
    const { width, height } = this;
    return svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label },
      this.grid(),
      this.axis(),
      this.bands(),
      this.lines(),
      this.points(),
    );
  }

  grid() {
    return this.ticks.flatMap((tick) => [
      svg("line", {
        class: tick === 0 ? "grid grid-base" : "grid",
        x1: this.left,
        x2: this.width - RIGHT + 4,
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

  /** Month names as far apart as they need to be, in whole fractions of a year. */
  axis() {
    const each = this.x(1) - this.x(0);
    const step = [1, 2, 3, 6, 12].find((count) => count * each >= 56) ?? 12;
    const { sold } = this.series;
    const labels = this.months.flatMap((month, i) => {
      if ((Number(month.slice(5, 7)) - 1) % step) return [];
      const at = this.x(i);
      const near = at > this.width - 30 ? "end" : "middle";
      return [
        svg("line", { class: "grid", x1: at, x2: at, y1: this.height - BOTTOM, y2: this.height - BOTTOM + 5 }),
        svg(
          "text",
          { class: "tick", x: near === "end" ? this.width : at, y: this.height - 8, "text-anchor": near },
          this.formats.monthShort(month),
        ),
      ];
    });
    if (!sold.length || !this.series.ahead.length) return labels;
    const border = (this.x(sold.length - 1) + this.x(sold.length)) / 2;
    return [
      ...labels,
      svg("line", { class: "border", x1: border, x2: border, y1: TOP - 8, y2: this.height - BOTTOM }),
    ];
  }

  bands() {
    return ["95", "80"].map((level) => {
      const known = this.series.ahead
        .map((point, i) => [point, this.x(this.series.sold.length + i)])
        .filter(([point]) => point[`hi${level}`] !== null);
      const upper = known.map(([point, at]) => [at, this.within(point[`hi${level}`])]);
      const lower = known.map(([point, at]) => [at, this.within(point[`lo${level}`])]);
      return svg("path", { class: `band band-${level}`, d: area(upper, lower) });
    });
  }

  within(units) {
    return Math.max(this.y(units), 1);
  }

  lines() {
    const { sold, ahead } = this.series;
    const past = sold.map((point, i) => [this.x(i), this.y(point.units)]);
    const next = ahead.map((point, i) => [this.x(sold.length + i), this.y(point.units)]);
    const before = ahead.map((point, i) => {
      const units = this.lastYear(point.month);
      return units === null ? null : [this.x(sold.length + i), this.y(units)];
    });
    return [
      svg("path", { class: "line-last-year", d: line(before) }),
      svg("path", { class: "line-joint", d: line([...past.slice(-1), ...next.slice(0, 1)]) }),
      svg("path", { class: "line-sold", d: line(past) }),
      svg("path", { class: "line-forecast", d: line(next) }),
    ];
  }

  points() {
    const place = new Map(this.months.map((month, i) => [month, this.x(i)]));
    const { ahead, own } = this.series;
    return [
      ...ahead.map((point) =>
        svg("circle", { class: "dot-forecast", cx: place.get(point.month), cy: this.y(point.units), r: 3 }),
      ),
      ...this.marks().flatMap((mark) => this.mark(mark, place.get(mark.month))),
      ...[...own]
        .filter(([month]) => place.has(month))
        .map(([month, value]) =>
          svg("rect", {
            class: "dot-own",
            x: place.get(month) - 4.5,
            y: this.y(value) - 4.5,
            width: 9,
            height: 9,
          }),
        ),
    ];
  }

  /** A month that was unusual; a stem leads from what was sold to what the forecast learnt. */
  mark({ sold, learnt }, x) {
    if (learnt === null) return [diamond(x, this.y(sold))];
    return [
      svg("path", { class: "stem", d: line([[x, this.y(sold)], [x, this.y(learnt)]]) }),
      svg("circle", { class: "dot-learnt", cx: x, cy: this.y(learnt), r: 4 }),
      diamond(x, this.y(sold)),
    ];
  }

  /** What is known of the month at that place, as [name, text] pairs under its name. */
  at(position) {
    const i = Math.round((position - this.x(0)) / (this.x(1) - this.x(0) || 1));
    const month = this.months[Math.min(Math.max(i, 0), this.months.length - 1)];
    const { sold, ahead, marks, own } = this.series;
    const { units } = this.formats;
    const past = sold.find((point) => point.month === month);
    const next = ahead.find((point) => point.month === month);
    const rows = [];
    if (past) rows.push([t("chart.sold"), units(past.units)]);
    if (next) rows.push([t("chart.forecast"), units(next.units)]);
    if (next && next.hi80 !== null) rows.push([t("chart.band80"), `${units(next.lo80)} – ${units(next.hi80)}`]);
    if (next && next.hi95 !== null) rows.push([t("chart.band95"), `${units(next.lo95)} – ${units(next.hi95)}`]);
    if (own.has(month)) rows.push([t("chart.own"), units(own.get(month))]);
    if (this.lastYear(month) !== null) rows.push([t("chart.last-year"), units(this.lastYear(month))]);
    for (const mark of marks.filter((each) => each.month === month)) {
      if (mark.learnt !== null) rows.push([t("chart.corrected"), units(mark.learnt)]);
      rows.push(["", mark.text]);
    }
    return { title: this.formats.month(month), place: this.x(this.months.indexOf(month)), rows };
  }
}

function diamond(x, y) {
  return svg("path", { class: "mark", d: `M${x} ${y - 6}l6 6l-6 6l-6 -6Z` });
}
