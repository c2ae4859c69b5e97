"""The analysts' report of many series: at most 60 seconds and 1 GB for 100,000.

`python tests/bench/bench_report.py` makes a lake of 10,000 generated series (100,000 with
`--scale`), predicts and scores a month by seasonal naive, and measures the report alone, in a
process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from etl.lake import Lake
from etl.settings import Settings
from etl.tables import MONTHLY_SALES, SHARDS
from forecasting.backtest import score_month
from forecasting.forecaster import add_months
from forecasting.predict import close_run, predict_shard

ROOT = Path(__file__).resolve().parents[2]
CUTOFF, MONTH = date(2026, 9, 1), date(2026, 10, 1)
MONTHS, PER_SHARD = 36, 1000
MOST_SECONDS, MOST_MEGABYTES = 60, 1000


def main() -> None:
    """Make the lake, write the report, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", action="store_true", help="100,000 series")
    count = 100_000 if parser.parse_args().scale else 10_000
    lake = Lake(ROOT / ".bench" / "report" / str(count))
    if not lake.exists(f"scores/month={MONTH:%Y-%m}/summary.json"):
        generate(lake, count)
    seconds, megabytes = measure(lake)
    size = len(lake.read_bytes(f"reports/month={MONTH:%Y-%m}/report.html"))
    print("| series | wall s | at most | peak MB | at most | page kB |")
    print("|---:|---:|---:|---:|---:|---:|")
    print(
        f"| {count:,} | {seconds:.1f} | {MOST_SECONDS} | {megabytes:.0f} | {MOST_MEGABYTES} "
        f"| {size / 1000:.0f} |"
    )


def generate(lake: Lake, count: int) -> None:
    """Shards, a closed run, and the month after it, sold and scored."""
    rng = np.random.default_rng(count)
    entries, sales = [], []
    for number, first in enumerate(range(0, count, PER_SHARD)):
        level = rng.lognormal(2, 1, (PER_SHARD, 1))
        season = 1 + 0.4 * np.sin(np.arange(MONTHS + 1) * np.pi / 6)
        units = rng.poisson(level * season)
        keys = keys_of(range(first, first + PER_SHARD))
        path = f"shards/cutoff_month={CUTOFF:%Y-%m}/shard={number:04}.parquet"
        lake.write_table(path, shard_of(keys, units[:, :MONTHS]), SHARDS)
        entries.append({"shard": number, "path": path, "series": PER_SHARD, "hash": "-"})
        sales.append(keys.assign(units_sold=units[:, MONTHS]))
    manifest = {"cutoff_month": f"{CUTOFF:%Y-%m}", "shards": entries, "series": count}
    lake.write_json(f"shards/cutoff_month={CUTOFF:%Y-%m}/manifest.json", manifest)
    settings = Settings(engine="seasonal_naive", jobs=1)
    for entry in entries:
        predict_shard(lake, f"{CUTOFF:%Y-%m}.1", entry["shard"], settings)
    close_run(lake, f"{CUTOFF:%Y-%m}.1", settings)
    lake.write_table(
        f"monthly_sales/month={MONTH:%Y-%m}/part.parquet", sold_of(pd.concat(sales)), MONTHLY_SALES
    )
    score_month(lake, MONTH)


def keys_of(numbers: range) -> pd.DataFrame:
    """Merchant, store, product and category of each series."""
    return pd.DataFrame(
        {
            "merchant_id": [f"M{i // 5000:03}" for i in numbers],
            "store_id": [f"S{i // 500:04}" for i in numbers],
            "product_id": [f"P{i:06}" for i in numbers],
            "category": [f"category {i % 12}" for i in numbers],
        }
    )


def shard_of(keys: pd.DataFrame, units: np.ndarray) -> pa.Table:
    """SHARDS of those histories."""
    table = keys.assign(
        country="AR",
        currency="ARS",
        cutoff_month=CUTOFF,
        first_month=add_months(CUTOFF, 1 - MONTHS),
        last_sale_month=CUTOFF,
        units_sold=list(units),
        revenue=list(units * 2.0),
        days_out_of_stock=[[None] * MONTHS] * len(keys),
        share_zeros=(units == 0).mean(axis=1),
        mean_net_price=2.0,
        active=True,
    )
    return pa.Table.from_pandas(table[SHARDS.names], SHARDS.schema, preserve_index=False)


def sold_of(sales: pd.DataFrame) -> pa.Table:
    """MONTHLY_SALES of the month."""
    table = sales.assign(
        month=MONTH, units_remainder=0, revenue=None, currency="ARS", days_out_of_stock=None
    )
    arrow = pa.Table.from_pandas(table.drop(columns="revenue"), preserve_index=False)
    money = pa.array([0] * len(sales), pa.int64()).cast(pa.decimal128(21, 2))
    return arrow.append_column("revenue", money.cast(pa.decimal128(18, 2)))


def measure(lake: Lake) -> tuple[float, float]:
    """Wall seconds and peak resident megabytes of `python -m forecasting report`."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "forecasting", "report", "--month", f"{MONTH:%Y-%m}"],
        cwd=ROOT,
        env={**os.environ, "STORECAST_LAKE_URL": lake.url},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the report ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - start, usage.ru_maxrss / 1000


if __name__ == "__main__":
    main()
