"""Training shards as series, one shard at a time.

>>> from datetime import date
>>> months_between(date(2025, 11, 1), date(2026, 2, 1))
3
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from etl.errors import IncompleteError, LakeError, TableError
from etl.lake import Lake
from etl.tables import SHARDS
from forecasting.forecaster import SEASON, Series, Vector

__all__ = [
    "EverySeries",
    "as_known",
    "every_series",
    "merchants_of",
    "months_between",
    "read_shard",
    "series_of",
    "shard_manifest",
    "sold_within_a_year",
]


def months_between(earlier: date, later: date) -> int:
    """Months from `earlier` to `later`, both first days of a month."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def sold_within_a_year(units: Vector) -> bool:
    """Whether a history alone says that the product is alive: sold, or new, in the last year."""
    return len(units) < SEASON or bool(units[-SEASON:].any())


def as_known(series: Series, months: int) -> Series:
    """`series` as it was known after its first `months` months, alive or not by those alone."""
    earlier = series.until(months)
    return replace(earlier, active=sold_within_a_year(earlier.units))


def shard_manifest(lake: Lake, cutoff_month: date) -> dict[str, Any]:
    """The manifest of the cutoff's shards. Raises `IncompleteError` where they were not built."""
    path = f"shards/cutoff_month={cutoff_month:%Y-%m}/manifest.json"
    if not lake.exists(path):
        raise IncompleteError(
            f"there are no shards of {cutoff_month:%Y-%m}; "
            f"build them with python -m etl shards --cutoff {cutoff_month:%Y-%m}"
        )
    manifest: dict[str, Any] = lake.read_json(path)
    return manifest


def read_shard(lake: Lake, cutoff_month: date, shard: int) -> pa.Table:
    """One shard of the cutoff, as SHARDS, complete by its manifest."""
    for entry in shard_manifest(lake, cutoff_month)["shards"]:
        if entry["shard"] == shard:
            table = SHARDS.conform(lake.read_table(entry["path"]))
            if table.num_rows != entry["series"]:
                raise TableError(
                    f"{entry['path']} has {table.num_rows} series where its manifest says "
                    f"{entry['series']}; rebuild the shards of {cutoff_month:%Y-%m}"
                )
            return table
    count = len(shard_manifest(lake, cutoff_month)["shards"])
    raise IncompleteError(
        f"the shards of {cutoff_month:%Y-%m} are numbered 0 to {count - 1}; found {shard}"
    )


def merchants_of(lake: Lake, cutoff_month: date, shards: Collection[int]) -> list[str]:
    """The merchants whose series are in those shards; a shard that cannot be read tells none."""
    found: set[str] = set()
    for entry in shard_manifest(lake, cutoff_month)["shards"]:
        if entry["shard"] in shards:
            with suppress(LakeError):
                rows = lake.read_table(entry["path"], ["merchant_id"])
                found.update(map(str, rows.column("merchant_id").unique().to_pylist()))
    return sorted(found)


@dataclass(frozen=True)
class EverySeries:
    """The series of every shard of a cutoff, to be read as often as needed.

    One shard is in memory at a time.
    """

    lake: Lake
    cutoff_month: date

    def __iter__(self) -> Iterator[Series]:
        for entry in shard_manifest(self.lake, self.cutoff_month)["shards"]:
            yield from series_of(read_shard(self.lake, self.cutoff_month, entry["shard"]))


def every_series(lake: Lake, cutoff_month: date) -> EverySeries:
    """The series of every shard of the cutoff."""
    return EverySeries(lake, cutoff_month)


def series_of(shard: pa.Table) -> Iterator[Series]:
    """The series of a shard (SHARDS), in its order.

    Raises `TableError` where a history does not end at its cutoff.
    """
    units = _vectors(shard, "units_sold")
    days = _vectors(shard, "days_out_of_stock")
    columns = [
        shard.column(name).to_pylist()
        for name in (*SHARDS.key, "first_month", "category", "country", "active", "cutoff_month")
    ]
    for row, values in enumerate(zip(*columns, strict=True)):
        merchant, store, product, first_month, category, country, active, cutoff = values
        told = None if np.isnan(days[row]).all() else days[row]
        series = Series(
            merchant, store, product, first_month, units[row], category, country, told, active
        )
        if series.cutoff_month != cutoff or (told is not None and len(told) != series.months):
            raise TableError(
                f"shards: the history of ({', '.join(series.key)}) has {series.months} months from "
                f"{first_month:%Y-%m} and must end at {cutoff:%Y-%m}; rebuild the shards"
            )
        yield series


def _vectors(shard: pa.Table, name: str) -> list[Vector]:
    """A list column as one float vector a row, NaN where an element is empty.

    Each is a copy: who keeps a few series of a fleet would keep their whole shards by a view.
    """
    return [np.array(vector, dtype=np.float64) for vector in shard.column(name).to_pandas()]
