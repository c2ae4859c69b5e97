"""Make the sample: invented merchants whose orders a retailer would believe, from a seed."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from etl.errors import InputError
from etl.sample.demand import draw_demand, expected_demand
from etl.sample.listings import draw_listings
from etl.sample.orders import draw_changes, draw_order_lines, with_changes
from etl.sample.places import stores_frame
from etl.sample.prices import Prices, draw_prices
from etl.sample.shelf import Shelf, stock_shelf

__all__ = ["LAST_DAY", "make_sample"]

LAST_DAY = date(2026, 11, 5)
_MONTHS = 48


def make_sample(
    folder: str | Path, seed: int = 7, scale: float = 1.0, months: int = _MONTHS
) -> dict[str, Path]:
    """Write the sample below `folder`; gives the file of each table.

    `months` whole months up to October 2026, and the first days of November. `scale` is the share
    of the 75 listings of each store. The same arguments give the same bytes.
    Tables: `order_lines` (columns of `etl.tables.ORDER_LINES`, and `list_price`), `changes`,
    `listings`, `stores`, `stockouts`, `stock`; `docs/sandbox.md` describes their columns.
    """
    if not 0 < scale <= 1 or months < 18:
        raise InputError(
            f"a sample needs 0 < scale <= 1 and at least 18 months; found {scale} and {months}"
        )
    days = pd.date_range(_first_day(months), LAST_DAY, freq="D")
    # A generator for each step, so that a change in one leaves the others' draws alone.
    steps = [np.random.default_rng([seed, step]) for step in range(7)]
    listings = draw_listings(days, scale, steps[0])
    prices = draw_prices(listings, days, steps[1])
    expected = expected_demand(listings, days, prices, steps[2])
    shelf = stock_shelf(listings, expected, draw_demand(listings, expected, steps[3]), steps[4])
    lines = draw_order_lines(listings, days, shelf, prices, steps[5])
    changes = draw_changes(lines, steps[6])
    tables = {
        "order_lines": with_changes(lines, changes),
        "changes": changes,
        "listings": _listings_told(listings, days, prices),
        "stores": stores_frame(),
        "stockouts": _stockouts(listings, days, shelf),
        "stock": _stock(listings, days, shelf),
    }
    return {name: _write(Path(folder), name, frame) for name, frame in tables.items()}


def _first_day(months: int) -> date:
    first = pd.Period(LAST_DAY, "M") - months
    return first.start_time.date()


def _listings_told(listings: pd.DataFrame, days: pd.DatetimeIndex, prices: Prices) -> pd.DataFrame:
    """What the marketplace may tell of a listing, dates instead of positions."""
    dates = days.date
    retired = pd.Series(dates).reindex(listings["last"]).to_numpy()
    promotions = [
        json.dumps(
            [
                {"start": str(dates[a]), "end": str(dates[b]), "discount": share}
                for a, b, share in found
            ]
        )
        for found in prices.promotions
    ]
    columns = ["merchant_id", "store_id", "product_id", "listing_id", "name", "category_id"]
    return listings[[*columns, "category", "currency"]].assign(
        price=prices.listed[:, -1],
        listed_on=dates[listings["first"].to_numpy()],
        retired_on=retired,
        promotions=promotions,
    )


def _stockouts(listings: pd.DataFrame, days: pd.DatetimeIndex, shelf: Shelf) -> pd.DataFrame:
    listing, day = np.nonzero(shelf.empty)
    columns = ["merchant_id", "store_id", "product_id", "listing_id"]
    rows = listings[columns].iloc[listing].reset_index(drop=True)
    return rows.assign(date=days.date[day])


def _stock(listings: pd.DataFrame, days: pd.DatetimeIndex, shelf: Shelf) -> pd.DataFrame:
    """Units in the evening, a row wherever they are not those of the evening before."""
    before = np.concatenate([np.full((len(listings), 1), -1), shelf.left[:, :-1]], axis=1)
    listing, day = np.nonzero(shelf.left != before)
    rows = listings[["merchant_id", "store_id", "listing_id"]].iloc[listing]
    return rows.reset_index(drop=True).assign(
        date=days.date[day], units_on_hand=shelf.left[listing, day]
    )


def _write(folder: Path, name: str, frame: pd.DataFrame) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.parquet"
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, compression="zstd")
    return path
