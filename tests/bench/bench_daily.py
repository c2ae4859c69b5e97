"""The daily engine beside Prophet, AutoETS and the last week, from twenty weekly origins.

`PYTHONPATH=. python tests/bench/bench_daily.py [--scale | --cached] [SET …]` prints Markdown tables
for retail and sample: WAPE and MASE of days, WAPE of whole weeks, bias, and how much the intervals
held of the days on sale; and once more with every forecast a tenth lower, since where a day sells
one unit whoever forecasts too little is rewarded. Without `--scale` every twentieth series at every
fourth origin; with `--cached` all that the peers' answers under `.bench/daily/` are there for, our
own single models left out. Then what a forecast from a stored model costs, what training costs, and
what a store of 500 products costs to build and to refresh when a day was added. Seconds are CPU
seconds of one process, unless they are called wall.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import pyarrow as pa
from daily_days import STORE, pull_day
from daily_peers import PEERS, peer_forecast
from daily_sets import HORIZON, RETAIL_FILE, daily_set, origins
from daily_truth import true_demand
from threadpoolctl import threadpool_limits

from etl.daily import ON_SALE, DailyManifest, build_daily
from etl.lake import Lake
from etl.settings import Settings
from etl.tables import DAILY_SERIES
from forecasting.daily import forecast_daily
from forecasting.daily.engines import open_daily_engine
from forecasting.daily.series import WEEK, DailySeries, data_hash
from forecasting.daily.store import DailyModel, DailyModels
from forecasting.daily.weekday_naive import naive_forecast
from forecasting.forecaster import LEVELS, Forecast, Vector

QUICK_SERIES, QUICK_ORIGINS = 20, 4
LOWERED = 0.9
STORE_SERIES = 500
ENGINES = ("daily", "prophet", "ets", "theta")
NOW = datetime(2026, 11, 6, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Case:
    """A series as it was known at an origin, and the week after it: units, and whether on sale."""

    known: DailySeries
    sold: Vector
    on_sale: np.ndarray


def main(names: Sequence[str], scale: bool, cached: bool) -> None:
    if not RETAIL_FILE.exists():
        names = [name for name in names if name != "retail"]
        print("Online Retail II is not at hand: retail is left out")
    for name in names:
        cases = _cases(name, 1 if scale or cached else QUICK_SERIES, scale or cached)
        if cached:
            cases = [one for one in cases if _all_cached(one)]
        _compare(name, cases, ("daily",) if cached else ENGINES)
    _print_costs(daily_set(names[-1]) if names else [])


def _cases(name: str, step: int, every_origin: bool) -> list[Case]:
    cases = []
    for series in daily_set(name)[::step]:
        for known in origins(series)[:: 1 if every_origin else QUICK_ORIGINS]:
            ahead = slice(known.days, known.days + HORIZON)
            if known.days > 2 * WEEK and _scale(known) > 0:
                cases.append(Case(known, series.units[ahead], series.state[ahead] == ON_SALE))
    return cases


def _all_cached(case: Case) -> bool:
    return all(peer_forecast(peer, case.known, compute=False) for peer in PEERS)


def _compare(name: str, cases: Sequence[Case], engines: Sequence[str]) -> None:
    series = len({case.known.key for case in cases})
    print(f"\n### {name}: {series} series, {len(cases)} origins of a series\n")
    print("| forecaster | WAPE | MASE | WAPE of the week | bias | 80 % held | 95 % held |")
    print("|---|---|---|---|---|---|---|")
    rows = {}
    for engine in engines:
        with Pool(2) as pool:
            told = pool.starmap(_ours, [(engine, case.known) for case in cases], chunksize=16)
        rows[f"**{engine}**" if engine == "daily" else f"our {engine} alone"] = told
    rows |= {peer: [_peer(peer, case) for case in cases] for peer in PEERS}
    rows["seasonal naive"] = [naive_forecast(case.known, HORIZON) for case in cases]
    if name == "sample":
        rows["the true mean demand"] = [_truth(case) for case in cases]
    for forecaster, told in rows.items():
        _print_row(forecaster, cases, told)
    for forecaster, told in rows.items():
        lower = [replace(one, units=LOWERED * one.units) for one in told]
        _print_row(f"{forecaster}, times {LOWERED}", cases, lower)


def _ours(engine: str, known: DailySeries) -> Forecast:
    return open_daily_engine(engine).forecast_warm([known], HORIZON, [None])[0][0]


def _peer(peer: str, case: Case) -> Forecast:
    found = peer_forecast(peer, case.known)
    assert found is not None
    return found


def _truth(case: Case) -> Forecast:
    """The demand that orders were drawn around, without intervals."""
    units = true_demand(case.known)
    ends = np.full((len(LEVELS), HORIZON), np.nan)
    return Forecast(units, ends, ends, "truth")


def _scale(known: DailySeries) -> float:
    """Mean absolute difference from week to week, in sample."""
    return float(np.abs(known.units[WEEK:] - known.units[:-WEEK]).mean())


def _print_row(name: str, cases: Sequence[Case], told: Sequence[Forecast]) -> None:
    sold = np.array([case.sold for case in cases])
    on_sale = np.array([case.on_sale for case in cases])
    units = np.array([one.units for one in told])
    scales = np.array([_scale(case.known) for case in cases])
    errors = np.abs(sold - units)
    weeks = np.abs(sold.sum(axis=1) - units.sum(axis=1)).sum() / sold.sum()
    held = []
    for level in (80, 95):
        row = LEVELS.index(level)
        lower = np.array([one.lower[row] for one in told])
        upper = np.array([one.upper[row] for one in told])
        within = 100 * ((sold >= lower) & (sold <= upper))[on_sale].mean()
        held.append("–" if np.isnan(lower).all() else f"{within:.1f}")
    print(
        f"| {name} | {errors.sum() / sold.sum():.4f} | {(errors.mean(axis=1) / scales).mean():.4f} "
        f"| {weeks:.4f} | {units.sum() / sold.sum() - 1:+.3f} | {held[0]} | {held[1]} |",
        flush=True,
    )


def _print_costs(everything: Sequence[DailySeries]) -> None:
    engine = open_daily_engine("daily")
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        lake = Lake(folder)
        models, fitting, size = DailyModels(lake), [], []
        engine.forecast_warm(everything[:1], HORIZON, [None])
        for series in everything[:100]:
            start = time.process_time()
            _, fit = engine.forecast_warm([series], HORIZON, [None])[0]
            fitting.append(time.process_time() - start)
            size.append(len(fit or ""))
            models.save(series, DailyModel(fit or "{}", data_hash(series), "c", NOW))
        stored = [
            _milliseconds(lambda one=series: _from_store(models, engine, one))
            for series in everything[:100] * 3
        ]
        middle, worst = np.quantile(stored, [0.5, 0.99])
        print(
            f"\ntraining {1000 * np.mean(fitting):.0f} ms CPU a series (p95 "
            f"{1000 * np.quantile(fitting, 0.95):.0f}); model {np.mean(size):.0f} bytes; from a "
            f"stored model p50 {middle:.1f}, p99 {worst:.1f} ms wall",
            flush=True,
        )
        _print_store(lake, everything)
    _print_build()


def _from_store(models: DailyModels, engine: object, series: DailySeries) -> None:
    model = models.load_one(series)
    assert model is not None
    assert model.fits(series, "c")
    engine.forecast_warm([series], HORIZON, [model.model])


def _milliseconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)


def _print_build() -> None:
    """Three years of a store's days to daily series: all, a day more, and nothing new."""
    last = date(2026, 11, 4)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        for back in range(3 * 365, 0, -1):
            pull_day(lake, last - timedelta(days=back), STORE_SERIES)
        for state in ("built", "with a day more", "with nothing new"):
            if state == "with a day more":
                pull_day(lake, last, STORE_SERIES)
            start, wall = time.process_time(), time.perf_counter()
            manifest = build_daily(lake, STORE, Settings())
            print(
                f"daily series of {manifest.series} products, three years, {state}: "
                f"{time.process_time() - start:.2f} s CPU, {time.perf_counter() - wall:.2f} s wall"
            )


def _print_store(lake: Lake, everything: Sequence[DailySeries]) -> None:
    """A whole store of 500 products on all cores: trained, from stored models, and one product."""
    rows = [_row(everything[n % len(everything)], f"P{n:03}") for n in range(STORE_SERIES)]
    path = "daily/merchant_id=M/store_id=S/series-bench.parquet"
    lake.write_table(path, pa.Table.from_pylist(rows, DAILY_SERIES.schema), DAILY_SERIES)
    manifest = DailyManifest("M", "S", date(2026, 11, 4), "bench", len(rows), path)
    for state in ("trained", "from stored models"):
        start, first, count = time.perf_counter(), 0.0, 0
        for batch in forecast_daily(lake, manifest, Settings(), trained_at=NOW):
            first = first or time.perf_counter() - start
            count += len(batch)
        print(
            f"{count} products {state}: {time.perf_counter() - start:.1f} s wall, first after "
            f"{first:.1f} s",
            flush=True,
        )
    for path in map(Path, lake.paths("models")):
        lake.delete(str(path))
    one = _milliseconds(lambda: list(forecast_daily(lake, manifest, Settings(), ["P007"])))
    print(f"one product trained: {one / 1000:.2f} s wall")


def _row(series: DailySeries, product: str) -> dict[str, object]:
    return {
        "merchant_id": "M",
        "store_id": "S",
        "product_id": product,
        "category": "",
        "country": series.country,
        "first_date": series.first_date,
        "units": series.units,
        "state": series.state,
        "units_remainder": 0.0,
        "promotions": None,
    }


if __name__ == "__main__":
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")]
    main(wanted or ["retail", "sample"], "--scale" in sys.argv, "--cached" in sys.argv)
