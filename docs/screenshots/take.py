"""Take the screenshots of the guides anew, from a dashboard that is served.

After `make run`, in another terminal, with the token that it printed for casa-andina, and one of
`python -m api token issue --role analyst`; press Refresh on the page of the next seven days before:

    .venv/bin/python docs/screenshots/take.py http://127.0.0.1:8080 TOKEN --analyst TOKEN
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
WIDTHS = {"desktop": 1280, "phone": 390}
HIGHEST = {"desktop": 3200, "phone": 3600}
SHORT = {"products": 1100, "days": 1500, "report": 3000}
PAGES = {
    "overview": "/",
    "days": "/days?store=palermo",
    "products": "/products",
    "product": "/stores/palermo/products/{product}",
}
ANALYSTS = {"reports": "/reports", "report": "/v1/reports/{month}"}


def main() -> None:
    """Every page at both widths, as PNG beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("url", help="where the dashboard is")
    parser.add_argument("token", help="a token of the merchant casa-andina")
    parser.add_argument("--product", default="VEN-02", help="a product of the store palermo")
    parser.add_argument("--analyst", help="a token of an analyst; without, no reports")
    parser.add_argument("--month", default="2026-10", help="the month of the report")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is missing: .ci/install installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, width in WIDTHS.items():
            page = browser.new_page(
                base_url=options.url, viewport={"width": width, "height": 820}, locale="en-US"
            )
            page.goto("/")
            page.wait_for_selector("#token")
            take(page, f"sign-in-{name}", HIGHEST[name])
            for token, pages in ((options.token, PAGES), (options.analyst, ANALYSTS)):
                if token is None:
                    continue
                page.request.post("/v1/session", data={"token": token})
                for title, path in pages.items():
                    page.goto(path.format(product=options.product, month=options.month))
                    page.wait_for_load_state("networkidle")
                    take(page, f"{title}-{name}", SHORT.get(title, HIGHEST[name]))
        browser.close()


def take(page: Page, name: str, highest: int) -> None:
    """The whole page, cut where it goes on much the same, in few colours."""
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    cut = picture.convert("RGB").crop((0, 0, picture.width, min(picture.height, highest)))
    few = cut.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(HERE / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
