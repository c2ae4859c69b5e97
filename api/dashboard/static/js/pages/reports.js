/** For analysts: the months that have a report, each with its headline. */

import { address, read } from "../api.js";
import { scrolling } from "../charts/month-table.js";
import { fill, h } from "../dom.js";
import { formatsFor } from "../formats.js";
import { t } from "../language.js";
import { empty, loading } from "../states.js";

export async function reportsPage(root, { signal }) {
  fill(root, h("h1", {}, t("reports.title")), loading(4));
  const { reports } = await read("/reports", {}, signal);
  fill(
    root,
    h(
      "div",
      { class: "page-head" },
      h("h1", {}, t("reports.title")),
      h("p", { class: "muted" }, t("reports.lead")),
    ),
    h("section", { class: "card" }, reports.length ? table(reports) : empty(t("reports.none"), t("reports.none.advice"))),
  );
}

const HEADS = ["table.month", "reports.missed", "reports.rule", "reports.skill", "reports.bias", "reports.held", "reports.alerts", "reports.data"];

function table(reports) {
  const formats = formatsFor(null);
  return scrolling(
    t("reports.title"),
    h(
      "table",
      { class: "numbers reports" },
      h("caption", { class: "visually-hidden" }, t("reports.title")),
      h("thead", {}, h("tr", {}, ...HEADS.map((key) => h("th", { scope: "col" }, t(key))))),
      h("tbody", {}, ...reports.map((report) => row(report, formats))),
    ),
  );
}

function row(report, formats) {
  const share = (value, write = formats.percent) => h("td", {}, value === null ? "–" : write(value));
  const month = `${report.month}-01`;
  const form = (format) =>
    h("a", { href: address(`/reports/${report.month}`, { format }), download: `report-${report.month}.${format}` }, format.toUpperCase());
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("a", { href: address(`/reports/${report.month}`) }, formats.month(month))),
    share(report.wape),
    share(report.wape_naive),
    share(report.skill, formats.change),
    share(report.bias, formats.change),
    share(report.coverage80),
    h("td", {}, report.alerts > 0 ? h("strong", { class: "change-down" }, formats.times(report.alerts)) : "0"),
    h("td", {}, form("json"), " · ", form("parquet")),
  );
}
