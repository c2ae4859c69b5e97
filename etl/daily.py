"""The daily series of a store: each product's days from its first sale to the last complete one.

`daily/merchant_id=M/store_id=S/manifest.json` is the commit point. It names the DAILY_SERIES, and
for each month a small file of DAILY_SALES by the fingerprint of the store-days that it was made
from: a day that is added or changed makes one month again, all others stay. The watermark is the
fingerprint of everything that the series are made of; where it is the same, nothing is written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from etl.daily_closed import closed_days
from etl.duck import Duck, open_duck
from etl.errors import IncompleteError
from etl.lake import Lake
from etl.ledger import DayManifest, day_folder, pulled_days, read_days
from etl.registry import Store, read_products
from etl.sales import LATEST_STATE
from etl.settings import Settings
from etl.tables import DAILY_SALES, DAILY_SERIES

__all__ = [
    "CLOSED",
    "ON_SALE",
    "SHELF_EMPTY",
    "UNKNOWN",
    "DailyManifest",
    "build_daily",
    "read_manifest",
]

ON_SALE, SHELF_EMPTY, CLOSED, UNKNOWN = 0, 1, 2, 3
"""States of a day: see DAILY_SERIES."""

DAYS_KEPT = 3 * 365
"""Longest history of a daily series: three years."""

_VERSION = 1
"""Counted up when the way a series is made changes, so that every series is made again."""

_MONTH = f"""
    WITH latest AS (
        SELECT * FROM read_parquet($files, hive_partitioning = false) QUALIFY {LATEST_STATE}
    )
    SELECT product_id, date, CAST(sum(units_ordered - units_cancelled) AS BIGINT) AS units_net
    FROM latest GROUP BY product_id, date ORDER BY product_id, date
"""  # noqa: S608 - a constant of etl.sales


@dataclass(frozen=True)
class DailyManifest:
    """What the daily series of a store are: `data_until`, and a fingerprint of their sources."""

    merchant_id: str
    store_id: str
    data_until: date
    watermark: str
    series: int
    path: str


def read_manifest(lake: Lake, merchant_id: str, store_id: str) -> DailyManifest | None:
    """The manifest of the store's daily series; None where they were never built."""
    document = _document(lake, _folder(merchant_id, store_id))
    if document is None:
        return None
    return _manifest(document)


def build_daily(lake: Lake, store: Store, settings: Settings) -> DailyManifest:
    """Make the DAILY_SERIES of `store` from its pulled days; quick where little has changed.

    Raises `IncompleteError` where no complete day was ever pulled.
    """
    days = _complete_days(lake, store)
    listings = _listings(lake, store)
    folder = _folder(store.merchant_id, store.store_id)
    before = _document(lake, folder)
    watermark = _watermark(store, days, listings)
    if before is not None and before["watermark"] == watermark:
        return _manifest(before)
    months = {f"{month}": list(group) for month, group in groupby(days, lambda d: f"{d.day:%Y-%m}")}
    pieces = _pieces(lake, store, months, before, settings)
    rows = _series(lake, store, days, list(pieces.values()), listings)
    path = f"{folder}/series-{watermark}.parquet"
    lake.write_table(path, rows, DAILY_SERIES)
    manifest = DailyManifest(
        store.merchant_id, store.store_id, days[-1].day, watermark, rows.num_rows, path
    )
    _commit(lake, folder, before, manifest, pieces)
    return manifest


def _complete_days(lake: Lake, store: Store) -> list[DayManifest]:
    """The store's complete days of the last three years, in order."""
    pulled = pulled_days(lake, store)
    earliest = pulled[-1] - timedelta(days=DAYS_KEPT) if pulled else date.max
    found = read_days(lake, [store], [day for day in pulled if day >= earliest])
    days = [day for day in found if day.complete]
    if not days:
        raise IncompleteError(
            f"store {store.store_id} of {store.merchant_id} has no complete day; pull some with "
            "`python -m etl backfill --from DAY --to DAY` first"
        )
    first = days[-1].day - timedelta(days=DAYS_KEPT - 1)
    return [day for day in days if day.day >= first]


def _listings(lake: Lake, store: Store) -> dict[str, tuple[str, str | None]]:
    """Category and promotions by product."""
    rows = read_products(lake, store).select(["product_id", "category", "promotions"]).to_pylist()
    return {row["product_id"]: (row["category"] or "unknown", row["promotions"]) for row in rows}


def _watermark(
    store: Store, days: Sequence[DayManifest], listings: dict[str, tuple[str, str | None]]
) -> str:
    content = [_VERSION, store.country, sorted(listings.items()), [_content(day) for day in days]]
    return _digest(content)


def _content(day: DayManifest) -> list[Any]:
    return [*day.content, day.orders]


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _pieces(
    lake: Lake,
    store: Store,
    months: dict[str, list[DayManifest]],
    before: dict[str, Any] | None,
    settings: Settings,
) -> dict[str, str]:
    """Path of each month's DAILY_SALES; those that are not there yet are made."""
    folder = f"{_folder(store.merchant_id, store.store_id)}/months"
    there = set(before["months"].values()) if before else set()
    paths = {
        month: f"{folder}/month={month}-{_digest([_VERSION, *map(_content, days)])}.parquet"
        for month, days in months.items()
    }
    missing = [month for month, path in paths.items() if path not in there]
    if missing:
        with open_duck(settings) as duck:
            for month in missing:
                _write_piece(lake, duck, store, months[month], paths[month])
    return paths


def _write_piece(
    lake: Lake, duck: Duck, store: Store, days: Sequence[DayManifest], path: str
) -> None:
    files = [
        f"{day_folder(store, day.day)}/{day.files['lines']}" for day in days if "lines" in day.files
    ]
    if not files:
        lake.write_table(path, DAILY_SALES.empty(), DAILY_SALES)
        return
    with lake.local_files(files) as local:
        rows = pa.Table.from_batches(duck.batches(_MONTH, files=local))
    lake.write_table(path, rows, DAILY_SALES)


def _series(
    lake: Lake,
    store: Store,
    days: Sequence[DayManifest],
    pieces: Sequence[str],
    listings: dict[str, tuple[str, str | None]],
) -> pa.Table:
    """DAILY_SERIES of the store."""
    first, last = days[0].day, days[-1].day
    length = (last - first).days + 1
    sales = pa.concat_tables([lake.read_table(path) for path in pieces])
    products, units = _matrix(sales, first, length)
    state = _states(days, first, length, products)
    rows = [
        _row(store, product, first, units[i], state[i], listings)
        for i, product in enumerate(products)
        if (units[i] > 0).any()
    ]
    return pa.Table.from_pylist(rows, DAILY_SERIES.schema)


def _matrix(sales: pa.Table, first: date, length: int) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Products in order, and their net units by day; a day outside counts for the nearest."""
    names = sorted(map(str, pc.unique(sales.column("product_id")).to_pylist()))
    places = pc.index_in(sales.column("product_id"), pa.array(names, pa.string())).to_numpy()
    dates = sales.column("date").to_numpy().astype("datetime64[D]")
    offsets = (dates - np.datetime64(first)).astype(np.int64)
    units = np.zeros((len(names), length))
    where = (places, np.clip(offsets, 0, length - 1))
    np.add.at(units, where, sales.column("units_net").to_numpy())
    return names, units


def _states(
    days: Sequence[DayManifest], first: date, length: int, products: Sequence[str]
) -> npt.NDArray[np.int8]:
    """State of each product's days (products, days)."""
    orders = np.full(length, np.nan)
    place = {product: i for i, product in enumerate(products)}
    state = np.full((len(products), length), ON_SALE, dtype=np.int8)
    for day in days:
        at = (day.day - first).days
        orders[at] = day.orders
        empty = [place[product] for product in day.stockouts or [] if product in place]
        state[empty, at] = SHELF_EMPTY
    state[:, closed_days(orders)] = CLOSED
    state[:, np.isnan(orders)] = UNKNOWN
    return state


def _row(
    store: Store,
    product: str,
    first: date,
    net: npt.NDArray[np.float64],
    state: npt.NDArray[np.int8],
    listings: dict[str, tuple[str, str | None]],
) -> dict[str, Any]:
    start = int(np.argmax(net > 0))
    category, promotions = listings.get(product, ("unknown", None))
    return {
        "merchant_id": store.merchant_id,
        "store_id": store.store_id,
        "product_id": product,
        "category": category,
        "country": store.country,
        "first_date": first + timedelta(days=start),
        "units": np.maximum(net[start:], 0.0),
        "state": state[start:],
        "units_remainder": float(np.maximum(-net, 0.0).sum()),
        "promotions": promotions,
    }


def _commit(
    lake: Lake,
    folder: str,
    before: dict[str, Any] | None,
    manifest: DailyManifest,
    pieces: dict[str, str],
) -> None:
    """Swap the manifest, then remove what neither it nor the one before it names.

    The series of the manifest before stay for those who are reading them.
    """
    document = asdict(manifest) | {
        "data_until": manifest.data_until.isoformat(),
        "months": pieces,
        "previous_path": before["path"] if before else None,
    }
    lake.write_json(f"{folder}/manifest.json", document)
    if before is not None:
        kept = {manifest.path, before["path"], *pieces.values()}
        for path in sorted({*_named(before)} - kept):
            lake.delete(path)


def _named(document: dict[str, Any]) -> Iterator[str]:
    yield from document["months"].values()
    if document["previous_path"]:
        yield document["previous_path"]


def _document(lake: Lake, folder: str) -> dict[str, Any] | None:
    path = f"{folder}/manifest.json"
    return lake.read_json(path) if lake.exists(path) else None


def _manifest(document: dict[str, Any]) -> DailyManifest:
    return DailyManifest(
        document["merchant_id"],
        document["store_id"],
        date.fromisoformat(document["data_until"]),
        document["watermark"],
        document["series"],
        document["path"],
    )


def _folder(merchant_id: str, store_id: str) -> str:
    return f"daily/merchant_id={merchant_id}/store_id={store_id}"
