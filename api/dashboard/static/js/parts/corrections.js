/** Months whose sales were not the demand: the shelf was empty, or one order bought the month. */

import { t } from "../language.js";
import { addMonths } from "../months.js";

/** Marks for the chart, from the history of a forecast document. */
export function correctionMarks(forecast, formats) {
  const { first_month: first, days_out_of_stock: days = [], corrections = [] } = forecast.history;
  const empty = days.flatMap((count, i) =>
    count > 0 ? [{ month: addMonths(first, i), text: t("mark.shelf-empty", { count, n: count }) }] : [],
  );
  const others = corrections.map(({ month, code, units }) => ({
    month,
    text: t(`mark.${code}`, { n: formats.units(units) }),
  }));
  return [...empty, ...others];
}
