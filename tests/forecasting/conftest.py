"""Small series and engines that the tests of `forecasting` share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest

from etl.lake import Lake
from etl.tables import SHARDS
from forecasting.engines import ENGINES
from forecasting.forecaster import Forecast, Series, add_months


@pytest.fixture
def make_series() -> Callable[..., Series]:
    """A series of the given units, from January 2024 on."""

    def make(units: object, product_id: str = "P1", **more: object) -> Series:
        first = more.pop("first_month", date(2024, 1, 1))
        return Series("M1", "S1", product_id, first, np.asarray(units, float), **more)

    return make


@pytest.fixture
def make_lake(tmp_path: Path) -> Callable[..., Lake]:
    """A lake with the given shards: by cutoff, a list of histories by product."""

    def make(cutoffs: dict[date, list[dict[str, object]]]) -> Lake:
        lake = Lake(tmp_path / "lake")
        for cutoff, shards in cutoffs.items():
            _write_shards(lake, cutoff, shards)
        return lake

    return make


def _write_shards(lake: Lake, cutoff: date, shards: list[dict[str, object]]) -> None:
    folder = f"shards/cutoff_month={cutoff:%Y-%m}"
    entries = []
    for number, histories in enumerate(shards):
        path = f"{folder}/shard={number:04}.parquet"
        rows = [_shard_row(cutoff, name, np.asarray(h)) for name, h in histories.items()]
        lake.write_table(path, pa.Table.from_pylist(rows, schema=SHARDS.schema), SHARDS)
        entries.append({"shard": number, "path": path, "series": len(rows), "hash": "-"})
    series = sum(entry["series"] for entry in entries)
    manifest = {"cutoff_month": f"{cutoff:%Y-%m}", "shards": entries, "series": series}
    lake.write_json(f"{folder}/manifest.json", manifest)


def _shard_row(cutoff: date, product_id: str, units: np.ndarray) -> dict[str, object]:
    months = len(units)
    first = add_months(cutoff, 1 - months)
    sold = np.flatnonzero(units)
    return {
        "merchant_id": "M1",
        "store_id": "S1",
        "product_id": product_id,
        "category": "toys",
        "country": "AR",
        "currency": "ARS",
        "cutoff_month": cutoff,
        "first_month": first,
        "last_sale_month": add_months(first, int(sold[-1])) if len(sold) else None,
        "units_sold": [int(unit) for unit in units],
        "revenue": [2.0 * unit for unit in units],
        "days_out_of_stock": [None] * months,
        "share_zeros": float((units == 0).mean()),
        "mean_net_price": 2.0,
        "active": bool(units[-12:].any()),
    }


@dataclass(frozen=True)
class Mean:
    """The mean of the history times a factor, which is right at 1 for series without a season."""

    factor: float = 1.0
    name: str = "mean_engine"
    release: ClassVar[float] = 1.0
    width: ClassVar[float] = 1.0

    def forecast(self, batch, horizon):
        return [self._of(series.units, horizon) for series in batch]

    def _of(self, units, horizon):
        """Flat, with normal bounds as wide as the history spreads, times `width`."""
        flat = np.full((3, horizon), self.factor * units.mean())
        half = self.width * units.std() * np.array([[0.674], [1.282], [1.96]])
        return Forecast(flat[0], np.maximum(flat - half, 0.0), flat + half, self.name)


def doubled():
    return Mean(2.0, "doubled")


def released():
    """What the release that is installed makes of the engine."""
    return Mean(Mean.release)


@pytest.fixture
def mean_engines(monkeypatch) -> type:
    """The engines `mean_engine`, which takes a factor as an option, and `doubled`; their class."""
    monkeypatch.setitem(ENGINES, "mean_engine", f"{__name__}:Mean")
    monkeypatch.setitem(ENGINES, "doubled", f"{__name__}:doubled")
    return Mean
