"""A closed run of any size in a lake, generated shard by shard."""

from __future__ import annotations

import hashlib
import io
import math
from datetime import date

import numpy as np
import pyarrow as pa
from pyarrow import csv

from etl.lake import Lake
from etl.registry import Store, add_store
from etl.tables import PREDICTIONS, SHARDS

__all__ = ["write_large_run"]

CUTOFF = date(2026, 10, 1)
MONTHS = [date(2026 + (10 + h) // 12, (10 + h) % 12 + 1, 1) for h in range(12)]
STORES, MERCHANTS = 20, 5


def write_large_run(
    lake: Lake,
    run_id: str,
    series: int,
    per_shard: int = 500,
    model: str = "arima",
    reason: str = "",
) -> None:
    """Shards, predictions and manifest of a run of that many series, 48 months long."""
    generator = np.random.default_rng(0)
    shops = [_shop(number) for number in range(STORES)]
    for shop in shops:
        add_store(lake, shop)
    entries = []
    for number, start in enumerate(range(0, series, per_shard)):
        places = range(start, min(start + per_shard, series))
        of_shop = [shops[place * STORES // series] for place in places]
        keys = {
            "merchant_id": [shop.merchant_id for shop in of_shop],
            "store_id": [shop.store_id for shop in of_shop],
            "product_id": [f"SKU-{place:07d}" for place in places],
        }
        level = generator.gamma(2.0, 20.0, (len(places), 1))
        path = f"shards/cutoff_month={CUTOFF:%Y-%m}/shard={number:04d}.parquet"
        if not lake.exists(path):
            lake.write_table(
                path, _shard(keys, generator.poisson(level, (len(places), 48))), SHARDS
            )
        entries.append(_predict(lake, run_id, number, keys, level, model, reason, generator))
    manifest = {"run_id": run_id, "engine": "generated", "shards": entries}
    lake.write_json(f"predictions/run_id={run_id}/manifest.json", manifest)


def _shop(number: int) -> Store:
    merchant, name = f"M{number % MERCHANTS}", f"S{number:03d}"
    return Store(
        merchant, name, f"Store {number}", "R", "AR", "America/Bogota", "ARS", 9, "x", name
    )


def _shard(keys: dict[str, list[str]], history: np.ndarray) -> pa.Table:
    count = len(history)
    return pa.table(
        {
            **keys,
            "category": [f"category {row % 20}" for row in range(count)],
            "country": ["AR"] * count,
            "currency": ["ARS"] * count,
            "cutoff_month": [CUTOFF] * count,
            "first_month": [date(2022, 11, 1)] * count,
            "last_sale_month": [CUTOFF] * count,
            "units_sold": history.tolist(),
            "revenue": (history * 10.0).tolist(),
            "days_out_of_stock": [[0] * history.shape[1]] * count,
            "share_zeros": [0.0] * count,
            "mean_net_price": [10.0] * count,
            "active": [True] * count,
        }
    )


def _predict(
    lake: Lake,
    run_id: str,
    number: int,
    keys: dict[str, list[str]],
    level: np.ndarray,
    model: str,
    reason: str,
    generator: np.random.Generator,
) -> dict:
    count = len(level)
    units = level * generator.uniform(0.7, 1.3, (count, 12))
    rows = pa.array(np.repeat(np.arange(count), 12))
    columns = {name: pa.array(values).take(rows) for name, values in keys.items()}
    columns |= {
        "run_id": [run_id] * (count * 12),
        "cutoff_month": [CUTOFF] * (count * 12),
        "month": MONTHS * count,
        "horizon": np.tile(np.arange(1, 13), count),
        "units_forecast": units.ravel(),
        "model": [model] * (count * 12),
        "reason": [reason] * (count * 12),
    }
    for bound, share in (("50", 0.2), ("80", 0.4), ("95", 0.6)):
        columns[f"lo{bound}"] = (units * (1 - share)).ravel()
        columns[f"hi{bound}"] = (units * (1 + share)).ravel()
    sink = io.BytesIO()
    csv.write_csv(pa.table(columns).select(PREDICTIONS.names), sink)
    path = f"predictions/run_id={run_id}/shard={number:04d}.csv"
    lake.write_bytes(path, sink.getvalue())
    return {
        "shard": number,
        "path": path,
        "series": count,
        "rows": count * 12,
        "sha256": hashlib.sha256(sink.getvalue()).hexdigest(),
        "units_forecast": math.fsum(units.ravel()),
    }
