"""Months of a history that a run's models took otherwise than they were sold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from etl.lake import Lake

__all__ = ["CorrectedMonths", "corrected_months"]

Key = tuple[str, str, str]

_MARK = " corrected="
_DECIMALS = 3


@contextmanager
def corrected_months(lake: Lake, run_id: str) -> Iterator[CorrectedMonths]:
    """CORRECTIONS of the run, at hand while the block lasts; none where it was closed without."""
    path = f"predictions/run_id={run_id}/corrections.parquet"
    with lake.local_files([path] if lake.exists(path) else []) as files:
        yield CorrectedMonths(files)


class CorrectedMonths:
    """The corrected months of a run's series."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = list(files)

    def of_series(self, keys: Sequence[Key], reasons: Sequence[str]) -> dict[Key, list[Any]]:
        """For each series whose reason tells of corrections, its months, the oldest first."""
        told = [key for key, reason in zip(keys, reasons, strict=True) if _MARK in reason]
        if not self._files or not told:
            return {}
        merchants, stores, products = zip(*told, strict=True)
        with duckdb.connect(":memory:", config={"threads": 1}) as database:
            database.register("keys", pa.table({"m": merchants, "s": stores, "p": products}))
            rows = database.execute(
                """
                select merchant_id, store_id, product_id, strftime(month, '%Y-%m-%d'),
                       units_corrected, cause
                from read_parquet(?, hive_partitioning = false)
                semi join keys on merchant_id = m and store_id = s and product_id = p
                order by month
                """,
                [self._files],
            ).fetchall()
        found: dict[Key, list[Any]] = {}
        for merchant, store, product, month, units, cause in rows:
            corrected = {"month": month, "units_corrected": round(units, _DECIMALS), "cause": cause}
            found.setdefault((merchant, store, product), []).append(corrected)
        return found
