/** Months whose sales were not the demand: the shelf was empty, or one order bought the month. */

import { t } from "../language.js";

/** Marks for the chart, from the history of a forecast document and the reason beside it. */
export function correctionMarks(forecast) {
  const shelves = (forecast.history.shelf_empty ?? []).map(({ month, days }) => ({
    month,
    text: t("mark.shelf-empty", { count: days, n: days }),
  }));
  const bulk = forecast.reason?.parameters.bulk?.split(",") ?? [];
  const orders = bulk.map((month) => ({ month: `${month}-01`, text: t("mark.bulk-order") }));
  return [...shelves, ...orders];
}
