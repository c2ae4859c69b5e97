"""A small lake with a closed run, stores of both kinds over it, and clients of the served API."""

from __future__ import annotations

import asyncio
import hashlib
import io
import math
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from api.app import create_app
from api.publish import publish_run
from api.store import open_store
from api.tokens import issue_token
from etl.lake import Lake
from etl.registry import Store, add_store
from etl.settings import Settings
from etl.tables import PREDICTIONS, PRODUCTS, SCORES, SHARDS

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 5, 8, tzinfo=UTC)
STORES = [
    Store("M1", "S1", "Centro", "AMBA", "AR", "America/Argentina/Buenos_Aires", "ARS", 9, "x", "1"),
    Store("M1", "S2", "Norte", "NOA", "AR", "America/Argentina/Salta", "ARS", 9, "x", "2"),
    Store("M2", "S1", "Paulista", "SP", "BR", "America/Sao_Paulo", "BRL", 10, "x", "3"),
]


def add_months(month: date, count: int) -> date:
    months = month.year * 12 + month.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)


def a_series(store, product, units, category="kitchen", price=10.0, cutoff=date(2026, 10, 1)):
    """A row of SHARDS that ends at the cutoff."""
    return {
        "merchant_id": store.merchant_id,
        "store_id": store.store_id,
        "product_id": product,
        "category": category,
        "country": store.country,
        "currency": store.currency,
        "cutoff_month": cutoff,
        "first_month": add_months(cutoff, 1 - len(units)),
        "last_sale_month": cutoff,
        "units_sold": units,
        "revenue": [price * u if price else 0.0 for u in units],
        "days_out_of_stock": [None] * len(units),
        "share_zeros": 0.0,
        "mean_net_price": price,
        "active": True,
    }


def a_forecast(run_id, series, units, width=0.2, reason=""):
    """Twelve rows of PREDICTIONS with 80 % bounds at ± width of the forecast."""
    return [
        {
            "run_id": run_id,
            "merchant_id": series["merchant_id"],
            "store_id": series["store_id"],
            "product_id": series["product_id"],
            "cutoff_month": series["cutoff_month"],
            "month": add_months(series["cutoff_month"], h),
            "horizon": h,
            "units_forecast": units,
            **{
                f"{side}{level}": units * (1 + sign * width * share)
                for level, share in ((50, 0.5), (80, 1.0), (95, 1.5))
                for side, sign in (("lo", -1), ("hi", 1))
            },
            "model": "arima",
            "reason": reason,
        }
        for h in range(1, 13)
    ]


def write_run(lake, run_id, shards):
    """Close a run over `shards`: for each a list of (series, forecast rows)."""
    cutoff = run_id.split(".")[0]
    entries = []
    for number, content in enumerate(shards):
        series = pa.Table.from_pylist([s for s, _ in content], SHARDS.schema)
        lake.write_table(f"shards/cutoff_month={cutoff}/shard={number:04d}.parquet", series, SHARDS)
        rows = [row for _, forecast in content for row in forecast]
        sink = io.BytesIO()
        pacsv.write_csv(pa.Table.from_pylist(rows, PREDICTIONS.schema), sink)
        path = f"predictions/run_id={run_id}/shard={number:04d}.csv"
        lake.write_bytes(path, sink.getvalue())
        entries.append(
            {
                "shard": number,
                "path": path,
                "series": len(content),
                "rows": len(rows),
                "sha256": hashlib.sha256(sink.getvalue()).hexdigest(),
                "units_forecast": math.fsum(row["units_forecast"] for row in rows),
            }
        )
    manifest = {"run_id": run_id, "cutoff_month": cutoff, "engine": "arima", "shards": entries}
    lake.write_json(f"predictions/run_id={run_id}/manifest.json", manifest)


def write_small_run(lake, run_id="2026-10.1", factor=1.0):
    """Two shards: four products of M1 in two stores, and one of M2 under M1's names."""
    centro, norte, paulista = STORES
    mug = a_series(centro, "MUG", [10] * 24)
    pot = a_series(centro, "POT/2", [40] * 36, price=2.5)
    new = a_series(centro, "NEW", [3, 4, 5], category="toys", price=None)
    far = a_series(norte, "MUG", [7] * 24)
    other = a_series(paulista, "MUG", [1000] * 24)
    write_run(
        lake,
        run_id,
        [
            [
                (mug, a_forecast(run_id, mug, 12.0 * factor)),
                (pot, a_forecast(run_id, pot, 20.0 * factor, width=0.7)),
                (new, a_forecast(run_id, new, 5.0 * factor, 1.0, "short_history months=3")),
            ],
            [
                (far, a_forecast(run_id, far, 8.0 * factor)),
                (other, a_forecast(run_id, other, 999.0 * factor)),
            ],
        ],
    )


def write_scores(lake):
    """MUG of Centro, forecast a month ahead in three months: 9 for 10, 11 for 10, 10 for 10."""
    rows = []
    for number, units in ((8, 9.0), (9, 11.0), (10, 10.0)):
        month = date(2026, number, 1)
        cutoff = add_months(month, -1)
        series = a_series(STORES[0], "MUG", [10] * 24, cutoff=cutoff)
        row = a_forecast(f"{cutoff:%Y-%m}.1", series, units, width=0.05)[0]
        row |= {
            "category": "kitchen",
            "currency": "ARS",
            "units_sold": 10.0,
            "units_naive": 8.0,
            "mase_scale": 2.0,
            "mean_net_price": 10.0,
        }
        rows.append((month, row))
    for month, row in rows:
        full = {column.name: row.get(column.name) for column in SCORES.columns}
        table = pa.Table.from_pylist([full], SCORES.schema)
        lake.write_table(f"scores/month={month:%Y-%m}/part.parquet", table, SCORES)


def write_registry(lake):
    for store in STORES:
        add_store(lake, store)
    mug = {
        "merchant_id": "M1",
        "store_id": "S1",
        "product_id": "MUG",
        "listing_id": "MLA1",
        "name": "Taza café",
        "category": "kitchen",
        "price": None,
        "currency": "ARS",
        "status": "active",
        "stock_on_hand": 2,
    }
    rows = pa.Table.from_pylist([mug], PRODUCTS.schema)
    lake.write_table("registry/products/merchant_id=M1/store_id=S1.parquet", rows, PRODUCTS)


class Client:
    """Requests to an ASGI application in this process, between its start and its end."""

    def __init__(self, app):
        self._ended = False
        self._runner = asyncio.Runner()
        self._lifespan = lifespan_of(app)
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 5))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://storecast.test")

    def __enter__(self):
        self._runner.run(self._lifespan.__aenter__())
        return self

    def __exit__(self, *_):
        if self._ended:
            return
        self._ended = True
        self._runner.run(self._client.aclose())
        self._runner.run(self._lifespan.__aexit__(None, None, None))
        self._runner.close()

    @property
    def cookies(self):
        return self._client.cookies

    def request(self, method, path, **options):
        return self._runner.run(self._client.request(method, path, **options))

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)

    def put(self, path, **options):
        return self.request("PUT", path, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)


@asynccontextmanager
async def lifespan_of(app):
    """Start and stop an ASGI application as a server does."""
    to_app, from_app = asyncio.Queue(), asyncio.Queue()
    running = asyncio.create_task(app({"type": "lifespan"}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    yield
    await to_app.put({"type": "lifespan.shutdown"})
    await running


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A folder with the lake, and a store that serves its run; tests work on copies."""
    folder = tmp_path_factory.mktemp("template")
    lake = Lake(folder / "lake")
    write_registry(lake)
    write_small_run(lake)
    store = open_store(f"sqlite:///{folder}/store.sqlite")
    publish_run(lake, store, "2026-10.1", Settings(), NOW)
    store.close()
    return folder


@pytest.fixture
def lake(template, tmp_path: Path) -> Lake:
    """Three stores of two merchants, and the closed run 2026-10.1."""
    shutil.copytree(template / "lake", tmp_path / "lake")
    return Lake(tmp_path / "lake")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        store_url=f"sqlite:///{tmp_path}/store.sqlite",
        lake_url=str(tmp_path / "lake"),
        request_log=str(tmp_path / "requests.jsonl"),
        token_cache_seconds=0.0,
        requests_per_second=1e6,
        request_burst=1_000_000,
    )


@pytest.fixture
def store(settings: Settings):
    """An empty embedded store."""
    store = open_store(settings.store_url)
    yield store
    store.close()


@pytest.fixture
def write():
    """How tests write further runs and scores into a lake."""

    class Write:
        run = staticmethod(write_run)
        small_run = staticmethod(write_small_run)
        scores = staticmethod(write_scores)
        series = staticmethod(a_series)
        forecast = staticmethod(a_forecast)
        stores = STORES

    return Write


@pytest.fixture
def published(template, tmp_path, store):
    """The embedded store, serving 2026-10.1."""
    store.close()
    shutil.copy(template / "store.sqlite", tmp_path / "store.sqlite")
    return store


@pytest.fixture
def token_of(published):
    """Issues a token of a merchant, role and stores, and answers its header."""

    def issue(merchant="M1", role="merchant", stores=(), expires_at=None):
        token = issue_token(published, role, merchant, stores, NOW, expires_at)
        return {"authorization": f"Bearer {token}"}

    return issue


@contextmanager
def serving(settings, workers=1, refresh_workers=0, process_of=None):
    """The address of `python -m api serve` in a process of its own, noted in `process_of`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    for setting in fields(Settings):
        if getattr(settings, setting.name) != setting.default:
            environment[f"STORECAST_{setting.name.upper()}"] = str(getattr(settings, setting.name))
    command = [sys.executable, "-m", "api", "serve", "--port", str(port)]
    counts = ["--workers", str(workers), "--refresh-workers", str(refresh_workers)]
    process = subprocess.Popen(
        [*command, *counts], cwd=ROOT, env=environment, stderr=subprocess.PIPE
    )
    if process_of is not None:
        process_of[f"http://127.0.0.1:{port}"] = process
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(process, f"{address}/healthz")
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _wait_for(process, url):
    for _ in range(600):
        assert process.poll() is None, process.stderr.read().decode()
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not come up")


@pytest.fixture
def serve():
    """Starts API servers: `with serve(settings, workers) as address`."""
    return serving


@pytest.fixture
def token_of_empty(store):
    """A merchant's header for a store in which nothing is published."""
    token = issue_token(store, "merchant", "M1", (), NOW, None)
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def client_of():
    """A client of any application."""
    return Client


@pytest.fixture
def make_client(store, settings):
    """Further clients of the same store, under other settings."""

    def make(changed):
        return Client(create_app(changed, open_store(changed.store_url)))

    return make


@pytest.fixture
def client(published, settings):
    """A client of the API over the published store."""
    with Client(create_app(settings, published)) as client:
        yield client
