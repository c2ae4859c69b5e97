"""A small market with seven monthly runs, published and served, and a browser to look at it.

Two merchants: `casa-andina` with a store in Argentina and one in Chile, `sol-e-mar` with one in
Brazil. Their series are drawn from a seed; runs, scores and the store come by the ordinary path.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jwt
import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from api.publish import publish_run
from api.store import ForecastStore, open_store
from api.store.documents import Scope
from api.tokens import Principal, issue_token
from api.view import MerchantView
from api.voices import adjust, every_voice, give_feedback
from etl.lake import Lake
from etl.registry import Store, add_store, products_path
from etl.settings import Settings
from etl.tables import MONTHLY_SALES, PRODUCTS, SHARDS
from forecasting.backtest import score_month
from forecasting.drift import write_alerts
from forecasting.forecaster import add_months
from forecasting.predict import close_run, predict_shard
from forecasting.report import write_report

ROOT = Path(__file__).parents[2]
AXE = ROOT / ".tools/node_modules/axe-core/axe.min.js"
CHROMIUM_FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
CUTOFF = date(2026, 10, 1)
RUN = "2026-10.1"
MONTHS = 48
PATIENCE = 15_000
"""Milliseconds that a page may take on a busy machine."""
RUNS_BEFORE = 6
PUBLISHED = datetime(2026, 11, 3, 9, tzinfo=UTC)
OWN_NUMBERS = {"SIL-003": 1, "OLL-000": 60}
"""Products with a number of the merchant's own, and by how much it was off."""
MARKET_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_KEY = jwt.algorithms.ECAlgorithm.to_jwk(MARKET_KEY.public_key())

STORES = {
    "palermo": Store("casa-andina", "palermo", "Casa Andina Palermo", "Cono Sur", "AR",
                     "America/Argentina/Buenos_Aires", "ARS", 9, "mercadolibre", "1"),
    "providencia": Store("casa-andina", "providencia", "Casa Andina Providencia", "Cono Sur", "CL",
                         "America/Santiago", "CLP", 10, "mercadolibre", "2"),
    "paulista": Store("sol-e-mar", "paulista", "Sol e Mar Paulista", "Sudeste", "BR",
                      "America/Sao_Paulo", "BRL", 8, "mercadolibre", "3"),
}  # fmt: skip

CATALOGUE = {
    "Cocina": ["Olla de acero con tapa", "Sartén antiadherente", "Set de cuchillos", "Termo"],
    "Dormitorio": ["Juego de sábanas", "Frazada polar", "Almohada viscoelástica"],
    "Iluminación": ["Lámpara de mesa", "Foco LED", "Guirnalda de luces"],
    "Jardín": ["Silla plegable", "Manguera", "Maceta de barro"],
    "Calefacción": ["Estufa de cuarzo", "Calefactor portátil"],
}
VARIANTS = ("chico", "mediano", "grande", "azul", "verde")
PRICES = {"ARS": 38_000.0, "CLP": 24_900.0, "BRL": 149.9}


@dataclass(frozen=True)
class Sold:
    """A product of the market, its whole history up to the last cutoff, and its shelf."""

    store: Store
    product_id: str
    name: str
    category: str
    units: list[int]
    days_out_of_stock: list[int | None]
    price: float
    stock: int | None

    def known(self, cutoff: date) -> int:
        """How many months of the history lie up to `cutoff`."""
        later = (CUTOFF.year - cutoff.year) * 12 + CUTOFF.month - cutoff.month
        return max(0, len(self.units) - later)


def draw_market(products: dict[str, int], seed: int = 11) -> list[Sold]:
    """So many products in each store; every store has a new, a fading and a rare one."""
    rng = np.random.default_rng(seed)
    market = []
    for store_id, count in products.items():
        for number in range(count):
            market.append(_draw_product(rng, STORES[store_id], number))
    return market


def _draw_product(rng: np.random.Generator, store: Store, number: int) -> Sold:
    category = list(CATALOGUE)[number % len(CATALOGUE)]
    kinds = CATALOGUE[category]
    kind = kinds[number // len(CATALOGUE) % len(kinds)]
    variant = VARIANTS[number // (len(CATALOGUE) * 3) % len(VARIANTS)]
    t = np.arange(MONTHS)
    level = rng.lognormal(3.4, 0.8) * (1 + rng.normal(0.004, 0.006) * t)
    season = 1 + rng.uniform(0.1, 0.45) * np.sin(2 * np.pi * (t + rng.integers(12)) / 12)
    units = rng.poisson(np.clip(level * season, 0.3, None))
    days = [0] * MONTHS
    if number % 9 == 4:
        units[-16:] = units[-16:] * np.linspace(1, 0.15, 16)
    if number % 9 == 5:
        units = rng.poisson(0.4, MONTHS)
    if number % 7 == 2:
        units[-5], days[-5] = units[-5] // 4, 19
    if number % 9 == 7:
        units[-6 - number % 36] *= 6
    first = MONTHS - 4 if number % 9 == 8 else 0
    return Sold(
        store,
        f"{kind[:3].upper()}-{number:03d}" + ("/B" if number == 1 else ""),
        f"{kind} {variant} {number}",
        category,
        [int(u) for u in units[first:]],
        list(days[first:]),
        round(PRICES[store.currency] * float(rng.lognormal(0, 0.5)), 2),
        None if store.country == "CL" else int(units[-1] * rng.uniform(0.3, 2.2)),
    )


def fill_lake(lake: Lake, market: list[Sold], settings: Settings, runs_before: int) -> None:
    """Registry, shards, runs and scores of the market: `runs_before` earlier runs and the last."""
    for store in {sold.store.store_id: sold.store for sold in market}.values():
        add_store(lake, store)
        _write_products(lake, store, [sold for sold in market if sold.store == store])
    for back in range(runs_before, -1, -1):
        cutoff = add_months(CUTOFF, -back)
        if back < runs_before:
            _write_month(lake, market, cutoff)
            score_month(lake, cutoff)
        _write_shard(lake, market, cutoff)
        run_id = f"{cutoff:%Y-%m}.1"
        predict_shard(lake, run_id, 0, settings)
        close_run(lake, run_id, settings)


def _write_products(lake: Lake, store: Store, market: list[Sold]) -> None:
    rows = [
        {
            "merchant_id": store.merchant_id,
            "store_id": store.store_id,
            "product_id": sold.product_id,
            "listing_id": sold.product_id,
            "name": sold.name,
            "category": sold.category,
            "price": None,
            "currency": store.currency,
            "status": "active",
            "stock_on_hand": sold.stock,
        }
        for sold in market
    ]
    path = products_path(store.merchant_id, store.store_id)
    lake.write_table(path, pa.Table.from_pylist(rows, PRODUCTS.schema), PRODUCTS)


def _write_month(lake: Lake, market: list[Sold], month: date) -> None:
    rows = [
        {
            "merchant_id": sold.store.merchant_id,
            "store_id": sold.store.store_id,
            "product_id": sold.product_id,
            "month": month,
            "units_sold": sold.units[known - 1],
            "units_remainder": 0,
            "revenue": "0.00",
            "currency": sold.store.currency,
        }
        for sold in market
        if (known := sold.known(month))
    ]
    columns = {name: [row.get(name) for row in rows] for name in MONTHLY_SALES.names}
    path = f"monthly_sales/month={month:%Y-%m}/part.parquet"
    lake.write_table(path, pa.table(columns), MONTHLY_SALES)


def _write_shard(lake: Lake, market: list[Sold], cutoff: date) -> None:
    rows = [_series(sold, cutoff, known) for sold in market if (known := sold.known(cutoff))]
    folder = f"shards/cutoff_month={cutoff:%Y-%m}"
    path = f"{folder}/shard=0000.parquet"
    lake.write_table(path, pa.Table.from_pylist(rows, SHARDS.schema), SHARDS)
    entry = {"shard": 0, "path": path, "series": len(rows), "hash": "-"}
    manifest = {"cutoff_month": f"{cutoff:%Y-%m}", "shards": [entry], "series": len(rows)}
    lake.write_json(f"{folder}/manifest.json", manifest)


def _series(sold: Sold, cutoff: date, known: int) -> dict[str, object]:
    units = sold.units[:known]
    first = add_months(cutoff, 1 - known)
    last = max((i for i, u in enumerate(units) if u), default=None)
    return {
        "merchant_id": sold.store.merchant_id,
        "store_id": sold.store.store_id,
        "product_id": sold.product_id,
        "category": sold.category,
        "country": sold.store.country,
        "currency": sold.store.currency,
        "cutoff_month": cutoff,
        "first_month": first,
        "last_sale_month": None if last is None else add_months(first, last),
        "units_sold": units,
        "revenue": [sold.price * u for u in units],
        "days_out_of_stock": sold.days_out_of_stock[:known],
        "share_zeros": sum(u == 0 for u in units) / known,
        "mean_net_price": sold.price,
        "active": True,
    }


@dataclass(frozen=True)
class Served:
    """The dashboard's address, and a token for each merchant and for an analyst."""

    url: str
    tokens: dict[str, str]

    def read(self, path: str, merchant: str = "casa-andina") -> dict[str, object]:
        """The public JSON at `path`, read with the merchant's token."""
        headers = {"Authorization": f"Bearer {self.tokens[merchant]}"}
        request = urllib.request.Request(f"{self.url}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)


def publish_and_serve(
    folder: Path,
    market: list[Sold],
    engine: str,
    runs_before: int,
    port: int,
    before: Callable[[Lake, str], None] | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
    refresh_workers: int = 0,
) -> tuple[subprocess.Popen[bytes], Served]:
    """A server process over a store that was filled by predicting and publishing the market.

    `before` may do more with lake and store; `variables` are further ones of the environment.
    """
    lake, url = Lake(folder / "lake"), f"sqlite:///{folder}/store.sqlite"
    settings = Settings(engine=engine, jobs=1)
    fill_lake(lake, market, settings, runs_before)
    store = open_store(url)
    for back in range(min(runs_before, 1), -1, -1):
        publish_run(lake, store, f"{add_months(CUTOFF, -back):%Y-%m}.1", settings, PUBLISHED)
        if back:
            set_own_numbers(store, market)
    if runs_before > 1:
        write_reports(lake, store)
    tokens = {
        merchant: issue_token(store, "merchant", merchant, [], PUBLISHED, None)
        for merchant in ("casa-andina", "sol-e-mar")
    }
    tokens["analyst"] = issue_token(store, "analyst", None, [], PUBLISHED, None)
    tokens["planner"] = issue_token(store, "planner", "casa-andina", ["palermo"], PUBLISHED, None)
    store.close()
    if before is not None:
        before(lake, url)
    keys = folder / "jwks.json"
    keys.write_text(json.dumps({"keys": [{**json.loads(PUBLIC_KEY), "kid": "market"}]}))
    command = [sys.executable, "-m", "api", "serve", "--port", str(port)]
    command += ["--refresh-workers", str(refresh_workers)]
    environment = {
        **os.environ,
        "STORECAST_STORE_URL": url,
        "STORECAST_LAKE_URL": lake.url,
        "STORECAST_JWT_KEYS": str(keys),
        "STORECAST_REQUEST_LOG": f"{folder}/requests.log",
        **variables,
    }
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    served = Served(f"http://127.0.0.1:{port}", tokens)
    _wait_for(process, f"{served.url}/healthz")
    return process, served


def set_own_numbers(store: ForecastStore, market: list[Sold]) -> None:
    """What a merchant expected of the last month before it was over: once well, once badly."""
    view = MerchantView(store, Scope("casa-andina"))
    by = Principal("t1", "merchant", "casa-andina")
    for sold in market:
        if sold.store.store_id == "palermo" and sold.product_id in OWN_NUMBERS:
            units = sold.units[-1] + OWN_NUMBERS[sold.product_id]
            adjust(view, by, "palermo", sold.product_id, CUTOFF, units, "A fair in town")


def write_reports(lake: Lake, store: ForecastStore) -> None:
    """The analysts' reports of the last two months, with what merchants said."""
    give_feedback(
        MerchantView(store, Scope("casa-andina")),
        Principal("t1", "merchant", "casa-andina"),
        *("palermo", "LÁM-002", "too_low", "The street is open again", None),
    )
    for month in (add_months(CUTOFF, -1), CUTOFF):
        write_alerts(lake, month)
        write_report(
            lake,
            month,
            feedback=every_voice(store, "feedback"),
            adjustments=every_voice(store, "adjustment"),
            quality=[{"what": "order lines refused", "count": 3}],
        )


@pytest.fixture
def signed() -> Callable[..., str]:
    """Makes a token as the marketplace signs it, for `casa-andina` unless told otherwise."""

    def sign(**claims: Any) -> str:
        told = {
            "sub": "u7",
            "aud": "storecast",
            "exp": time.time() + 600,
            "merchant_id": "casa-andina",
            **claims,
        }
        return jwt.encode(told, MARKET_KEY, "ES256", headers={"kid": "market"})

    return sign


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(process: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(900):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} does not answer")


@pytest.fixture(scope="session", name="draw_market")
def _draw_market() -> Callable[..., list[Sold]]:
    """For markets of other folders."""
    return draw_market


@pytest.fixture(scope="session", name="publish_and_serve")
def _publish_and_serve() -> Callable[..., tuple[subprocess.Popen[bytes], Served]]:
    """For markets of other folders."""
    return publish_and_serve


@pytest.fixture(scope="session", name="free_port")
def _free_port() -> Callable[[], int]:
    """For servers of other folders."""
    return free_port


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The market, served by a process of its own."""
    folder = tmp_path_factory.mktemp("dashboard")
    market = draw_market({"palermo": 64, "providencia": 18, "paulista": 4})
    process, served = publish_and_serve(folder, market, "seasonal_naive", RUNS_BEFORE, free_port())
    yield served
    process.terminate()
    process.wait(60)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; the tests that need it are skipped where it is missing."""
    chromium = shutil.which("chromium")
    if chromium is None or not AXE.exists():
        pytest.skip("Chromium or axe-core is missing: .ci/install installs both")
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        found = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield found
        found.close()


class Visitor:
    """A person at a browser: opens pages, and at the end must have met no trouble."""

    def __init__(self, browser: Browser, served: Served) -> None:
        self.browser = browser
        self.served = served
        self.contexts: list[BrowserContext] = []
        self.trouble: list[str] = []

    def arrive(
        self,
        path: str = "/",
        *,
        who: str | None = "casa-andina",
        width: int = 1280,
        language: str = "en-US",
        **more: Any,
    ) -> Page:
        """A page at `path`, signed in as `who`, in a browser of its own."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 844 if width < 600 else 900},
            locale=language,
            base_url=self.served.url,
            **more,
        )
        self.contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.trouble.append(f"error: {error.error}"))
        context.on("request", self._watch)
        if who is not None:
            token = {"token": self.served.tokens[who]}
            assert context.request.post("/v1/session", data=token).ok
        page = context.new_page()
        page.goto(path)
        settle(page)
        return page

    def forgive(self, status: int) -> None:
        """An answer of that status was asked for; the browser tells of it on its console."""
        told = f"the server responded with a status of {status}"
        self.trouble = [text for text in self.trouble if told not in text]

    def leave(self) -> None:
        for context in self.contexts:
            context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.trouble.append(f"console: {message.text}")

    def _watch(self, request: Request) -> None:
        if not request.url.startswith(self.served.url + "/"):
            self.trouble.append(f"a request to {request.url}")


@pytest.fixture
def visitor(browser: Browser, served: Served) -> Iterator[Visitor]:
    """Somebody to look at the dashboard, whose console must stay silent."""
    found = Visitor(browser, served)
    yield found
    found.leave()
    assert found.trouble == []


def settle(page: Page) -> None:
    """Wait until everything that the page asked for is shown, and its charts are drawn."""
    page.wait_for_selector("h1")
    expect(page.locator(".skeleton, [aria-busy]")).to_have_count(0)
    expect(page.locator(".plot:not(:has(svg))")).to_have_count(0)


@pytest.fixture
def violations() -> Callable[[Page], list[str]]:
    """What axe-core finds on a page, by the rules of WCAG 2.2 AA and its best practices."""
    script = AXE.read_text(encoding="utf-8")

    def find(page: Page) -> list[str]:
        page.evaluate(script)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{rule['id']}: {node['html'][:160]} {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    return find
