/** How the forecast was made, for who wants to know. */

import { h } from "../dom.js";
import { t } from "../language.js";
import { modelSentence, reasonSentence, servingMethods } from "../sentences.js";

export function explanation(forecast, formats) {
  const why = reasonSentence(forecast.reason, formats);
  const rows = [
    [t("explain.model"), modelSentence(forecast.model)],
    why && [t("explain.reason"), [why, methods(forecast.reason, formats)]],
    [t("explain.data"), t("explain.data.text", { cutoff: formats.month(forecast.cutoff_month) })],
    [t("explain.money"), price(forecast, formats)],
    [t("explain.run"), forecast.run_id],
  ];
  return h(
    "details",
    { class: "card explanation" },
    h("summary", {}, h("h2", {}, t("explain.title"))),
    h(
      "dl",
      { class: "pairs" },
      ...rows.filter(Boolean).map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text))),
    ),
    h("p", { class: "muted small" }, t("explain.bands")),
  );
}

/** Each method that serves, with its share. */
function methods(reason, formats) {
  const serving = servingMethods(reason);
  if (serving.length === 0) return null;
  const item = ({ model, share }) =>
    h("li", {}, h("strong", {}, formats.percent(share)), " ", modelSentence(model));
  return h("ul", { class: "sentences" }, ...serving.map(item));
}

function price({ mean_net_price: mean, currency }, formats) {
  return mean === null ? t("product.no-price") : t("explain.money.text", { price: formats.money(mean, currency) });
}
