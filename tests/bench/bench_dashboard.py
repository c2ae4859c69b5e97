"""How quick the dashboard is with 10,000 products, measured in Debian's Chromium.

A real server over a store that was filled by predicting and publishing; every load in a browser
with an empty cache. *Interactive* is when the overview has all its parts and the page's thread is
free again; a *filter answers* when the new rows are painted, counted from the key or choice.

    PYTHONPATH=. python tests/bench/bench_dashboard.py [--products 10000]
"""

from __future__ import annotations

import argparse
import runpy
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

MARKET = runpy.run_path(str(Path(__file__).parents[1] / "dashboard/conftest.py"))
LOADS = 5
AIMS = {"interactive": 1000.0, "transferred": 300.0, "filter": 100.0}

WHEN_INTERACTIVE = """
    new MutationObserver(() => {
      const done = document.querySelector('h1') && !document.querySelector('.skeleton');
      if (done && document.querySelector('.chart svg') && !window.interactive)
        requestAnimationFrame(() => setTimeout(() => { window.interactive = performance.now(); }));
    }).observe(document, {childList: true, subtree: true});
"""
FILTER = """
    ([id, value]) => new Promise((done) => {
      const field = document.getElementById(id);
      const begin = performance.now();
      new MutationObserver((_, observer) => {
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
      }).observe(document.querySelector('.list-body'), {childList: true});
      field.value = value;
      field.dispatchEvent(new Event('input', {bubbles: true}));
    })
"""
FILTERS = [
    *(("q", text) for text in ("l", "la", "lam", "lamp", "lamparas", "lampara", "SIL-1", "")),
    *(("store", store) for store in ("palermo", "providencia", "")),
    *(("category", name) for name in ("Cocina", "Jardín", "")),
    *(("confidence", word) for word in ("high", "fair", "low", "unknown", "")),
    *(("sort", name) for name in ("attention", "growth", "decline", "risk", "name", "volume")),
]


def main() -> None:
    """Fill a store, serve it, measure, and print what was found beside what is aimed at."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--scale", action="store_true", help="100,000 products")
    options = parser.parse_args()
    products = 100_000 if options.scale else options.products
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is missing: .ci/install installs it")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        market = MARKET["draw_market"](
            {"palermo": products * 6 // 10, "providencia": products - products * 6 // 10}
        )
        port = MARKET["free_port"]()
        process, served = MARKET["publish_and_serve"](
            Path(folder), market, "seasonal_naive", 1, port
        )
        try:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=MARKET["CHROMIUM_FLAGS"]
            )
            report(products, measure_loads(browser, served), measure_filters(browser, served))
            browser.close()
        finally:
            process.terminate()
            process.wait(60)


def arrive(browser: Browser, served, path: str) -> tuple[Page, list[float]]:
    """A page in a fresh browser, signed in, and the bytes of each answer as they arrive."""
    context = browser.new_context(base_url=served.url, viewport={"width": 390, "height": 844})
    context.request.post("/v1/session", data={"token": served.tokens["casa-andina"]})
    context.add_init_script(WHEN_INTERACTIVE)
    page = context.new_page()
    sizes: list[float] = []
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(path)
    return page, sizes


def measure_loads(browser: Browser, served) -> list[tuple[float, float]]:
    """Milliseconds and kilobytes until the overview is interactive, of several loads."""
    found = []
    for _ in range(LOADS):
        page, sizes = arrive(browser, served, "/")
        page.wait_for_selector(".chart svg")
        page.wait_for_timeout(1500)
        found.append((page.evaluate("window.interactive"), sum(sizes) / 1000))
        page.context.close()
    return found


def measure_filters(browser: Browser, served) -> dict[str, list[float]]:
    """Milliseconds until each filter has answered, by field; each twice, the first time cold."""
    page, _ = arrive(browser, served, "/products")
    page.wait_for_selector(".products tbody a")
    found: dict[str, list[float]] = {}
    for field, value in FILTERS * 2:
        found.setdefault(field, []).append(page.evaluate(FILTER, [field, value]))
    page.context.close()
    return found


def report(
    products: int, loads: list[tuple[float, float]], filters: dict[str, list[float]]
) -> None:
    """Print the measurements beside the aims."""
    times, sizes = zip(*loads, strict=True)
    print(f"{products:,} products, {LOADS} loads with an empty cache")
    print(f"{'measured':34} {'median':>9} {'worst':>9} {'aim':>9}")
    show("overview interactive, ms", list(times), AIMS["interactive"])
    show("overview transferred, kB", list(sizes), AIMS["transferred"])
    for field, found in filters.items():
        show(f"filter by {field} answered, ms", found, AIMS["filter"])


def show(name: str, found: list[float], aim: float) -> None:
    print(f"{name:34} {statistics.median(found):9.0f} {max(found):9.0f} {aim:9.0f}")


if __name__ == "__main__":
    main()
