/** Addresses to pages, without a reload; back and forward work as they should. */

import { fill, h } from "./dom.js";
import { t } from "./language.js";
import { pageProblem } from "./states.js";

/** The page of an address: a pattern with named parts, and the function that fills `main`. */
export class Router {
  constructor(main, pages, otherwise) {
    this.main = main;
    this.pages = pages;
    this.otherwise = otherwise;
    this.leaving = new AbortController();
    this.shown = "";
    addEventListener("popstate", () => {
      if (location.pathname + location.search !== this.shown) this.show();
    });
    document.addEventListener("click", (event) => this.follow(event));
  }

  /** Show the page at `path`, as if a link to it had been followed. */
  go(path) {
    history.pushState(null, "", path);
    return this.show({ focus: true });
  }

  /** Show the page of the present address. */
  async show({ focus = false } = {}) {
    this.leaving.abort();
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    this.shown = location.pathname + location.search;
    const { page, names } = this.find(location.pathname);
    const query = new URLSearchParams(location.search);
    const place = { names, query, signal, router: this };
    const root = h("div", { class: "page" });
    fill(this.main, root);
    try {
      await page(root, place);
    } catch (error) {
      if (signal.aborted) return;
      if (await this.handled(error)) return;
      pageProblem(root, error, () => this.show());
    }
    if (signal.aborted) return;
    const heading = root.querySelector("h1");
    document.title = heading ? `${heading.textContent} · Storecast` : t("app.name");
    if (focus) {
      scrollTo(0, 0);
      heading?.setAttribute("tabindex", "-1");
      heading?.focus({ preventScroll: true });
    }
  }

  /** Whether an error was dealt with elsewhere; replaced by `main.js`. */
  async handled() {
    return false;
  }

  find(path) {
    for (const [pattern, page] of this.pages) {
      const match = pattern.exec(path);
      if (match) {
        const names = Object.entries(match.groups ?? {});
        return { page, names: Object.fromEntries(names.map(([k, v]) => [k, decodeURIComponent(v)])) };
      }
    }
    return { page: this.otherwise, names: {} };
  }

  follow(event) {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey) return;
    if (event.shiftKey || link.target || link.hasAttribute("download")) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || url.pathname.startsWith("/v1/") || url.hash) return;
    event.preventDefault();
    this.go(url.pathname + url.search);
  }
}
