"""A store of many products with years of pulled days, written straight into the lake."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from etl.lake import Lake
from etl.ledger import DayManifest, day_folder, day_window, write_day
from etl.registry import Store
from etl.tables import ORDER_LINES

__all__ = ["STORE", "pull_day"]

STORE = Store(
    "M", "S", "Centro", "AMBA", "AR", "America/Argentina/Buenos_Aires", "ARS", 9, "bench", "1"
)
LINES = 300


def pull_day(lake: Lake, day: date, products: int, seed: int = 0) -> None:
    """Put one complete day of 300 lines into the ledger."""
    rng = np.random.default_rng([day.toordinal(), seed])
    start, end = day_window(STORE, day, day)
    instant = pa.array([start] * LINES, pa.timestamp("us", tz="UTC"))
    numbers = [str(n) for n in range(LINES)]
    rows = {
        "merchant_id": ["M"] * LINES,
        "store_id": ["S"] * LINES,
        "order_id": [f"{day}-{n}" for n in numbers],
        "line_id": ["1"] * LINES,
        "product_id": [f"P{n:03}" for n in rng.integers(0, products, LINES)],
        "listing_id": numbers,
        "product_name": ["Thing"] * LINES,
        "created_at": instant,
        "updated_at": instant,
        "date": [day] * LINES,
        "status": ["paid"] * LINES,
        "units_ordered": rng.integers(1, 5, LINES),
        "units_cancelled": [0] * LINES,
        "unit_price": [Decimal("9.9900")] * LINES,
        "currency": ["ARS"] * LINES,
    }
    sink = io.BytesIO()
    pq.write_table(ORDER_LINES.conform(pa.table(rows)), sink, compression="zstd")
    name = f"lines-{seed:012x}.parquet"
    lake.write_bytes(f"{day_folder(STORE, day)}/{name}", sink.getvalue())
    told = {"orders": LINES, "lines": LINES, "units": int(np.sum(rows["units_ordered"]))}
    files = {"lines": name}
    pulled = datetime.combine(day + timedelta(days=2), datetime.min.time(), UTC)
    manifest = DayManifest(
        "bench", "M", "S", day, STORE.time_zone, start, end, pulled, **told, files=files
    )
    write_day(lake, STORE, manifest)
