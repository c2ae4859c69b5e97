"""Where a month's units of one product came from: partition, sales lines, store-days, orders.

Nothing is made here; files are read as they are, and numbers that must agree are put side by side
as `Check`s, so that whoever asks sees both where they differ.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from etl.lake import Lake
from etl.ledger import (
    DayManifest,
    day_folder,
    days_between,
    first_day,
    month_days,
    read_days,
)
from etl.monthly import monthly_manifest, monthly_path
from etl.registry import Store
from etl.sales import sales_path
from etl.tables import SERIES_KEY

__all__ = ["Check", "sha256_of", "trace_history", "trace_month"]

Key = tuple[str, str, str]

_OF_SALES = [
    *("order_id", "line_id", "date", "status", "units_ordered", "units_cancelled", "units_net"),
    *("revenue_net", "currency"),
]
_OF_MONTH = ["units_sold", "units_remainder", "revenue", "currency", "days_out_of_stock"]
_OF_LINES = ["order_id", "line_id", "units_ordered", "units_cancelled"]


@dataclass(frozen=True)
class Check:
    """Two places that must say the same: what it is about, and what either says."""

    what: str
    told: Any
    found: Any

    @property
    def agrees(self) -> bool:
        """Whether they do."""
        return bool(self.told == self.found)

    def document(self) -> dict[str, Any]:
        """The check as JSON."""
        return {**asdict(self), "agrees": self.agrees}


def sha256_of(lake: Lake, path: str) -> str | None:
    """The hash of a file's bytes; None where it is not there."""
    return hashlib.sha256(lake.read_bytes(path)).hexdigest() if lake.exists(path) else None


def trace_history(lake: Lake, key: Key, months: list[date]) -> list[dict[str, Any]]:
    """Each month's partition: path, fingerprint, hash told and found, and the series' units."""
    traced = []
    for month in months:
        manifest, path = monthly_manifest(lake, month) or {}, monthly_path(month)
        row = _month_row(lake, month, key)
        traced.append(
            {
                "month": f"{month:%Y-%m}",
                "path": path,
                "fingerprint": manifest.get("fingerprint"),
                "sha256": manifest.get("sha256"),
                "sha256_found": sha256_of(lake, path),
                "units_sold": row["units_sold"] if row else None,
            }
        )
    return traced


def trace_month(
    lake: Lake, store: Store, product_id: str, month: date
) -> tuple[dict[str, Any], list[Check]]:
    """One month of one product from MONTHLY_SALES back to its orders, and what must agree.

    Every store-day of the month is read, so that a line that should have counted is seen too.
    """
    key = (store.merchant_id, store.store_id, product_id)
    row = _month_row(lake, month, key)
    lines = _rows(lake, sales_path(month), key, _OF_SALES)
    kept = (first_day(lake, store) or date.max) <= month_days(month)[1]
    days = list(_days(lake, store, product_id, month))
    traced = {
        "month": f"{month:%Y-%m}",
        "path": monthly_path(month),
        "row": row and _plain(row),
        "sales": {"path": sales_path(month), "lines": [_plain(line) for line in lines]},
        "raw_kept": kept,
        "days": [day for day, _ in days],
    }
    checks = list(_month_checks(month, row, lines))
    if kept:
        checks += _raw_checks(month, lines, [day for day, _ in days])
    return traced, [*checks, *(check for _, found in days for check in found)]


def _month_checks(
    month: date, row: dict[str, Any] | None, lines: list[dict[str, Any]]
) -> Iterator[Check]:
    sold = row["units_sold"] - row["units_remainder"] if row else 0
    net = sum(line["units_net"] for line in lines)
    yield Check(f"units of {month:%Y-%m}: monthly_sales, sum of its sales lines", sold, net)


def _raw_checks(
    month: date, lines: list[dict[str, Any]], days: list[dict[str, Any]]
) -> Iterator[Check]:
    raw = [line for day in days for line in day["lines"]]
    yield Check(
        f"units of {month:%Y-%m}: sales, lines of the raw store-days",
        sum(line["units_net"] for line in lines),
        sum(line["units_ordered"] - line["units_cancelled"] for line in raw),
    )
    yield Check(
        f"orders of {month:%Y-%m}: sales, raw store-days",
        sorted({line["order_id"] for line in lines}),
        sorted({line["order_id"] for line in raw}),
    )


def _days(
    lake: Lake, store: Store, product_id: str, month: date
) -> Iterator[tuple[dict[str, Any], list[Check]]]:
    """The store-days with lines of the product: manifest, files, lines, order ids; their checks."""
    for manifest in read_days(lake, [store], days_between(*month_days(month))):
        if "lines" not in manifest.files:
            continue
        folder = day_folder(store, manifest.day)
        key = (store.merchant_id, store.store_id, product_id)
        lines = _rows(lake, f"{folder}/{manifest.files['lines']}", key, _OF_LINES)
        if lines:
            orders = sorted({line["order_id"] for line in lines})
            day = {
                "day": manifest.day.isoformat(),
                "manifest": f"{folder}/manifest.json",
                "pulled_at": manifest.pulled_at.isoformat(),
                "files": {kind: f"{folder}/{name}" for kind, name in manifest.files.items()},
                "orders": orders,
                "lines": lines,
            }
            yield day, list(_day_checks(lake, store, manifest, folder))


def _day_checks(lake: Lake, store: Store, manifest: DayManifest, folder: str) -> Iterator[Check]:
    """The day's files are those that its manifest was written for."""
    about = f"{store.merchant_id}/{store.store_id} {manifest.day}"
    packed = lake.read_bytes(f"{folder}/{manifest.files['orders']}")
    documents = gzip.decompress(packed)
    yield Check(f"orders of {about}: manifest, documents", manifest.orders, documents.count(b"\n"))
    for kind, name in manifest.files.items():
        content = documents if kind == "orders" else lake.read_bytes(f"{folder}/{name}")
        told, found = name.partition("-")[2][:12], hashlib.sha256(content).hexdigest()[:12]
        yield Check(f"content of {name} of {about}: its name, its bytes", told, found)


def _month_row(lake: Lake, month: date, key: Key) -> dict[str, Any] | None:
    rows = _rows(lake, monthly_path(month), key, _OF_MONTH)
    return rows[0] if rows else None


def _rows(lake: Lake, path: str, key: Key, columns: list[str]) -> list[dict[str, Any]]:
    """The rows of the file at `path` of one series; none where the file is not there."""
    if not lake.exists(path):
        return []
    merchant, store, product = (pc.field(name) for name in SERIES_KEY)
    wanted = (merchant == key[0]) & (store == key[1]) & (product == key[2])
    table: pa.Table = pq.read_table(
        io.BytesIO(lake.read_bytes(path)), columns=columns, filters=wanted, partitioning=None
    )
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row as JSON has it."""
    kept = (int, str, type(None))
    return {name: value if isinstance(value, kept) else str(value) for name, value in row.items()}
