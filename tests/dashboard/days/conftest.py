"""The market with a marketplace behind it, whose last day is not pulled yet, and a refresh worker.

It is the morning of 5 November. Each store has ten weeks of daily sales; its daily forecasts were
made the morning before, so that they know the days until 3 November.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from api.refresh.asking import Asking
from api.refresh.dispatch import EmbeddedWorkers
from api.refresh.run import run_refresh
from api.refresh.scope import RefreshScope
from api.store import open_store
from etl.ingest import backfill
from etl.lake import Lake
from etl.registry import Store, read_stores
from etl.retail.sandbox import Behaviour, read_history, running, sandbox_app, sandbox_tokens
from etl.retail.source import open_source
from etl.settings import Settings

NOW = "2026-11-05T12:00:00Z"
DAY_BEFORE = "2026-11-04T12:00:00Z"
FIRST, KNOWN, LAST = date(2026, 8, 27), date(2026, 11, 3), date(2026, 11, 4)
PRODUCTS = {"palermo": 8, "providencia": 5, "paulista": 3}


def order_lines(market: list[Any]) -> pd.DataFrame:
    """An order of each product each day, more at the end of the week."""
    rng = np.random.default_rng(5)
    rows = []
    for sold in market:
        level = max(sold.units[-1] / 30, 0.4) * 4
        for offset in range((LAST - FIRST).days + 1):
            day = FIRST + timedelta(days=offset)
            units = int(rng.poisson(level * (1.6 if day.weekday() >= 4 else 0.8)))
            if units == 0:
                continue
            rows.append(
                {
                    "merchant_id": sold.store.merchant_id,
                    "store_id": sold.store.store_id,
                    "order_id": len(rows) + 1,
                    "product_id": sold.product_id,
                    "created_at": f"{day}T12:00:00",
                    "units_ordered": units,
                    "unit_price": sold.price,
                    "currency": sold.store.currency,
                }
            )
    return pd.DataFrame(rows)


def stores_table(stores: list[Store]) -> pd.DataFrame:
    """The stores as the marketplace knows them."""
    columns = ["merchant_id", "store_id", "name", "region", "source_ref", "country", "time_zone"]
    rows = [{name: getattr(store, name) for name in columns} for store in stores]
    return pd.DataFrame(rows).assign(
        currency=[store.currency for store in stores],
        opening_hour=[store.opening_hour for store in stores],
    )


def forecast_the_day_before(lake: Lake, store_url: str, settings: Settings) -> None:
    """Pull every store's days until 3 November, and make its daily forecasts from them."""
    at = datetime.fromisoformat(DAY_BEFORE).astimezone(UTC)
    with closing(open_store(store_url)) as store:
        for shop in read_stores(lake):
            backfill(lake, shop, FIRST, KNOWN, open_source(settings, shop), settings, at)
            scope = RefreshScope.of_products(shop.merchant_id, shop.store_id, None)
            row = Asking(store, settings, EmbeddedWorkers()).start(scope, "t1").row
            assert run_refresh(lake, store, row.id, settings)["state"] == "done"


def serve_planning(
    folder: Path, market: list[Any], publish_and_serve: Callable[..., Any], port: int, engine: str
) -> Iterator[Any]:
    """The market served at `port` with a worker, while the marketplace runs."""
    orders = folder / "orders"
    orders.mkdir()
    order_lines(market).to_parquet(orders / "order_lines.parquet")
    stores = list({sold.store.store_id: sold.store for sold in market}.values())
    stores_table(stores).to_parquet(orders / "stores.parquet")
    quiet = Behaviour(now=NOW, rate=0, fault_share=0.0)
    tokens = sandbox_tokens(["casa-andina", "sol-e-mar"], quiet.seed)
    with running(sandbox_app(read_history(orders), quiet)) as url:
        chosen = {"source_url": url, "source_tokens": json.dumps(tokens), "daily_engine": engine}
        settings = Settings(**chosen, jobs=1, now=DAY_BEFORE)
        variables = {f"STORECAST_{name.upper()}": value for name, value in chosen.items()}
        process, served = publish_and_serve(
            folder,
            market,
            "seasonal_naive",
            0,
            port,
            before=lambda lake, store_url: forecast_the_day_before(lake, store_url, settings),
            variables={**variables, "STORECAST_JOBS": "1", "STORECAST_NOW": NOW},
            refresh_workers=1,
        )
        yield served
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="session")
def served(
    tmp_path_factory: pytest.TempPathFactory,
    draw_market: Callable[..., Any],
    publish_and_serve: Callable[..., Any],
    free_port: Callable[[], int],
) -> Iterator[Any]:
    """The planners' market, served by a process of its own and one that refreshes."""
    folder = tmp_path_factory.mktemp("days")
    market = draw_market(PRODUCTS)
    yield from serve_planning(folder, market, publish_and_serve, free_port(), "weekday_naive")
