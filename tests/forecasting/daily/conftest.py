"""Small daily series, and a lake of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from etl.daily import DailyManifest
from etl.lake import Lake
from etl.tables import DAILY_SERIES
from forecasting.daily.series import DailySeries

MONDAY = date(2025, 1, 6)


@pytest.fixture
def make_daily() -> Callable[..., DailySeries]:
    """A series of the given units, from a Monday on; on sale each day unless told otherwise."""

    def make(units: object, product_id: str = "P1", **more: object) -> DailySeries:
        values = np.asarray(units, float)
        state = np.asarray(more.pop("state", np.zeros(len(values))), np.int8)
        first = more.pop("first_date", MONDAY)
        return DailySeries("M1", "S1", product_id, first, values, state, **more)

    return make


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[..., tuple[Lake, DailyManifest]]:
    """A lake with the daily series of one store: units by product."""

    def make(histories: dict[str, object], watermark: str = "0" * 16) -> tuple[Lake, DailyManifest]:
        lake = Lake(tmp_path / "lake")
        path = f"daily/merchant_id=M1/store_id=S1/series-{watermark}.parquet"
        rows = [_row(product, np.asarray(units, float)) for product, units in histories.items()]
        lake.write_table(path, pa.Table.from_pylist(rows, DAILY_SERIES.schema), DAILY_SERIES)
        days = len(next(iter(histories.values())))
        last = MONDAY + timedelta(days=days - 1)
        return lake, DailyManifest("M1", "S1", last, watermark, len(rows), path)

    return make


def _row(product: str, units: np.ndarray) -> dict[str, object]:
    return {
        "merchant_id": "M1",
        "store_id": "S1",
        "product_id": product,
        "category": "toys",
        "country": "AR",
        "first_date": MONDAY,
        "units": units,
        "state": np.zeros(len(units), np.int8),
        "units_remainder": 0.0,
        "promotions": None,
    }
