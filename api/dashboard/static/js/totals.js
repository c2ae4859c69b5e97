/** Totals documents as the pages use them. */

import { addMonths, unitsByMonth } from "./months.js";

const SHOWN = 24;

/** The chart's series of a totals document, or of a product's forecast: both have these fields. */
export function documentSeries(document, { marks = [], own = new Map(), shown = SHOWN } = {}) {
  const known = unitsByMonth(document.history);
  const bound = (name, i) => document[name]?.[i] ?? null;
  return {
    sold: [...known].slice(-shown).map(([month, units]) => ({ month, units })),
    ahead: document.months.map((month, i) => ({
      month,
      units: document.units_forecast[i],
      lo80: bound("lo80", i),
      hi80: bound("hi80", i),
      lo95: bound("lo95", i),
      hi95: bound("hi95", i),
    })),
    lastYear: known,
    marks,
    own,
  };
}

/** The same for totals, whose history begins with zeros where nothing was on sale yet. */
export function totalsSeries(totals) {
  const series = documentSeries(totals);
  const first = series.sold.findIndex((point) => point.units > 0);
  const lead = totals.history.units_sold.findIndex((units) => units > 0);
  const known = [...series.lastYear].slice(Math.max(lead, 0));
  return { ...series, sold: first < 0 ? [] : series.sold.slice(first), lastYear: new Map(known) };
}

/** Units of the same month a year before; null where that is before the first sale. */
export function lastYearUnits(document, month) {
  const units = document.history.units_sold;
  const first = units.findIndex((sold) => sold > 0);
  const known = [...unitsByMonth(document.history)].slice(Math.max(first, 0));
  return new Map(known).get(addMonths(month, -12)) ?? null;
}
