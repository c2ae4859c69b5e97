/** Days as the JSON writes them, as in 2026-11-05. */

const DAY = 86_400_000;

/** The day `count` days after `day`. */
export function addDays(day, count) {
  return new Date(Date.parse(day) + count * DAY).toISOString().slice(0, 10);
}

/** How many days `later` lies after `earlier`. */
export function daysBetween(earlier, later) {
  return Math.round((Date.parse(later) - Date.parse(earlier)) / DAY);
}

/** What a chart of days is drawn from: of a product's daily forecast. */
export function productSeries(forecast) {
  const { recent } = forecast;
  return {
    sold: recent.units.map((units, i) => ({
      day: addDays(recent.first_day, i),
      units,
      state: recent.states[i],
    })),
    ahead: forecast.days.map((day, i) => ({
      day,
      units: forecast.units_forecast[i],
      lo80: forecast.lo80[i],
      hi80: forecast.hi80[i],
      lo95: forecast.lo95[i],
      hi95: forecast.hi95[i],
    })),
  };
}

/** The same of a store's totals, whose ranges are not known: those of products do not add up. */
export function storeSeries({ days, units_forecast, recent_days, recent_units }) {
  return {
    sold: recent_days.map((day, i) => ({ day, units: recent_units[i], state: "on_sale" })),
    ahead: days.map((day, i) => ({ day, units: units_forecast[i], hi80: null, hi95: null })),
  };
}
