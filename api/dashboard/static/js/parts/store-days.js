/** One store's next seven days: fresh or stale, refreshed on request, as chart and table. */

import { address, change, read } from "../api.js";
import { dayChart } from "../charts/day-chart.js";
import { storeSeries } from "../days.js";
import { fill, h } from "../dom.js";
import { formatsFor } from "../formats.js";
import { t } from "../language.js";
import { empty, loading, problemNote } from "../states.js";
import { DaysTable } from "./days-table.js";
import { freshnessBadge, freshnessSentence } from "./freshness.js";
import { RefreshControl } from "./refresh-control.js";

const PAGE = 40;
const MOST = 200;

export class StoreDays {
  constructor(store, asked, signal) {
    Object.assign(this, { store, asked, signal });
    this.path = `/stores/${encodeURIComponent(store.store_id)}`;
    this.formats = formatsFor(store.country);
    this.control = new RefreshControl({
      ask: () => change("POST", `${this.path}/refresh`, asked.category ? { category: asked.category } : {}),
      moved: () => this.reread(),
      formats: this.formats,
      signal,
    });
    this.state = h("div", { class: "days-state" }, h("p", { class: "muted" }, t("state.loading")));
    this.body = h("div", { class: "days-body" }, loading(4));
    this.section = h(
      "section",
      { class: "card days" },
      h("h2", {}, store.name),
      this.state,
      h("div", { class: "actions" }, this.control.button, this.download()),
      this.control.place,
      this.body,
    );
    this.load();
  }

  async load() {
    try {
      const page = await this.read(PAGE);
      this.draw(page);
      this.control.follow(page.refresh_id);
    } catch (error) {
      if (this.signal.aborted) return;
      this.state.replaceChildren();
      fill(this.body, problemNote(error, () => this.load()));
    }
  }

  read(limit, cursor = null) {
    const { q, category } = this.asked;
    return read(`${this.path}/daily`, { q, category, limit, cursor }, this.signal);
  }

  /** The rows that are shown, anew, in as many pages as they take. */
  async reread() {
    const wanted = Math.max(this.table?.shown ?? 0, PAGE);
    let page = await this.read(Math.min(wanted, MOST));
    const { totals } = page;
    this.draw(page);
    for (let read = page.products.length; page.next && read < wanted; read += page.products.length) {
      page = await this.read(Math.min(wanted - read, MOST), page.next);
      this.table.put(page.products);
      this.more(page.next);
    }
    return { ...page, totals };
  }

  draw(page) {
    const known = page.totals.products > 0;
    fill(
      this.state,
      freshnessBadge(known ? page.fresh : null),
      h("p", {}, freshnessSentence(page, page.today, this.formats)),
    );
    if (!known) {
      this.table = null;
      fill(this.body, empty(t("days.nothing"), t("days.nothing.advice")));
      return;
    }
    if (!this.table) this.build();
    this.redraw(page.totals);
    this.table.frame(page.totals);
    this.table.put(page.products);
    this.more(page.next);
    this.none.hidden = this.table.shown > 0;
  }

  build() {
    const label = t("days.of", { store: this.store.name });
    this.table = new DaysTable(this.formats, label);
    this.chart = h("div", {});
    this.rest = h("div", { class: "more" });
    this.none = h("p", { class: "muted" }, t("products.none"));
    fill(this.body, this.chart, this.table.element, this.none, this.rest);
  }

  redraw(totals) {
    const drawn = JSON.stringify(totals);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const label = t("days.chart.label", { name: this.store.name });
    fill(this.chart, dayChart(storeSeries(totals), this.formats, label));
  }

  more(cursor) {
    if (!cursor) return fill(this.rest);
    const button = h("button", { class: "button", type: "button" }, t("products.more"));
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const page = await this.read(PAGE, cursor);
        this.table.put(page.products);
        this.more(page.next);
      } catch (error) {
        if (!this.signal.aborted) fill(this.rest, problemNote(error, () => this.more(cursor)));
      }
    });
    return fill(this.rest, button);
  }

  download() {
    const { q, category } = this.asked;
    const href = address(`${this.path}/daily`, { q, category, format: "csv" });
    return h("a", { class: "button", href, download: true }, t("action.download"));
  }
}
