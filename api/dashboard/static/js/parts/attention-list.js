/** The products to look at first, ranked by the money at stake within each currency. */

import { read } from "../api.js";
import { h } from "../dom.js";
import { currencyName, formatsFor } from "../formats.js";
import { t } from "../language.js";
import { attentionName, attentionSentence } from "../sentences.js";
import { storesByCurrency } from "../stores.js";
import { productLink } from "./product-link.js";
import { lateSection } from "./section.js";

const SHOWN = 5;

export function attentionSection(known, signal) {
  const content = async () => {
    const groups = [...storesByCurrency(known)];
    const pages = await Promise.all(
      groups.map(([, store]) => read("/products", { store, sort: "attention", limit: SHOWN }, signal)),
    );
    const lists = pages.map((page) => page.products.filter((product) => product.attention));
    if (lists.every((list) => list.length === 0)) return h("p", { class: "muted" }, t("attention.none"));
    return [
      groups.flatMap(([currency], i) => [
      groups.length > 1 && lists[i].length > 0 && h("h3", {}, t("attention.in-currency", { currency, name: currencyName(currency) })),
        h("ol", { class: "attention plain" }, ...lists[i].map((product) => item(product, known))),
      ]),
      h("p", { class: "card-more" }, h("a", { href: "/products?sort=attention" }, t("attention.more"))),
    ];
  };
  return lateSection(t("attention.title"), content, { rows: 4, signal });
}

function item(product, known) {
  const store = known.get(product.store_id);
  const formats = formatsFor(store?.country);
  const { attention } = product;
  return h(
    "li",
    {},
    h(
      "div",
      { class: "attention-what" },
      h("p", { class: "attention-name" }, productLink(product)),
      h("p", { class: "muted small" }, store?.name ?? product.store_id),
    ),
    h(
      "p",
      { class: "attention-why" },
      h("span", { class: `tag tag-${attention.code}` }, attentionName(attention)),
      " ",
      attentionSentence(attention, formats),
    ),
    stake(product, formats),
  );
}

/** The money at stake; units where no price is known, which then cannot be called money. */
function stake(product, formats) {
  const { money_at_stake: amount } = product.attention;
  const shown =
    product.horizon_money === null
      ? t("units", { n: formats.units(amount), count: Math.round(amount) })
      : formats.money(amount, product.currency);
  return h("p", { class: "stake" }, h("span", { class: "muted small" }, t("attention.stake")), " ", h("strong", {}, shown));
}
