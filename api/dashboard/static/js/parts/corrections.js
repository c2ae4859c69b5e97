/** Months whose sales were not the demand: the shelf was empty, or one order bought the month. */

import { t } from "../language.js";

/**
 * Marks for the chart, from a forecast document: [{month, text, learnt}], the oldest first.
 *
 * `learnt` is what the forecast took for the month, null where it took what was sold.
 */
export function correctionMarks({ history, reason }) {
  const corrected = history.corrected ?? [];
  const bulk = reason?.parameters.bulk?.split(",") ?? [];
  const causes = new Map([
    ...bulk.map((month) => [`${month}-01`, t("mark.bulk-order")]),
    ...corrected.map(({ month, cause }) => [month, correctedText(cause)]),
    ...(history.shelf_empty ?? []).map(({ month, days }) => [month, shelfText(days)]),
  ]);
  const learnt = new Map(corrected.map((one) => [one.month, one.units_corrected]));
  const mark = ([month, text]) => ({ month, text, learnt: learnt.get(month) ?? null });
  return [...causes].sort().map(mark);
}

function correctedText(cause) {
  return t(cause === "bulk_order" ? "mark.bulk-order" : "mark.shelf-empty.some");
}

function shelfText(days) {
  return t("mark.shelf-empty", { count: days, n: days });
}
