"""Three stores with ten weeks of daily sales on a small marketplace, and workers over them."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from api.app import create_app
from api.refresh.asking import Asking
from api.refresh.dispatch import EmbeddedWorkers
from api.refresh.lifeline import Lifeline
from api.refresh.scope import RefreshScope
from api.refresh.worker import Worker
from etl.ingest import backfill
from etl.lake import Lake
from etl.ledger import day_folder
from etl.registry import add_store, read_stores
from etl.retail.sandbox import Behaviour, read_history, running, sandbox_app, sandbox_tokens
from etl.retail.source import open_merchant, open_source
from etl.settings import Settings

NOW = "2026-11-05T08:00:00Z"
YESTERDAY = date(2026, 11, 4)
FIRST = date(2026, 8, 27)
PRODUCTS = {"M1/S1": 12, "M1/S2": 4, "M2/S1": 6}
ZONES = {
    "M1/S1": "America/Argentina/Buenos_Aires",
    "M1/S2": "America/Argentina/Salta",
    "M2/S1": "America/Sao_Paulo",
}


def order_lines():
    """Each product sells each day, more at the end of the week; `MUG` is the first of each."""
    rows = []
    for name, count in PRODUCTS.items():
        merchant, store = name.split("/")
        for number in range(count):
            product = "MUG" if number == 0 else f"P{number:02d}"
            for offset in range((YESTERDAY - FIRST).days + 1):
                day = FIRST + timedelta(days=offset)
                rows.append(
                    {
                        "merchant_id": merchant,
                        "store_id": store,
                        "order_id": len(rows) + 1,
                        "product_id": product,
                        "created_at": f"{day}T12:00:00",
                        "units_ordered": 1 + number % 3 + (day.weekday() >= 4) * 2,
                        "unit_price": 10.0,
                        "currency": "ARS",
                    }
                )
    return pd.DataFrame(rows)


def stores_table():
    rows = []
    for name, zone in ZONES.items():
        merchant, store = name.split("/")
        rows.append(
            {
                "merchant_id": merchant,
                "store_id": store,
                "name": name,
                "region": "AMBA",
                "source_ref": str(100 + len(rows)),
                "country": "AR",
                "time_zone": zone,
                "currency": "ARS",
                "opening_hour": 9,
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def marketplace(tmp_path_factory):
    """The address of a marketplace that replays the orders, and its tokens."""
    folder = tmp_path_factory.mktemp("orders")
    order_lines().to_parquet(folder / "order_lines.parquet")
    stores_table().to_parquet(folder / "stores.parquet")
    quiet = Behaviour(now=NOW, rate=0, fault_share=0.0)
    with running(sandbox_app(read_history(folder), quiet)) as url:
        yield url, json.dumps(sandbox_tokens(["M1", "M2"], quiet.seed))


@pytest.fixture(scope="session")
def pulled(marketplace, tmp_path_factory):
    """A lake with the stores' days, of which the last, 4 November, is missing."""
    url, tokens = marketplace
    lake = Lake(tmp_path_factory.mktemp("pulled") / "lake")
    settings = Settings(source_url=url, source_tokens=tokens)
    for merchant in ("M1", "M2"):
        for store in open_merchant(settings, "mercadolibre", merchant).stores():
            add_store(lake, store)
    at = datetime(2026, 11, 4, 12, tzinfo=UTC)
    for store in read_stores(lake):
        source = open_source(settings, store)
        backfill(lake, store, FIRST, YESTERDAY - timedelta(days=1), source, settings, at)
    return lake


@pytest.fixture
def lake(pulled, tmp_path):
    """A copy of it for one test."""
    shutil.copytree(pulled.url, tmp_path / "daily-lake")
    return Lake(tmp_path / "daily-lake")


@pytest.fixture
def settings(settings, marketplace, lake):
    """Over that lake and marketplace, with a quick engine and leases that end soon."""
    url, tokens = marketplace
    return replace(
        settings,
        lake_url=lake.url,
        source_url=url,
        source_tokens=tokens,
        daily_engine="weekday_naive",
        jobs=1,
        refresh_lease_seconds=2.0,
        now=NOW,
    )


@pytest.fixture
def yesterday():
    """The latest day that is over in every store."""
    return YESTERDAY


@pytest.fixture
def asking(published, settings):
    """Takes requests for refreshes that embedded workers make."""
    return Asking(published, settings, EmbeddedWorkers())


@pytest.fixture
def work(published, settings):
    """Works in this process until nothing waits; answers the turns that it took."""

    def until_idle(changed=settings, clock=None):
        worker = Worker(published, changed, clock)
        turns = 0
        with closing(Lifeline(published.refreshes, changed.refresh_lease_seconds)) as lifeline:
            while worker.work_once(lifeline):
                turns += 1
        return turns

    return until_idle


@pytest.fixture
def scope():
    """A store, or some of its products."""

    def make(store="S1", products=None, merchant="M1", category=None):
        return replace(RefreshScope.of_products(merchant, store, products), category=category)

    return make


@pytest.fixture
def client(published, settings, client_of):
    """A client of the API over the published store and this lake."""
    with client_of(create_app(settings, published)) as client:
        yield client


@pytest.fixture
def pull_again(lake, settings):
    """Pulls a day of a store anew, as a later ingest would."""

    def pull(day=YESTERDAY, merchant="M1", store="S1"):
        shop = next(
            one for one in read_stores(lake) if (one.merchant_id, one.store_id) == (merchant, store)
        )
        at = datetime(2026, 11, 5, 9, tzinfo=UTC)
        backfill(lake, shop, day, day, open_source(settings, shop), settings, at)
        return day_folder(shop, day)

    return pull
