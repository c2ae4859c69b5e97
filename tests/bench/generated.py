"""A lake of generated series, from monthly sales on: what `forecast_sales` needs to run."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd

from etl.lake import Lake
from etl.tables import MONTHLY_SALES, SHARDS
from forecasting.forecaster import add_months

__all__ = ["CUTOFF", "MERCHANTS", "STORES", "generate_shards"]

CUTOFF = date(2026, 10, 1)
MERCHANTS = [f"m{number}" for number in range(7)]
STORES = [f"s{number}" for number in range(3)]
_FIRST = date(2022, 11, 1)
_MONTHS = 48


def generate_shards(lake: Lake, shards: int, series: int, seed: int = 1) -> None:
    """Write `shards` shards of `series` seasonal, noisy series each, and the month to score."""
    rng = np.random.default_rng(seed)
    entries, last = [], []
    for number in range(shards):
        frame = _shard(rng, number, series)
        path = f"shards/cutoff_month={CUTOFF:%Y-%m}/shard={number:04}.parquet"
        lake.write_table(path, frame, SHARDS)
        entries.append({"shard": number, "path": path, "series": series, "hash": str(number)})
        last.append(_month(frame))
    manifest = {"cutoff_month": f"{CUTOFF:%Y-%m}", "series": shards * series, "shards": entries}
    lake.write_json(f"shards/cutoff_month={CUTOFF:%Y-%m}/manifest.json", manifest)
    month = pd.concat(last)
    lake.write_table(f"monthly_sales/month={CUTOFF:%Y-%m}/part.parquet", month, MONTHLY_SALES)


def _shard(rng: np.random.Generator, number: int, series: int) -> pd.DataFrame:
    months = np.arange(_MONTHS)
    level = rng.lognormal(3, 1, (series, 1))
    season = 1 + 0.4 * np.sin(2 * np.pi * (months + rng.integers(0, 12, (series, 1))) / 12)
    trend = 1 + rng.normal(0, 0.006, (series, 1)) * months
    units = rng.poisson(np.clip(level * season * trend, 0, None))
    return pd.DataFrame(
        {
            "merchant_id": MERCHANTS[number % 7],
            "store_id": STORES[number % 3],
            "product_id": [f"p{number:04}-{one:05}" for one in range(series)],
            "category": "generated",
            "country": "AR",
            "currency": "ARS",
            "cutoff_month": CUTOFF,
            "first_month": _FIRST,
            "last_sale_month": [
                add_months(_FIRST, int(np.flatnonzero(row)[-1])) if row.any() else None
                for row in units
            ],
            "units_sold": list(units),
            "revenue": list(units * 10.0),
            "days_out_of_stock": [[0] * _MONTHS] * series,
            "share_zeros": (units == 0).mean(axis=1),
            "mean_net_price": 10.0,
            "active": True,
        }
    )


def _month(shard: pd.DataFrame) -> pd.DataFrame:
    last = [int(units[-1]) for units in shard["units_sold"]]
    return shard[["merchant_id", "store_id", "product_id", "currency"]].assign(
        month=CUTOFF, units_sold=last, units_remainder=0, revenue=Decimal(0), days_out_of_stock=0
    )
