"""Training shards: each series with its whole history, hundreds or thousands of them in a file.

Monthly partitions are streamed in the order of series and month, so memory does not grow with
their number; a shard is the work of one mapped task. Sorted by merchant, product and store, the
series of one product stand together. A listing of the last year that has never sold is a series of
zeros.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from etl.contracts import hold
from etl.duck import Duck, open_duck
from etl.errors import IncompleteError
from etl.lake import Lake
from etl.ledger import month_days, months_between
from etl.monthly import monthly_manifest, monthly_path
from etl.registry import read_products, read_stores
from etl.settings import Settings
from etl.shard_size import shard_size
from etl.tables import SERIES_KEY, SHARDS
from etl.unsold import LISTED, listed_lately

__all__ = ["build_shards"]

_SELLING_MONTHS = 3
_ACTIVE_MONTHS = 12

_SERIES_BY_MONTH = """
    SELECT * FROM (
        SELECT merchant_id, store_id, product_id, month, units_sold,
               CAST(revenue AS DOUBLE) AS revenue, currency, days_out_of_stock
        FROM read_parquet($files, hive_partitioning = false)
        UNION ALL
        SELECT listed.merchant_id, listed.store_id, listed.product_id,
               CAST(unnest(generate_series(first_month, $cutoff, INTERVAL 1 MONTH)) AS DATE),
               0, 0.0, listed.currency, NULL
        FROM read_parquet($listed, hive_partitioning = false) AS listed
        ANTI JOIN read_parquet($known, hive_partitioning = false) AS known
        USING (merchant_id, store_id, product_id)
    )
    ORDER BY merchant_id, product_id, store_id, month
"""

_FIRST_MONTHS = """
    SELECT merchant_id, store_id, min(month)
    FROM read_parquet($files, hive_partitioning = false)
    GROUP BY merchant_id, store_id
"""

_Numbers = npt.NDArray[Any]


def build_shards(lake: Lake, cutoff_month: date, settings: Settings) -> dict[str, Any]:
    """Make the SHARDS of every series up to `cutoff_month`; returns their manifest.

    Raises `IncompleteError` where a month up to the cutoff is not built.
    """
    cutoff = cutoff_month.replace(day=1)
    months = _built_months(lake, cutoff)
    folder = f"shards/cutoff_month={cutoff:%Y-%m}"
    listings = _Listings(lake)
    size = settings.shard_series or shard_size(lake, cutoff, settings.engine)
    entries: list[dict[str, Any]] = []
    files = [monthly_path(month) for month in months]
    with open_duck(settings) as duck, lake.local_files(files) as local:
        rows = _every_month(lake, duck, local, cutoff)
        whole = _whole_series(rows, size)
        for number, piece in enumerate(whole):
            path = f"{folder}/shard={number:04}.parquet"
            shard = listings.describe(_vectors(piece, cutoff))
            hold(SHARDS, shard)
            lake.write_table(path, shard, SHARDS)
            digest = hashlib.sha256(lake.read_bytes(path)).hexdigest()
            entries.append(
                {"shard": number, "path": path, "series": shard.num_rows, "hash": digest}
            )
    manifest = {
        "cutoff_month": f"{cutoff:%Y-%m}",
        "series": sum(entry["series"] for entry in entries),
        "shard_series": size,
        "shards": entries,
        "months": {
            f"{month:%Y-%m}": (monthly_manifest(lake, month) or {}).get("sha256")
            for month in months
        },
    }
    lake.write_json(f"{folder}/manifest.json", manifest)
    lake.delete(f"{folder}/outdated.json")
    for path in set(lake.paths(folder, ".parquet")) - {entry["path"] for entry in entries}:
        lake.delete(path)
    return manifest


def _every_month(
    lake: Lake, duck: Duck, months: list[str], cutoff: date
) -> Iterator[pa.RecordBatch]:
    """The rows of those monthly files, the last of the cutoff, and of what has never sold."""
    begun = {(m, s): first for m, s, first in duck.run(_FIRST_MONTHS, files=months)}
    with duck.aside() as aside:
        aside.put(pa.RecordBatch.from_pylist([], LISTED))
        for rows in listed_lately(lake, cutoff, begun):
            aside.put(rows)
        listed = aside.close()
    # The cutoff's partition has the key of everything that ever sold.
    yield from duck.batches(
        _SERIES_BY_MONTH, files=months, listed=listed, known=months[-1], cutoff=cutoff
    )


def _built_months(lake: Lake, cutoff: date) -> list[date]:
    """Every month up to the cutoff, without a gap."""
    paths = lake.paths("monthly_sales", "part.parquet")
    built = sorted(date.fromisoformat(path.split("month=")[1][:7] + "-01") for path in paths)
    months = months_between(built[0], cutoff) if built else [cutoff]
    missing = [month for month in months if monthly_manifest(lake, month) is None]
    if missing or not months:
        first = min(missing, default=cutoff)
        raise IncompleteError(
            f"shards up to {cutoff:%Y-%m} need every month, and {first:%Y-%m} is not built; run "
            f"`python -m etl monthly --month {cutoff:%Y-%m}` first"
        )
    return months


def _whole_series(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """The sorted rows cut so that each piece holds `size` whole series, the last one fewer."""
    rest: pa.Table | None = None
    for batch in batches:
        rows = pa.Table.from_batches([batch])
        rest = rows if rest is None else pa.concat_tables([rest, rows])
        starts = _starts(rest)
        done = 0
        # The last series may go on in the next batch.
        for last in range(size, len(starts), size):
            yield rest.slice(done, starts[last] - done)
            done = int(starts[last])
        rest = rest.slice(done)
    if rest is not None and rest.num_rows:
        yield rest


def _starts(rows: pa.Table) -> _Numbers:
    """The row at which each series begins."""
    begins = np.zeros(rows.num_rows, dtype=bool)
    begins[:1] = True
    for name in SERIES_KEY:
        values = rows.column(name).combine_chunks()
        begins[1:] |= pc.not_equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False)
    return np.flatnonzero(begins)


def _vectors(rows: pa.Table, cutoff: date) -> pa.Table:
    """One row per series of `rows`: its key, its vectors, and what they say."""
    rows = rows.combine_chunks()
    starts = _starts(rows)
    offsets = pa.array(np.append(starts, rows.num_rows), pa.int32())
    units = rows.column("units_sold").to_numpy()
    revenue = rows.column("revenue").to_numpy()
    months = rows.column("month").combine_chunks()
    last_sales = np.maximum.reduceat(np.where(units > 0, np.arange(len(units)), -1), starts)
    first = rows.take(starts)
    sold_ever = last_sales >= 0
    last_months = months.take(np.where(sold_ever, last_sales, 0))
    lengths = np.diff(offsets.to_numpy())
    columns: dict[str, Any] = {name: first.column(name) for name in (*SERIES_KEY, "currency")}
    columns |= {
        "cutoff_month": pa.array([cutoff] * len(starts), pa.date32()),
        "first_month": first.column("month"),
        "last_sale_month": pc.if_else(pa.array(sold_ever), last_months, None),
        "share_zeros": pa.array(np.add.reduceat(units == 0, starts) / lengths),
        "mean_net_price": _mean_net_prices(units, revenue, starts),
    }
    for name in ("units_sold", "revenue", "days_out_of_stock"):
        values = rows.column(name).combine_chunks()
        columns[name] = pa.ListArray.from_arrays(offsets, values)
    return pa.table(columns)


def _mean_net_prices(units: _Numbers, revenue: _Numbers, starts: _Numbers) -> Any:
    """Revenue by units over each series' last three selling months; null where it never sold.

    >>> units, revenue = np.array([9, 1, 0, 2, 3]), np.array([90.0, 4.0, 0.0, 6.0, 8.0])
    >>> _mean_net_prices(units, revenue, np.array([0])).to_pylist()
    [3.0]
    """
    selling = (units > 0).astype(np.int64)
    after = np.add.accumulate(selling[::-1])[::-1]
    ends = np.append(starts[1:], len(units))
    later = np.append(after, 0)[ends]
    rank = after - np.repeat(later, np.diff(np.append(starts, len(units))))
    recent = (selling == 1) & (rank <= _SELLING_MONTHS)
    sold = np.add.reduceat(np.where(recent, units, 0), starts)
    earned = np.add.reduceat(np.where(recent, revenue, 0.0), starts)
    prices = np.divide(earned, sold, out=np.zeros(len(starts)), where=sold > 0)
    return pa.array(prices, mask=sold == 0)


class _Listings:
    """Category, country and whether still on sale, from the registry, a merchant at a time."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._stores = read_stores(lake)
        self._merchant: str | None = None
        self._products: dict[tuple[str, str], dict[str, Any]] = {}

    def describe(self, series: pa.Table) -> pa.Table:
        """`series` as SHARDS."""
        countries = {(s.merchant_id, s.store_id): s.country for s in self._stores}
        categories, places, active = [], [], []
        keys = (*SERIES_KEY, "cutoff_month", "last_sale_month")
        for row in series.select(keys).to_pylist():
            listing = self._listing(row["merchant_id"], row["store_id"], row["product_id"])
            categories.append(listing.get("category") or "unknown")
            places.append(countries.get((row["merchant_id"], row["store_id"]), "ZZ"))
            active.append(_is_active(row["cutoff_month"], row["last_sale_month"], listing))
        described = series.append_column("category", pa.array(categories, pa.string()))
        described = described.append_column("country", pa.array(places, pa.string()))
        return described.append_column("active", pa.array(active, pa.bool_()))

    def _listing(self, merchant: str, store: str, product: str) -> dict[str, Any]:
        if merchant != self._merchant:
            self._merchant = merchant
            self._products = {
                (row["store_id"], row["product_id"]): row
                for known in self._stores
                if known.merchant_id == merchant
                for row in read_products(self._lake, known).select(_LISTED).to_pylist()
            }
        return self._products.get((store, product), {})


_LISTED = ["store_id", "product_id", "category", "status", "listed_on", "last_listed_on"]


def _is_active(cutoff: date, last_sale: date | None, listing: dict[str, Any]) -> bool:
    """Sold or listed within the last 12 months up to the cutoff."""
    earliest = months_between(date(cutoff.year - 1, cutoff.month, 1), cutoff)[1]
    if last_sale is not None and last_sale >= earliest:
        return True
    listed_on = listing.get("listed_on")
    if listed_on is not None and listed_on > month_days(cutoff)[1]:
        return False
    if listing.get("status") == "active":
        return True
    last_listed = listing.get("last_listed_on")
    return last_listed is not None and last_listed >= earliest
