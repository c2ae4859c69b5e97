/** The table of products. On a phone each row folds into a card; it stays a table for readers. */

import { sparkline } from "../charts/sparkline.js";
import { h } from "../dom.js";
import { formatsFor } from "../formats.js";
import { t } from "../language.js";
import { reasonSentence } from "../sentences.js";
import { confidenceBadge } from "./confidence.js";
import { changeBadge } from "./figures.js";
import { productLink } from "./product-link.js";

const COLUMNS = [
  ["name", ""],
  ["trend", ""],
  ["next", "end"],
  ["twelve", "end"],
  ["change", "end"],
  ["confidence", ""],
];

/** An empty table and the place for its rows. */
export function productTable() {
  const rows = h("tbody", { role: "rowgroup" });
  const heads = COLUMNS.map(([name, side]) =>
    h("th", { scope: "col", role: "columnheader", class: side }, t(`column.${name}`)),
  );
  const table = h(
    "table",
    { class: "products", role: "table" },
    h("caption", { class: "visually-hidden" }, t("products.title")),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads)),
    rows,
  );
  return { table, rows };
}

/** One product. */
export function productRow(product, known) {
  const store = known.get(product.store_id);
  const formats = formatsFor(store?.country);
  return h(
    "tr",
    { role: "row" },
    h(
      "th",
      { scope: "row", role: "rowheader", class: "cell-name" },
      productLink(product),
      h("span", { class: "muted small" }, ...where(product, store)),
    ),
    cell("trend", sparkline(product.recent_units, product.units_forecast, trendWords(product, formats))),
    cell(
      "next",
      h("strong", {}, formats.units(product.next_units_forecast)),
      h("span", { class: "muted small" }, `${formats.units(product.next_lo80)} – ${formats.units(product.next_hi80)}`),
    ),
    cell(
      "twelve",
      h("strong", {}, formats.units(product.horizon_units)),
      h("span", { class: "muted small" }, money(product, formats)),
    ),
    cell("change", changeBadge(product.change_on_last_year, formats)),
    cell("confidence", confidenceBadge(product.confidence), whyUnknown(product, formats)),
  );
}

/** Store, category and SKU, each kept on one line. */
function where(product, store) {
  const known = [store?.name, product.category, product.product_id].filter(Boolean);
  return known.flatMap((text, i) => [i > 0 && " · ", h("span", { class: "whole" }, text)]);
}

function cell(name, ...content) {
  return h(
    "td",
    { role: "cell", class: `cell-${name}` },
    h("span", { class: "cell-label", "aria-hidden": "true" }, t(`column.${name}`)),
    h("div", { class: "cell-value" }, ...content),
  );
}

function money(product, formats) {
  return product.horizon_money === null ? "" : formats.money(product.horizon_money, product.currency);
}

/** In a list, why nothing is known is said in a few words; the product's page says more. */
function whyUnknown(product, formats) {
  if (product.confidence !== "unknown") return null;
  const months = product.recent_units.length;
  const words =
    !product.active && product.reason
      ? reasonSentence(product.reason, formats)
      : months < 12
        ? t("confidence.unknown.months", { count: months, months })
        : t("confidence.unknown.zero");
  return h("span", { class: "muted small" }, words);
}

function trendWords(product, formats) {
  const sold = product.recent_units.reduce((sum, units) => sum + units, 0);
  return t("products.trend", {
    sold: formats.units(sold),
    months: product.recent_units.length,
    ahead: formats.units(product.horizon_units),
  });
}
