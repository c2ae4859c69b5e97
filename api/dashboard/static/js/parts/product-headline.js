/** The large numbers of one product: next month, the next twelve, confidence, stock. */

import { h } from "../dom.js";
import { t } from "../language.js";
import { confidenceSentence } from "../sentences.js";
import { lastYearUnits } from "../totals.js";
import { confidenceBadge } from "./confidence.js";
import { changeBadge, changeOn, figure, figures } from "./figures.js";

export function productHeadline(forecast, formats) {
  const { units } = formats;
  const [month, next] = [forecast.months[0], forecast.units_forecast[0]];
  const before = lastYearUnits(forecast, month);
  return figures(
    figure(
      t("headline.next-month", { month: formats.month(month) }),
      t("units", { n: units(next), count: Math.round(next) }),
      money(forecast.money_forecast[0], forecast, formats),
      t("headline.band", { low: units(forecast.lo80[0]), high: units(forecast.hi80[0]) }),
      before === null
        ? h("span", { class: "muted" }, t("change.no-last-year"))
        : [t("headline.same-month", { n: units(before) }), " ", changeBadge(changeOn(before, next), formats)],
    ),
    figure(
      t("headline.next-twelve", { count: forecast.months.length }),
      t("units", { n: units(forecast.horizon_units), count: Math.round(forecast.horizon_units) }),
      money(forecast.horizon_money, forecast, formats),
      forecast.units_last_year === null
        ? h("span", { class: "muted" }, t("change.no-last-year"))
        : [
            t("headline.last-twelve", { n: units(forecast.units_last_year) }),
            " ",
            changeBadge(forecast.change_on_last_year, formats),
          ],
    ),
    figure(
      t("product.confidence"),
      confidenceBadge(forecast.confidence),
      confidenceSentence(forecast, formats),
    ),
    figure(t("product.stock"), stock(forecast, formats), stockNote(forecast, formats)),
  );
}

function money(amount, forecast, formats) {
  if (amount === null) return h("span", { class: "muted" }, t("product.no-price"));
  return h("span", { class: "money" }, formats.money(amount, forecast.currency));
}

function stock(forecast, formats) {
  const held = forecast.stock_on_hand;
  return held === null ? t("unknown.word") : t("units", { n: formats.units(held), count: held });
}

function stockNote(forecast, formats) {
  const [held, wanted] = [forecast.stock_on_hand, forecast.units_forecast[0]];
  if (held === null) return t("product.stock.unknown");
  if (held < wanted && formats.units(held) !== formats.units(wanted, held))
    return t("product.stock.short", { n: formats.units(wanted - held, wanted) });
  return t("product.stock.enough");
}
