/** A product's next seven days on its own page, with a refresh of it alone. */

import { change, read } from "../api.js";
import { dayChart } from "../charts/day-chart.js";
import { scrolling } from "../charts/month-table.js";
import { productSeries } from "../days.js";
import { fill, h } from "../dom.js";
import { t } from "../language.js";
import {
  dailyModelSentence,
  dailyReasonSentence,
  leavesMonth,
  monthSentence,
  servingMethods,
} from "../sentences.js";
import { mayRefresh } from "../session.js";
import { loading, problemNote } from "../states.js";
import { freshnessBadge, freshnessSentence } from "./freshness.js";
import { RefreshControl } from "./refresh-control.js";

export function productDays({ forecast, formats, signal }) {
  const path = `/stores/${encodeURIComponent(forecast.store_id)}`;
  const state = h("div", { class: "days-state" });
  const body = h("div", { class: "days-body" }, loading(3));
  const control = new RefreshControl({
    ask: () => change("POST", `${path}/refresh`, { products: [forecast.product_id] }),
    moved: load,
    formats,
    signal,
  });
  load().then((page) => page && control.follow(page.refresh_id));
  return h(
    "section",
    { class: "card days" },
    h("h2", {}, t("days.title")),
    state,
    h("div", { class: "actions" }, control.button, others()),
    control.place,
    body,
  );

  function others() {
    const href = `/days?store=${encodeURIComponent(forecast.store_id)}`;
    return h("a", { class: "button", href }, t("days.whole-store"));
  }

  /** The store's page of this product alone: it also tells the day, and whether a refresh runs. */
  async function load() {
    try {
      const page = await read(`${path}/daily`, { product: forecast.product_id, limit: 1 }, signal);
      const [daily] = page.products;
      if (daily) draw(daily, page.today);
      else none();
      return page;
    } catch (error) {
      if (!signal.aborted) fill(body, problemNote(error, load));
      return null;
    }
  }

  function none() {
    control.button.hidden = true;
    fill(state, freshnessBadge(null));
    fill(body, h("p", { class: "muted" }, t("days.none.product")));
  }

  function draw(daily, today) {
    control.button.hidden = !mayRefresh();
    fill(state, freshnessBadge(daily.fresh), h("p", {}, freshnessSentence(daily, today, formats)));
    const label = t("days.chart.label", { name: forecast.name });
    fill(
      body,
      leavesMonth(daily.reason) && h("p", { class: "note-box" }, monthSentence(daily.reason, formats)),
      dayChart(productSeries(daily), formats, label),
      table(daily, formats),
      how(daily, formats),
    );
  }
}

function table(daily, { units, range, dayName }) {
  const heads = ["table.day", "chart.forecast", "days.band80", "days.band95"];
  const row = (day, i) => [
    h("th", { scope: "row" }, dayName(day)),
    h("td", {}, h("strong", {}, units(daily.units_forecast[i]))),
    h("td", {}, range(daily.lo80[i], daily.hi80[i])),
    h("td", {}, range(daily.lo95[i], daily.hi95[i])),
  ];
  const sum = daily.units_forecast.reduce((all, each) => all + each, 0);
  return scrolling(
    t("days.title"),
    h(
      "table",
      { class: "numbers product-days" },
      h("caption", { class: "visually-hidden" }, t("days.title")),
      h("thead", {}, h("tr", {}, ...heads.map((key) => h("th", { scope: "col" }, t(key))))),
      h("tbody", {}, ...daily.days.map((day, i) => h("tr", {}, ...row(day, i)))),
      h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, t("days.sum")), h("td", {}, h("strong", {}, units(sum))), h("td", {}), h("td", {}))),
    ),
  );
}

/** Which method, and why, for who wants to know. */
function how(daily, formats) {
  const serving = servingMethods(daily.reason);
  const item = ({ model, share }) =>
    h("li", {}, serving.length > 1 && [h("strong", {}, formats.percent(share)), " "], dailyModelSentence(model));
  return h(
    "details",
    { class: "as-table" },
    h("summary", {}, t("days.how")),
    h("p", {}, dailyReasonSentence(daily.reason, formats)),
    serving.length ? h("ul", { class: "sentences" }, ...serving.map(item)) : h("p", {}, dailyModelSentence(daily.model)),
  );
}
