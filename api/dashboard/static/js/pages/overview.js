/** The first page: what to expect, where to look first, store by store. */

import { read } from "../api.js";
import { forecastChart } from "../charts/forecast-chart.js";
import { monthTable } from "../charts/month-table.js";
import { fill, h } from "../dom.js";
import { t } from "../language.js";
import { attentionSection } from "../parts/attention-list.js";
import { changesSection } from "../parts/changes.js";
import { headline } from "../parts/headline.js";
import { storesSection } from "../parts/stores-section.js";
import { trustSection } from "../parts/trust.js";
import { seesAllStores } from "../session.js";
import { empty, loading } from "../states.js";
import { merchantFormats, stores } from "../stores.js";
import { totalsSeries } from "../totals.js";

export async function overviewPage(root, { signal }) {
  fill(root, h("h1", {}, t("overview.title")), loading(6));
  const [known, run, totals] = await Promise.all([
    stores(signal),
    read("/runs/current", {}, signal),
    merchantTotals(signal),
  ]);
  const formats = merchantFormats(known);
  if (known.size === 0) {
    fill(root, h("h1", {}, t("overview.title")), empty(t("overview.no-stores"), t("overview.no-stores.advice")));
    return;
  }
  fill(
    root,
    h(
      "div",
      { class: "page-head" },
      h("h1", {}, t("overview.title")),
      h("p", { class: "muted" }, freshness(run, formats)),
    ),
    totals ? headline(totals, formats) : h("p", { class: "note-box" }, t("overview.some-stores")),
    attentionSection(known, signal),
    totals && chartSection(totals, formats),
    storesSection(known, signal),
    totals && changesSection(totals, formats),
    totals && trustSection(formats, signal),
  );
}

/** Totals of all stores; null for who may only see some of them. */
async function merchantTotals(signal) {
  return seesAllStores() ? read("/totals", {}, signal) : null;
}

function freshness(run, formats) {
  return t("overview.freshness", {
    cutoff: formats.month(run.cutoff_month),
    published: formats.day(run.published_at),
  });
}

function chartSection(totals, formats) {
  const series = totalsSeries(totals);
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("overview.chart")),
    forecastChart(series, formats, t("overview.chart.label")),
    monthTable(series, formats),
  );
}
