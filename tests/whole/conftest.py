"""Two whole months of two merchants, from a marketplace to what is served, by the jobs of the DAGs.

The orders are few, so that numbers can be followed by hand: each product sells the units below on
the 5th of each month, from October 2025 on, and in October 2026 andes/centro sells its mugs as

| order   | day   | units of MUG                        |
|---------|-------|-------------------------------------|
| oct-mug | 5th   | 4                                   |
| oct-off | 20th  | 2, cancelled on the 22nd            |
| oct-big | 25th  | 3, and 1 CUP on a second line       |
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dags import jobs
from etl.lake import Lake
from etl.registry import add_store
from etl.retail.sandbox import Behaviour, read_history, running, sandbox_app, sandbox_tokens
from etl.retail.source import open_merchant
from etl.settings import Settings

UNITS = {
    ("andes", "centro", "CUP"): 6,
    ("andes", "centro", "MUG"): 5,
    ("andes", "sur", "MUG"): 9,
    ("plata", "norte", "BOX"): 20,
    ("plata", "norte", "PEN"): 30,
    ("plata", "norte", "TOY"): 2,
}
MONTHS = pd.period_range("2025-10", "2026-10", freq="M")
FIRST, LAST = date(2025, 10, 1), date(2026, 10, 31)
NOW = datetime(2026, 11, 3, 6, tzinfo=UTC)
OCTOBER = [
    ("oct-mug", "1", "MUG", "2026-10-05T12:00:00Z", 4, 0, "2026-10-05T12:00:00Z", "paid"),
    ("oct-off", "1", "MUG", "2026-10-20T12:00:00Z", 2, 2, "2026-10-22T12:00:00Z", "cancelled"),
    ("oct-big", "1", "MUG", "2026-10-25T12:00:00Z", 3, 0, "2026-10-25T12:00:00Z", "paid"),
    ("oct-big", "2", "CUP", "2026-10-25T12:00:00Z", 1, 0, "2026-10-25T12:00:00Z", "paid"),
]


def order_lines() -> pd.DataFrame:
    """Every order line of the marketplace, in Storecast's columns."""
    rows = []
    for (merchant, store, product), units in UNITS.items():
        for month in MONTHS:
            if (store, product) == ("centro", "MUG") and month == MONTHS[-1]:
                continue
            at = f"{month}-05T12:00:00Z"
            order = f"{store}-{product}-{month}"
            wave = units + month.month % 3
            rows.append((merchant, store, order, "1", product, at, wave, 0, at, "paid"))
    rows += [("andes", "centro", *line) for line in OCTOBER]
    columns = ["merchant_id", "store_id", "order_id", "line_id", "product_id", "created_at"]
    columns += ["units_ordered", "units_cancelled", "updated_at", "status"]
    return pd.DataFrame(rows, columns=columns).assign(unit_price=10.0, currency="ARS")


@dataclass(frozen=True)
class Months:
    """A lake and a store in `folder` after two months, and the settings that say where they are."""

    folder: Path
    settings: Settings

    @property
    def lake(self) -> Lake:
        return Lake(self.settings.lake_url)

    def files(self) -> dict[str, bytes]:
        """Every file of the lake, by path."""
        return {path: self.lake.read_bytes(path) for path in self.lake.paths("")}


def live_through(settings: Settings, first: date = FIRST) -> None:
    """September by `arima`, October by `ensemble`: pulled, built, scored, forecast, published."""
    lake = Lake(settings.lake_url)
    for merchant in json.loads(settings.source_tokens):
        for store in open_merchant(settings, "mercadolibre", merchant).stores():
            add_store(lake, store)
    stores = jobs.list_stores(settings)
    jobs.backfill_orders(stores, first, LAST, NOW, settings)
    jobs.refresh_products(stores, NOW, settings)
    for month, engine in ((date(2026, 9, 1), "arima"), (date(2026, 10, 1), "ensemble")):
        chosen = replace(settings, engine=engine)
        jobs.build_months(month, chosen)
        jobs.build_shards(month, chosen)
        jobs.score_month(month, chosen)
        run_id = jobs.open_run(month, chosen)
        jobs.predict_shards(run_id, jobs.list_shards(month, chosen), chosen)
        jobs.close_run(run_id, chosen)
        jobs.publish_run(run_id, chosen)


def copied(lived: Months, folder: Path, settings_at: Callable[..., Settings]) -> Months:
    """The months in another folder. Files of a lake are replaced, never changed: links will do."""
    shutil.copytree(lived.folder / "lake", folder / "lake", copy_function=os.link)
    shutil.copy(lived.folder / "store.sqlite", folder)
    return Months(folder, settings_at(folder))


@pytest.fixture(scope="session")
def marketplace(tmp_path_factory) -> Iterator[dict[str, str]]:
    """Settings of the marketplace: where it is, and its tokens."""
    file = tmp_path_factory.mktemp("orders") / "orders.csv"
    order_lines().to_csv(file, index=False)
    quiet = Behaviour(now=NOW.isoformat(), rate=0, fault_share=0.0)
    tokens = sandbox_tokens(["andes", "plata"], quiet.seed)
    with running(sandbox_app(read_history(file), quiet)) as url:
        yield {"source_url": url, "source_tokens": json.dumps(tokens)}


@pytest.fixture(scope="session")
def settings_at(marketplace) -> Callable[[Path], Settings]:
    """The settings of a lake and a store in a folder."""

    def at(folder: Path, **more: Any) -> Settings:
        where = {"lake_url": str(folder / "lake"), "store_url": f"sqlite:///{folder}/store.sqlite"}
        return Settings(**{**marketplace, **where, "shard_series": 2, "jobs": 1, **more})

    return at


@pytest.fixture(scope="session")
def lived(tmp_path_factory, settings_at) -> Months:
    """The two months, lived through once; tests that change something take `months`."""
    folder = tmp_path_factory.mktemp("lived")
    settings = settings_at(folder)
    live_through(settings)
    return Months(folder, settings)


@pytest.fixture
def months(lived, tmp_path, settings_at) -> Months:
    """A copy of the two months, of the test's own."""
    return copied(lived, tmp_path / "months", settings_at)


@pytest.fixture
def copy_of(lived, settings_at) -> Callable[[Path], Months]:
    """Copies the two months into a folder."""
    return lambda folder: copied(lived, folder, settings_at)


@pytest.fixture
def live() -> Callable[..., None]:
    """Lives through the two months at other settings, with orders from another first day on."""
    return live_through
