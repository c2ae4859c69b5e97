/** Download, copy the link, print. */

import { address } from "../api.js";
import { h } from "../dom.js";
import { t } from "../language.js";

export function productActions(path) {
  const said = h("span", { class: "visually-hidden", role: "status" });
  const copy = h("button", { class: "button", type: "button", onclick: copyLink }, t("action.copy-link"));

  async function copyLink() {
    await navigator.clipboard.writeText(location.href);
    said.textContent = copy.textContent = t("action.copied");
    setTimeout(() => {
      copy.textContent = t("action.copy-link");
      said.textContent = "";
    }, 2500);
  }

  const csv = address(`${path}/forecast`, { format: "csv" });
  return h(
    "div",
    { class: "actions" },
    h("a", { class: "button", href: csv, download: true }, t("action.download")),
    copy,
    h("button", { class: "button", type: "button", onclick: () => print() }, t("action.print")),
    said,
  );
}
