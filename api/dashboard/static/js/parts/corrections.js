/** Months whose sales were not the demand: the shelf was empty, or one order bought the month. */

import { has, t } from "../language.js";

/** Marks for the chart, from the history of a forecast document. */
export function correctionMarks(forecast, formats) {
  const { shelf_empty: empty, corrections } = forecast.history;
  const shelves = (empty ?? []).map(({ month, days }) => ({
    month,
    text: t("mark.shelf-empty", { count: days, n: days }),
  }));
  const others = (corrections ?? []).map(({ month, code, units }) => ({
    month,
    text: t(has(`mark.${code}`) ? `mark.${code}` : "mark.other", { n: formats.units(units) }),
  }));
  return [...shelves, ...others];
}
