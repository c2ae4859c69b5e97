"""Daily series that the daily benchmark looks ahead in: Online Retail II, and the sample.

Each set is its 200 best-selling store-products with their whole history; a rolling origin is the
history up to one of the last twenty week ends before it.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from etl.daily import CLOSED, DAYS_KEPT, SHELF_EMPTY
from etl.daily_closed import closed_days
from etl.sample.make import make_sample
from etl.settings import Settings
from forecasting.daily.series import DailySeries, Promotion, promotions_of

__all__ = ["HORIZON", "ORIGINS", "daily_set", "origins"]

RETAIL_FILE = Path(__file__).resolve().parents[3] / "shared/data/online_retail_II.parquet"
"""Online Retail II, which is not part of the project."""

SAMPLE_FOLDER = Path(__file__).resolve().parents[2] / ".bench" / "daily" / "sample"

HORIZON, ORIGINS, SERIES = 7, 20, 200
LAST_WHOLE_DAY = date(2011, 12, 8)
COUNTRIES = {"United Kingdom": "GB", "Denmark": "DK"}


@cache
def daily_set(name: str) -> list[DailySeries]:
    """The set called retail or sample, best sellers first."""
    lines, empty, told, last = _retail() if name == "retail" else _sample()
    everything = _histories(lines, empty, told, last)
    everything.sort(key=lambda series: -series.units.sum())
    return everything[:SERIES]


def origins(series: DailySeries) -> list[DailySeries]:
    """The series as it was known at each origin, a week apart, oldest first."""
    return [series.until(series.days - HORIZON * back) for back in range(ORIGINS, 0, -1)]


def _retail() -> tuple[pd.DataFrame, set, dict, date]:
    names = ["StockCode", "Quantity", "InvoiceDate", "Price", "Country"]
    lines = pd.read_parquet(RETAIL_FILE, columns=names)
    lines = lines[lines["Price"] > 0]
    fees = lines["StockCode"].str.fullmatch(Settings().non_products.strip("^$"))
    lines = lines[~fees.astype(bool)]
    frame = pd.DataFrame(
        {
            "store": lines["Country"],
            "product": lines["StockCode"],
            "date": lines["InvoiceDate"].dt.normalize(),
            "units": lines["Quantity"],
        }
    )
    told = {store: (COUNTRIES.get(store, "GB"), {}) for store in frame["store"].unique()}
    return frame, set(), told, LAST_WHOLE_DAY


def _sample() -> tuple[pd.DataFrame, set, dict, date]:
    if not (SAMPLE_FOLDER / "stock.parquet").exists():
        make_sample(SAMPLE_FOLDER)
    lines = pd.read_parquet(SAMPLE_FOLDER / "order_lines.parquet")
    stores = pd.read_parquet(SAMPLE_FOLDER / "stores.parquet")
    listings = pd.read_parquet(SAMPLE_FOLDER / "listings.parquet")
    empty = pd.read_parquet(SAMPLE_FOLDER / "stockouts.parquet")
    dates = pd.to_datetime(lines["date"])
    frame = pd.DataFrame(
        {
            "store": lines["merchant_id"] + "/" + lines["store_id"],
            "product": lines["product_id"],
            "date": dates,
            "units": lines["units_ordered"] - lines["units_cancelled"],
        }
    )
    told = {}
    for row in stores.itertuples():
        own = listings[
            (listings["merchant_id"] == row.merchant_id) & (listings["store_id"] == row.store_id)
        ]
        promotions = dict(zip(own["product_id"], own["promotions"], strict=True))
        told[f"{row.merchant_id}/{row.store_id}"] = (row.country, promotions)
    days = zip(
        empty["merchant_id"] + "/" + empty["store_id"],
        empty["product_id"],
        pd.to_datetime(empty["date"]),
        strict=True,
    )
    # The last day of the sample is not over.
    return frame, set(days), told, (dates.max() - pd.Timedelta(days=1)).date()


def _histories(lines: pd.DataFrame, empty: set, told: dict, last: date) -> list[DailySeries]:
    found = []
    for store, own in lines.groupby("store"):
        days = pd.date_range(own["date"].min(), last)[-DAYS_KEPT:]
        orders = own.groupby("date").size().reindex(days).fillna(0).to_numpy(float)
        closed = closed_days(orders)
        country, promotions = told[store]
        best = own.groupby("product")["units"].sum().nlargest(SERIES).index
        table = own[own["product"].isin(best)].pivot_table(
            index="product", columns="date", values="units", aggfunc="sum"
        )
        for product, row in table.reindex(index=best, columns=days).fillna(0).iterrows():
            units = row.clip(lower=0).to_numpy(float)
            state = np.where(closed, CLOSED, 0).astype(np.int8)
            state[[(store, product, day) in empty for day in days]] = SHELF_EMPTY
            start = int(np.argmax(units > 0))
            if units.any():
                found.append(
                    DailySeries(
                        name_of(store)[0],
                        name_of(store)[1],
                        product,
                        days[start].date(),
                        units[start:],
                        state[start:],
                        country=country,
                        promotions=_known(promotions.get(product)),
                    )
                )
    return found


def name_of(store: str) -> tuple[str, str]:
    """Merchant and store."""
    merchant, _, name = store.rpartition("/")
    return merchant or "retail", name


def _known(promotions: object) -> tuple[Promotion, ...]:
    return promotions_of(promotions if isinstance(promotions, str) else None)
