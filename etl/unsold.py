"""Listings that are on sale and have never sold: months of zeros from the day they were listed.

MONTHLY_SALES begins a product at its first sale. What was listed within the last year and has not
sold yet is known by the registry alone; no month before the store's own data counts, as nobody
knows what was sold then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from etl.lake import Lake
from etl.ledger import first_day, month_days, months_between
from etl.monthly import monthly_path
from etl.registry import Store, read_products, read_stores
from etl.tables import PRODUCTS, SERIES_KEY

__all__ = ["LISTED", "every_key", "listed_lately"]

_YEAR = 12
_FIRST_MONTH = pa.field("first_month", pa.date32())

LISTED = pa.schema([*map(PRODUCTS.schema.field, (*SERIES_KEY, "currency")), _FIRST_MONTH])
"""Key, currency, and the first month in which a listing is known to have been on sale."""


def listed_lately(
    lake: Lake, cutoff: date, begun: Mapping[tuple[str, str], date]
) -> Iterator[pa.RecordBatch]:
    """Active listings of the twelve months up to `cutoff`, as LISTED, a store at a time.

    `begun` has the first month with sales of each store; one without is known from its first
    pulled day on. Whether a listing ever sold is not looked at.
    """
    for store in read_stores(lake):
        first = begun.get((store.merchant_id, store.store_id)) or _first_pulled(lake, store)
        if first is not None and first <= cutoff:
            yield _listed(read_products(lake, store), cutoff, first)


def every_key(lake: Lake, cutoff: date) -> pa.Table:
    """Keys of all series of the cutoff, in the order of its shards, as the lake is now."""
    sold = lake.read_table(monthly_path(cutoff), columns=list(SERIES_KEY))
    stores = sold.group_by(["merchant_id", "store_id"]).aggregate([])
    begun = dict.fromkeys(
        zip(*(stores.column(n).to_pylist() for n in range(2)), strict=True), cutoff
    )
    listed = pa.Table.from_batches(listed_lately(lake, cutoff, begun), LISTED)
    keys = listed.select(list(SERIES_KEY))
    unsold = keys.join(sold, keys=list(SERIES_KEY), join_type="left anti")
    return pa.concat_tables([sold.cast(unsold.schema), unsold]).sort_by(
        [("merchant_id", "ascending"), ("product_id", "ascending"), ("store_id", "ascending")]
    )


def _listed(products: pa.Table, cutoff: date, first: date) -> pa.RecordBatch:
    """The active listings of the last year, each from its month of listing or `first` on."""
    earliest = months_between(date(cutoff.year - 1, cutoff.month, 1), cutoff)[-_YEAR]
    listed_on = pc.field("listed_on")
    lately = (listed_on >= pa.scalar(earliest)) & (listed_on <= pa.scalar(month_days(cutoff)[1]))
    rows = products.filter((pc.field("status") == "active") & lately)
    months: Any = pc.floor_temporal(rows.column("listed_on"), unit="month").cast(pa.date32())
    since: Any = pc.max_element_wise(months, pa.scalar(first, pa.date32()))
    columns = [rows.column(name).combine_chunks() for name in (*SERIES_KEY, "currency")]
    return pa.RecordBatch.from_arrays([*columns, since.combine_chunks()], schema=LISTED)


def _first_pulled(lake: Lake, store: Store) -> date | None:
    day = first_day(lake, store)
    return day.replace(day=1) if day else None
