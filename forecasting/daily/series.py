"""The daily history of one product in one store, and those of a store from the lake.

>>> units, state = np.array([3.0, 0.0]), np.zeros(2, np.int8)
>>> series = DailySeries("M1", "S1", "P1", date(2026, 3, 1), units, state)
>>> series.days, series.cutoff_date
(2, datetime.date(2026, 3, 2))
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from etl.daily import ON_SALE, DailyManifest
from etl.lake import Lake
from etl.tables import DAILY_SERIES
from forecasting.forecaster import Vector

__all__ = [
    "WEEK",
    "DailySeries",
    "Promotion",
    "States",
    "data_hash",
    "promotions_of",
    "read_series",
    "series_of",
]

WEEK = 7
"""Days in a season."""

States = NDArray[np.int8]


@dataclass(frozen=True)
class Promotion:
    """Days, both included, on which a product is sold at a discount, a share of its price."""

    start: date
    end: date
    discount: float


@dataclass(frozen=True, eq=False)
class DailySeries:
    """The gap-free days of one product in one store, oldest first.

    `units` are finite and not negative; `state` tells of each day whether it was on sale, as in
    DAILY_SERIES. A day that was not says nothing about demand.
    """

    merchant_id: str
    store_id: str
    product_id: str
    first_date: date
    units: Vector
    state: States
    category: str = "unknown"
    country: str = ""
    promotions: tuple[Promotion, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """Merchant, store and product."""
        return self.merchant_id, self.store_id, self.product_id

    @property
    def days(self) -> int:
        """Length of the history."""
        return len(self.units)

    @property
    def cutoff_date(self) -> date:
        """Last day of the history; horizon 1 is the day after it."""
        return self.first_date + timedelta(days=self.days - 1)

    @property
    def on_sale(self) -> NDArray[np.bool_]:
        """Which days say something about demand."""
        told: NDArray[np.bool_] = self.state == ON_SALE
        return told

    def dates_ahead(self, horizon: int) -> list[date]:
        """The days after the cutoff."""
        return [self.cutoff_date + timedelta(days=ahead) for ahead in range(1, horizon + 1)]

    def until(self, days: int) -> DailySeries:
        """The same series as it was known after its first `days` days (a rolling origin)."""
        return replace(self, units=self.units[:days], state=self.state[:days])


def data_hash(series: DailySeries) -> str:
    """Sixteen hexadecimal digits of all that a forecast of the series is made from."""
    told = [str(series.first_date), series.country, series.category, str(series.promotions)]
    digest = hashlib.sha256(json.dumps(told).encode())
    digest.update(series.units.astype("<f8").tobytes())
    digest.update(series.state.astype("<i1").tobytes())
    return digest.hexdigest()[:16]


def read_series(
    lake: Lake, manifest: DailyManifest, product_ids: Collection[str] | None = None
) -> list[DailySeries]:
    """The series of the store, or those of `product_ids` that it has, by product."""
    rows = lake.read_table(manifest.path)
    if product_ids is not None:
        wanted = pa.array(sorted(product_ids), pa.string())
        rows = rows.filter(pc.is_in(rows.column("product_id"), wanted))
    return list(series_of(rows))


def series_of(rows: pa.Table) -> Iterator[DailySeries]:
    """The series of DAILY_SERIES, in their order."""
    names = [*DAILY_SERIES.key, "first_date", "category", "country", "promotions"]
    units, states = rows.column("units").to_pandas(), rows.column("state").to_pandas()
    for i, row in enumerate(rows.select(names).to_pylist()):
        yield DailySeries(
            row["merchant_id"],
            row["store_id"],
            row["product_id"],
            row["first_date"],
            np.asarray(units[i], dtype=np.float64),
            np.asarray(states[i], dtype=np.int8),
            row["category"],
            row["country"],
            promotions_of(row["promotions"]),
        )


def promotions_of(text: str | None) -> tuple[Promotion, ...]:
    """What the registry tells of promotions; days by their first ten characters."""
    found = [
        Promotion(_day(one["start"]), _day(one["end"]), float(one.get("discount") or 0.0))
        for one in json.loads(text or "[]")
        if one.get("start") and one.get("end")
    ]
    return tuple(sorted(found, key=lambda promotion: (promotion.start, promotion.end)))


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])
