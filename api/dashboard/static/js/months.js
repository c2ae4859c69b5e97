/** Months as the JSON writes them: the first day, as in 2026-11-01. */

/** The month `count` months after `month`. */
export function addMonths(month, count) {
  const [year, number] = month.split("-").map(Number);
  const found = year * 12 + number - 1 + count;
  return `${String(Math.floor(found / 12)).padStart(4, "0")}-${String((found % 12) + 1).padStart(2, "0")}-01`;
}

/** How many months `later` lies after `earlier`. */
export function monthsBetween(earlier, later) {
  const [a, b] = [earlier, later].map((month) => month.split("-").map(Number));
  return (b[0] - a[0]) * 12 + b[1] - a[1];
}

/** Units by month of a history document, as a map. */
export function unitsByMonth(history) {
  return new Map(history.units_sold.map((units, i) => [addMonths(history.first_month, i), units]));
}

/** The sum of numbers; null where one of them is not known. */
export function sumOrNull(values) {
  return values.some((value) => value === null || value === undefined)
    ? null
    : values.reduce((sum, value) => sum + value, 0);
}
