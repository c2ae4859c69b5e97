/** All products: found by text, store, category and confidence, sorted, page by page. */

import { address, read } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../language.js";
import { filterForm } from "../parts/product-filters.js";
import { productRow, productTable } from "../parts/product-table.js";
import { empty, loading, problemNote } from "../states.js";
import { stores } from "../stores.js";

const PAGE = 40;
const SEEN_FIRST = 14; // rows of a large screen; the others follow once these are painted
const NAMES = ["q", "store", "category", "confidence", "sort"];

export async function productsPage(root, { query, signal }) {
  fill(root, h("h1", {}, t("products.title")), loading(8));
  const known = await stores(signal);
  const list = new ProductList(known, signal);
  const asked = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""]));
  const form = await filterForm(known, asked, (filters) => list.show(filters), signal);
  fill(
    root,
    h("div", { class: "page-head" }, h("h1", {}, t("products.title")), list.download),
    form,
    list.status,
    list.body,
  );
  await list.show(asked, { keepAddress: true });
}

/** The list under the filters; the newest question wins, whatever order answers come in. */
class ProductList {
  constructor(known, signal) {
    this.known = known;
    this.leaving = signal;
    this.asking = new AbortController();
    this.status = h("p", { class: "muted small list-status", role: "status" });
    this.body = h("div", { class: "list-body" });
    this.download = h("a", { class: "button", download: true }, t("products.download"));
    signal.addEventListener("abort", () => this.asking.abort());
  }

  async show(filters, { keepAddress = false } = {}) {
    this.asking.abort();
    this.asking = new AbortController();
    this.filters = filters;
    if (!keepAddress) history.replaceState(null, "", addressOf(filters));
    this.download.href = address("/products", { ...asQuery(filters), format: "csv" });
    if (!this.body.firstChild) fill(this.body, loading(8));
    try {
      this.draw(await this.read(null));
    } catch (error) {
      this.complain(error, () => this.show(filters));
    }
  }

  read(cursor) {
    const { signal } = this.asking;
    return read("/products", { ...asQuery(this.filters), limit: PAGE, cursor }, signal);
  }

  draw(page) {
    this.shown = page.products.length;
    if (!this.shown) {
      this.rows = null;
      fill(this.body, this.nothing());
      this.status.textContent = t("products.none");
      return;
    }
    const { table, rows } = productTable();
    this.rows = rows;
    this.more = h("div", { class: "more" });
    this.add(page);
    fill(this.body, table, this.more);
  }

  /** The rows in sight at once, so that a filter answers quickly; then the others. */
  async add(page) {
    const { rows, more } = this;
    const added = (products) => rows.append(...products.map((each) => productRow(each, this.known)));
    this.next = page.next;
    this.status.textContent = t(this.next ? "products.shown-first" : "products.shown-all", {
      count: this.shown,
      n: this.shown,
    });
    this.body.setAttribute("aria-busy", "true");
    added(page.products.slice(0, SEEN_FIRST));
    await painted();
    if (rows !== this.rows) return;
    added(page.products.slice(SEEN_FIRST));
    fill(more, this.next && this.moreButton());
    this.body.removeAttribute("aria-busy");
  }

  /** Further pages come when the end of the list comes into sight, or by the button. */
  moreButton() {
    const button = h("button", { class: "button", type: "button" }, t("products.more"));
    const load = async () => {
      if (button.disabled) return;
      button.disabled = true;
      try {
        const page = await this.read(this.next);
        this.shown += page.products.length;
        this.add(page);
      } catch (error) {
        button.disabled = false;
        this.complain(error, load, this.more);
      }
    };
    button.addEventListener("click", load);
    const seen = new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && load(), {
      rootMargin: "400px",
    });
    seen.observe(button);
    return button;
  }

  complain(error, again, place = this.body) {
    if (error.name === "AbortError" || this.leaving.aborted) return;
    if (error.status === 401) throw error;
    fill(place, problemNote(error, again));
  }

  nothing() {
    const filtered = NAMES.some((name) => name !== "sort" && this.filters[name]);
    return filtered
      ? empty(t("products.none"), t("products.none.advice"), h("a", { class: "button", href: "/products" }, t("products.all")))
      : empty(t("products.empty"), t("products.empty.advice"));
  }
}

/** Resolves when what is in the document by now has been painted. */
function painted() {
  return new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}

function asQuery({ q, store, category, confidence, sort }) {
  return { q, store, category, confidence, sort: sort || "volume" };
}

function addressOf(filters) {
  const kept = Object.entries(filters).filter(([, value]) => value);
  const text = new URLSearchParams(kept).toString();
  return `/products${text && `?${text}`}`;
}
