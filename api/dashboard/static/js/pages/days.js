/** The next seven days of one store or of several at once, for who plans deliveries. */

import { change } from "../api.js";
import { categories } from "../categories.js";
import { fill, h } from "../dom.js";
import { t } from "../language.js";
import { StoreDays } from "../parts/store-days.js";
import { storeSwitcher } from "../parts/store-switcher.js";
import { mayRefresh } from "../session.js";
import { empty, loading, problemWords } from "../states.js";
import { stores } from "../stores.js";

const KEPT = "storecast.days";

export async function daysPage(root, { query, signal }) {
  fill(root, h("h1", {}, t("days.title")), loading(6));
  const known = await stores(signal);
  if (known.size === 0) {
    fill(root, h("h1", {}, t("days.title")), empty(t("overview.no-stores"), t("overview.no-stores.advice")));
    return;
  }
  const names = await categories(known, signal);
  const asked = { q: query.get("q") ?? "", category: query.get("category") ?? "" };
  const page = new Panels(known, chosenStores(query, known), asked, signal);
  fill(
    root,
    h(
      "div",
      { class: "page-head" },
      h("div", {}, h("h1", {}, t("days.title")), h("p", { class: "muted" }, t("days.lead"))),
      page.refreshAll,
    ),
    known.size > 1 && storeSwitcher(known, page.chosen, (chosen) => page.choose(chosen)),
    filters(names, asked, (now) => page.filter(now)),
    page.said,
    page.place,
  );
  page.draw();
}

/** Those in the address, else those looked at last, else the largest. */
function chosenStores(query, known) {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
  for (const wanted of [query.getAll("store"), kept]) {
    const found = wanted.filter((id) => known.has(id));
    if (found.length) return new Set(found);
  }
  const [largest] = [...known.values()].sort((a, b) => b.series - a.series);
  return new Set([largest.store_id]);
}

/** A panel for each store that is chosen; a panel stays as it is while others come and go. */
class Panels {
  constructor(known, chosen, asked, signal) {
    Object.assign(this, { known, chosen, asked, leaving: signal, shown: new Map() });
    this.place = h("div", { class: "panels" });
    this.said = h("p", { class: "refresh-text refresh-problem", role: "status" });
    this.refreshAll = h("button", { class: "button button-main", type: "button" });
    this.refreshAll.addEventListener("click", () => this.refresh());
    signal.addEventListener("abort", () => this.forget());
  }

  choose(chosen) {
    this.chosen = chosen;
    this.draw();
  }

  filter(asked) {
    this.asked = asked;
    this.forget();
    this.draw();
  }

  forget() {
    for (const { leaving } of this.shown.values()) leaving.abort();
    this.shown.clear();
  }

  draw() {
    for (const [id, { leaving }] of this.shown) {
      if (this.chosen.has(id)) continue;
      leaving.abort();
      this.shown.delete(id);
    }
    const panels = [...this.known.keys()].filter((id) => this.chosen.has(id)).map((id) => this.panel(id));
    fill(this.place, panels.length ? panels : empty(t("days.choose"), t("days.choose.advice")));
    const count = this.chosen.size;
    this.refreshAll.hidden = count < 2 || !mayRefresh();
    this.refreshAll.textContent = t("refresh.all", { n: count });
    sessionStorage.setItem(KEPT, JSON.stringify([...this.chosen]));
    history.replaceState(null, "", this.address());
  }

  panel(id) {
    if (!this.shown.has(id)) {
      const leaving = new AbortController();
      const days = new StoreDays(this.known.get(id), this.asked, leaving.signal);
      this.shown.set(id, { days, leaving });
    }
    return this.shown.get(id).days.section;
  }

  /** One request for all the stores shown; each panel then joins and tells of its own. */
  async refresh() {
    this.said.textContent = "";
    this.refreshAll.disabled = true;
    try {
      const { outcome } = await change("POST", "/refresh", { stores: [...this.chosen] });
      for (const { days } of this.shown.values()) days.control.start(outcome);
    } catch (error) {
      const { title, advice } = problemWords(error);
      this.said.textContent = `${title} ${advice}`;
    }
    this.refreshAll.disabled = false;
  }

  address() {
    const query = new URLSearchParams([...this.chosen].map((id) => ["store", id]));
    for (const [name, value] of Object.entries(this.asked)) if (value) query.append(name, value);
    return `/days?${query}`;
  }
}

/** Search and category for all the panels. */
function filters(names, asked, apply) {
  const search = h("input", {
    id: "q",
    type: "search",
    value: asked.q,
    placeholder: t("filter.search.hint"),
    autocomplete: "off",
  });
  const option = (value, text) => h("option", { value, selected: value === asked.category }, text);
  const category = h(
    "select",
    { id: "category" },
    option("", t("filter.category.all")),
    ...names.map((name) => option(name, name)),
  );
  let typed = 0;
  const change = () => apply({ q: search.value.trim(), category: category.value });
  search.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(change, 200);
  });
  category.addEventListener("input", change);
  const field = (text, input) => h("div", { class: "field" }, h("label", { for: input.id }, text), input);
  return h(
    "form",
    { class: "filters filters-few", role: "search", onsubmit: (event) => event.preventDefault() },
    field(t("filter.search"), search),
    names.length > 1 && field(t("filter.category"), category),
  );
}
