"""A whole month of many series through the real DAGs on one machine, stage by stage.

    python tests/bench/bench_month.py                     2,000 series, engine arima
    python tests/bench/bench_month.py --scale             1,000,000 series, engine ensemble: hours
    python tests/bench/bench_month.py --scale --series N --engine arima --months 24

`build_monthly_sales` and `forecast_sales` run in a real Airflow (LocalExecutor, as many workers as
cores) over a folder and the embedded store: months and shards are built, every shard forecast, the
run closed and published. The orders do not come through a marketplace: a million products' orders
of years would take a day to pull by pages of 50. They are generated into the lake's store-days as
a pull leaves them, one line a product and month; the sandbox answers for the stores, with one
product each.

A stage is a task of the DAGs. Its memory is that of all of Airflow's processes together while it
ran, looked at each second (proportional set size, so that shared pages count once); what they take
while nothing runs is told beside it. With `--scale` the section `month` of docs/benchmarks.md is
written anew from every size that was measured; they are kept in `.bench/month`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pandas as pd
import psutil
from page import circumstances, put_section, table_of

from dags.local.client import AirflowClient, DagRun, TaskInstance
from dags.local.months import open_dags
from dags.local.stack import AirflowStack
from dags.local.watch import Watch
from etl.lake import Lake
from etl.ledger import DayManifest, day_window, days_between, month_days, write_day
from etl.registry import Store, add_store
from etl.retail.sandbox import Behaviour, read_history, running, sandbox_app, sandbox_tokens
from etl.retail.source import open_merchant
from etl.settings import Settings
from forecasting.forecaster import add_months

FOLDER = Path(__file__).resolve().parents[2] / ".bench" / "month"
CUTOFF = date(2026, 10, 1)
NOW = datetime(2026, 11, 3, 6, tzinfo=UTC)
MERCHANTS = [f"M{number}" for number in range(5)]
STORES = 20

_LINES = """
    COPY (
        SELECT shops.merchant_id, shops.store_id, 'order-' || $month || '-' || n AS order_id,
               '1' AS line_id, 'SKU-' || n AS product_id, 'MLA' || n AS listing_id,
               'Product ' || n AS product_name, CAST(day AS TIMESTAMP) + INTERVAL 15 HOUR
                   AS created_at, created_at AS updated_at, day AS date, 'paid' AS status,
               units AS units_ordered, 0 AS units_cancelled,
               CAST(10 AS DECIMAL(18, 4)) AS unit_price, 'ARS' AS currency, day
        FROM (
            SELECT n, n * $stores // $series AS place, hash(n, $month) % 1000 / 1000 AS luck,
                   exp(1.5 + hash(n) % 2500 / 1000) AS level, hash(n, 1) % 12 AS phase,
                   CAST($first AS DATE) + CAST(hash(n, $month, 1) % $days AS INT) AS day,
                   1 + 0.4 * sin(pi() * ($month + phase) / 6) AS season,
                   CAST(1 + level * season * (0.6 + 0.8 * luck) AS INT) AS units
            FROM range($series) AS products(n)
        ) AS sold JOIN shops USING (place)
    ) TO '{folder}' (
        FORMAT parquet, PARTITION_BY (merchant_id, store_id, day), WRITE_PARTITION_COLUMNS true,
        COMPRESSION zstd, OVERWRITE_OR_IGNORE true
    )
"""


@dataclass(frozen=True)
class Stage:
    """One task of a DAG, all its mapped ones together: wall seconds, work, and peak memory."""

    name: str
    tasks: int
    seconds: float
    task_seconds: float
    megabytes: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the month once, print its stages, and keep them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", action="store_true", help="a million series; write the section")
    parser.add_argument("--series", type=int)
    parser.add_argument("--months", type=int, default=24, help="length of the histories")
    parser.add_argument("--engine", default="")
    options = parser.parse_args(arguments)
    series = options.series or (1_000_000 if options.scale else 2_000)
    engine = options.engine or ("ensemble" if options.scale else "arima")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=FOLDER) as folder:
        measured = measure(Path(folder), series, options.months, engine)
    print(table_of(rows_of([measured])))
    if options.scale:
        keep(measured)
        put_section("month", "A whole month through the real DAGs on one machine", told())


def measure(folder: Path, series: int, months: int, engine: str) -> dict:
    """Generate the orders, live through the month, and tell every stage."""
    lake = Lake(folder / "lake")
    with marketplace(folder) as settings:
        began = time.perf_counter()
        generate(lake, settings, series, months)
        generated = time.perf_counter() - began
        print(f"{series:,} series of {months} months generated in {generated:.0f} s", flush=True)
        stages, idle = live_through(folder, settings, engine)
    manifest = lake.read_json(f"predictions/run_id={CUTOFF:%Y-%m}.1/manifest.json")
    if manifest["series"] != series:
        sys.exit(f"{series} series were generated and {manifest['series']} forecast")
    return {
        "series": series,
        "months": months,
        "engine": engine,
        "shards": len(manifest["shards"]),
        "circumstances": circumstances(),
        "idle_megabytes": idle,
        "lake_gigabytes": size_of(folder / "lake"),
        "store_gigabytes": sum(path.stat().st_size for path in folder.glob("store.sqlite*")) / 1e9,
        "stages": [vars(stage) for stage in stages],
    }


@contextmanager
def marketplace(folder: Path) -> Iterator[Settings]:
    """A sandbox whose stores have sold one product once; the settings that reach it."""
    rows = [
        (MERCHANTS[n % len(MERCHANTS)], f"S{n:02}", f"first-{n}", "1", "SKU-FIRST", 1)
        for n in range(STORES)
    ]
    columns = ["merchant_id", "store_id", "order_id", "line_id", "product_id", "units_ordered"]
    at = f"{CUTOFF:%Y-%m}-01T15:00:00Z"
    file = folder / "orders.csv"
    further = {"created_at": at, "updated_at": at, "status": "paid", "units_cancelled": 0}
    orders = pd.DataFrame(rows, columns=columns).assign(unit_price=10.0, currency="ARS", **further)
    orders.to_csv(file, index=False)
    quiet = Behaviour(now=NOW.isoformat(), rate=0, fault_share=0.0)
    tokens = json.dumps(sandbox_tokens(MERCHANTS, quiet.seed))
    with running(sandbox_app(read_history(file), quiet)) as url:
        yield Settings(source_url=url, source_tokens=tokens)


def generate(lake: Lake, settings: Settings, series: int, months: int) -> None:
    """Register the stores, and fill the store-days of every month."""
    stores = [
        store
        for merchant in MERCHANTS
        for store in open_merchant(settings, "mercadolibre", merchant).stores()
    ]
    for store in stores:
        add_store(lake, store)
    folder = Path(lake.url) / "raw" / "source=mercadolibre"
    folder.mkdir(parents=True, exist_ok=True)
    shops = pd.DataFrame(
        [(place, store.merchant_id, store.store_id) for place, store in enumerate(stores)],
        columns=["place", "merchant_id", "store_id"],
    )
    with duckdb.connect(config={"threads": 1, "temp_directory": f"{lake.url}/../spill"}) as duck:
        duck.register("shops", shops)
        duck.execute("SET partitioned_write_max_open_files = 1000")  # one file for a store-day
        for number in range(months):
            first, last = month_days(add_months(CUTOFF, number + 1 - months))
            values = {"series": series, "stores": len(stores), "month": number, "first": first}
            duck.execute(_LINES.format(folder=folder), values | {"days": last.day})
            for store in stores:
                for day in days_between(first, last):
                    there = folder / f"merchant_id={store.merchant_id}/store_id={store.store_id}"
                    files = [path.name for path in (there / f"day={day}").glob("*.parquet")]
                    if len(files) > 1:
                        sys.exit(f"{there}/day={day} was written as {len(files)} files")
                    write_day(lake, store, _manifest(store, day, files))


def _manifest(store: Store, day: date, files: list[str]) -> DayManifest:
    return DayManifest(
        source=store.source,
        merchant_id=store.merchant_id,
        store_id=store.store_id,
        day=day,
        time_zone=store.time_zone,
        window_from=day_window(store, day, day)[0],
        window_to=day_window(store, day, day)[1],
        pulled_at=NOW,
        orders=len(files),
        lines=len(files),
        units=len(files),
        files={"lines": files[0]} if files else {},
    )


def live_through(folder: Path, settings: Settings, engine: str) -> tuple[list[Stage], float]:
    """Both DAGs of the month: every stage, and the megabytes that Airflow takes by itself."""
    environment = {
        "STORECAST_LAKE_URL": str(folder / "lake"),
        "STORECAST_STORE_URL": f"sqlite:///{folder}/store.sqlite",
        "STORECAST_SOURCE_URL": settings.source_url,
        "STORECAST_SOURCE_TOKENS": settings.source_tokens,
        "STORECAST_ENGINE": engine,
        "STORECAST_JOBS": "1",
    }
    cores = len(os.sched_getaffinity(0))
    with AirflowStack(folder / "airflow", environment, workers=cores) as stack:
        client = stack.ready()
        watch = Watch(client, out=sys.stderr, patience=12 * 3600, alive=stack.check)
        open_dags(client, watch)
        with Memory() as memory:
            time.sleep(10)
            idle = memory.peak(0, time.time())
            built = client.trigger(
                "build_monthly_sales", {"at": NOW.isoformat()}, partition_key=f"{CUTOFF:%Y-%m}"
            )
            watch.until_done(built, "")
            forecast = watch.until_next("forecast_sales", set())
            watch.until_done(forecast, "")
            stages = [
                stage for run in (built, forecast) for stage in stages_of(client, run, memory)
            ]
    return stages, idle


def stages_of(client: AirflowClient, run: DagRun, memory: Memory) -> list[Stage]:
    """The tasks of a run by name, in the order in which they began."""
    by_name: dict[str, list[TaskInstance]] = {}
    for task in sorted(client.tasks(run), key=lambda task: str(task.began)):
        by_name.setdefault(task.task_id, []).append(task)
    stages = []
    for name, tasks in by_name.items():
        began = min(task.began.timestamp() for task in tasks if task.began)
        ended = max(task.ended.timestamp() for task in tasks if task.ended)
        work = sum(task.seconds or 0.0 for task in tasks)
        stages.append(Stage(name, len(tasks), ended - began, work, memory.peak(began, ended)))
    return stages


class Memory:
    """Megabytes of all processes below this one, looked at each second while the block lasts."""

    def __init__(self) -> None:
        self._looks: list[tuple[float, float]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def peak(self, began: float, ended: float) -> float:
        """The most between two instants, and a look before and after, as short stages need."""
        return max((mb for at, mb in self._looks if began - 1 <= at <= ended + 1), default=0.0)

    def _look(self) -> None:
        while not self._ended.wait(1):
            total = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self._looks.append((time.time(), total / 1e6))


def size_of(folder: Path) -> float:
    """Gigabytes of all files below."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9


def keep(measured: dict) -> None:
    """Put this size and engine in place of what was measured of it before."""
    name = f"{measured['engine']}-{measured['months']}-{measured['series']:09}.json"
    (FOLDER / name).write_text(json.dumps(measured))


def told() -> str:
    """Every size that was measured, as a section of the page."""
    known = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
    lines = [
        "`build_monthly_sales` and `forecast_sales` in a real Airflow on one machine, by "
        "`tests/bench/bench_month.py --scale --series N --engine E`: LocalExecutor over SQLite, a "
        "worker a core, the lake in a folder, the embedded store. The orders were generated into "
        "the lake's store-days, one line a product and month, not pulled. `build_months` builds "
        "every month of the histories, where an ordinary month builds one or two. MB: the most of "
        "all of Airflow's processes together, and what they take when idle.\n",
        table_of(rows_of(known)),
        "",
    ]
    lines += [
        f"- {one['series']:,} series, `{one['engine']}`, {one['months']} months: {one['shards']} "
        f"shards; lake {one['lake_gigabytes']:.2f} GB, store {one['store_gigabytes']:.2f} GB; "
        f"{one['circumstances']}"
        for one in known
    ]
    return "\n".join(lines)


def rows_of(known: list[dict]) -> list[dict]:
    """A row for each stage of each size."""
    return [
        {
            "series": f"{one['series']:,}",
            "engine": one["engine"],
            "stage": stage["name"],
            "tasks": stage["tasks"],
            "wall s": round(stage["seconds"], 1),
            "task s": round(stage["task_seconds"], 1),
            "wall ms a series": round(1000 * stage["seconds"] / one["series"], 3),
            "MB": f"{stage['megabytes']:.0f} ({one['idle_megabytes']:.0f})",
        }
        for one in known
        for stage in one["stages"]
    ]


if __name__ == "__main__":
    main()
