/** One product: what is expected, how sure, how it went before, and the merchant's own say. */

import { productPath, read } from "../api.js";
import { forecastChart } from "../charts/forecast-chart.js";
import { monthTable } from "../charts/month-table.js";
import { fill, h } from "../dom.js";
import { formatsFor } from "../formats.js";
import { t } from "../language.js";
import { correctionMarks } from "../parts/corrections.js";
import { explanation } from "../parts/explanation.js";
import { ownNumbers, ownSay, readSaid } from "../parts/own-say.js";
import { pastSection } from "../parts/past-forecasts.js";
import { productActions } from "../parts/product-actions.js";
import { productDays } from "../parts/product-days.js";
import { productHeadline } from "../parts/product-headline.js";
import { attentionSentence } from "../sentences.js";
import { loading } from "../states.js";
import { stores } from "../stores.js";
import { documentSeries } from "../totals.js";

export async function productPage(root, { names, signal }) {
  fill(root, h("h1", {}, t("product.title")), loading(6));
  const path = productPath(names.store, names.product);
  const [known, forecast] = await Promise.all([stores(signal), read(`${path}/forecast`, {}, signal)]);
  const said = await readSaid(path, signal);
  const store = known.get(names.store);
  const formats = formatsFor(store?.country);
  const chart = h("div", {});
  const draw = (now) => fill(chart, chartOf(forecast, formats, ownNumbers(now)));
  draw(said);
  fill(
    root,
    way(forecast, store),
    h(
      "div",
      { class: "page-head" },
      h("div", {}, h("h1", {}, forecast.name), h("p", { class: "muted" }, about(forecast, store))),
      productActions(path),
    ),
    forecast.attention &&
      h("p", { class: "note-box note-look" }, attentionSentence(forecast.attention, formats)),
    productHeadline(forecast, formats),
    h("section", { class: "card" }, h("h2", {}, t("product.chart")), chart),
    productDays({ forecast, formats, signal }),
    ownSay({ path, forecast, formats, said, changed: draw }),
    pastSection(forecast, formats, said),
    explanation(forecast, formats),
  );
}

/** The chart and its table, with the merchant's own numbers where there are any. */
function chartOf(forecast, formats, own) {
  const series = documentSeries(forecast, { marks: correctionMarks(forecast), own });
  const label = t("product.chart.label", { name: forecast.name });
  const column = {
    name: t("chart.own"),
    text: (month) => (own.has(month) ? formats.units(own.get(month)) : ""),
  };
  return [
    forecastChart(series, formats, label),
    markedMonths(series, formats),
    monthTable(series, formats, ...(own.size ? [column] : [])),
  ];
}

/** The marked months of the chart in words. */
function markedMonths({ marks, sold }, formats) {
  const units = new Map(sold.map((point) => [point.month, formats.units(point.units)]));
  const shown = marks.filter((mark) => units.has(mark.month));
  if (shown.length === 0) return null;
  const told = ({ month, text, learnt }) =>
    learnt === null
      ? text
      : t("mark.counted", { text, sold: units.get(month), units: formats.units(learnt) });
  const item = (mark) => h("li", {}, `${formats.month(mark.month)}: ${told(mark)}`);
  return h(
    "div",
    { class: "marked small" },
    h("p", { class: "muted" }, t("mark.title")),
    h("ul", { class: "sentences" }, ...shown.map(item)),
    shown.some((mark) => mark.learnt !== null) && h("p", { class: "muted" }, t("mark.why")),
  );
}

/** Where the product stands: all products, those of its store. */
function way(forecast, store) {
  const ofStore = `/products?store=${encodeURIComponent(forecast.store_id)}`;
  return h(
    "nav",
    { class: "way", "aria-label": t("nav.way") },
    h("a", { href: "/products" }, t("nav.products")),
    h("span", { "aria-hidden": "true" }, "›"),
    h("a", { href: ofStore }, store?.name ?? forecast.store_id),
  );
}

function about(forecast, store) {
  const parts = [store?.name, forecast.category, t("product.sku", { sku: forecast.product_id })];
  return parts.filter(Boolean).join(" · ");
}
