"""The monthly ETL beside one bare DuckDB query over the same files, time and memory against lines.

    python tests/bench/bench_etl.py                   6 million lines over 12 months
    python tests/bench/bench_etl.py --scale           102 million lines over 48 months, and the
                                                      great counts of kills, faults and spoiled
                                                      documents; writes docs/benchmarks.md
    python tests/bench/bench_etl.py --part history    one of its parts: lines, history, counts

Ours builds `sales` and `monthly_sales` month by month, with manifests and contracts; the bare query
takes the latest state of each line, nets it, and groups by month, with the same two threads and
8 GB of memory. Each runs in a process of its own, the one right after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import matplotlib as mpl
from page import circumstances, put_section, table_of

from etl.changes import noting_change
from etl.lake import Lake
from etl.ledger import (
    DayManifest,
    day_window,
    days_between,
    month_days,
    months_between,
    read_day,
    write_day,
)
from etl.monthly import build_changed_months, build_month
from etl.registry import Store
from etl.settings import Settings

mpl.use("svg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[2]
STORES, PRODUCTS = 10, 20_000
FIRST = date(2020, 1, 1)

_LINES = """
    COPY (
        SELECT 'M' || (store % 3) AS merchant_id, 'S' || store AS store_id,
               CAST($first + n // 2 AS VARCHAR) AS order_id, CAST(n % 2 AS VARCHAR) AS line_id,
               'SKU-' || product AS product_id, 'MLA' || product AS listing_id,
               'Product ' || product AS product_name, created AS created_at,
               created + to_seconds(CAST(random % 800000 AS INT)) AS updated_at, day AS date,
               'paid' AS status, 1 + random % 5 AS units_ordered,
               CASE WHEN random % 50 = 0 THEN 1 ELSE 0 END AS units_cancelled,
               CAST(1 + (random % 10000) / 100 AS DECIMAL(18, 4)) AS unit_price, 'USD' AS currency,
               day
        FROM (
            SELECT n, hash(copy, $first + n) % 1000000007 AS random, n * $stores // $lines AS store,
                   hash($first + n) % $products AS product,
                   (n * $stores * $days // $lines + copy) % $days AS after,
                   CAST($month AS DATE) + CAST(after AS INT) AS day,
                   CAST(day AS TIMESTAMP) + INTERVAL 12 HOUR AS created
            FROM range($lines) AS all_lines(n), range(2) AS copies(copy)
            WHERE copy = 0 OR n % 100 < $repeated
        )
    ) TO '{folder}' (
        FORMAT parquet, PARTITION_BY (merchant_id, store_id, day), WRITE_PARTITION_COLUMNS true,
        COMPRESSION zstd, OVERWRITE_OR_IGNORE true
    )
"""

_BARE = """
    COPY (
        SELECT merchant_id, store_id, product_id, date_trunc('month', date) AS month,
               CAST(sum(units_ordered - units_cancelled) AS BIGINT) AS units,
               CAST(sum((units_ordered - units_cancelled) * unit_price) AS DECIMAL(18, 2))
                   AS revenue
        FROM (
            FROM read_parquet($files, hive_partitioning = false)
            QUALIFY row_number() OVER (
                PARTITION BY merchant_id, store_id, order_id, line_id ORDER BY updated_at DESC
            ) = 1
        )
        GROUP BY ALL
    ) TO '{target}' (FORMAT parquet)
"""


def stores() -> list[Store]:
    """The stores of the invented orders, all on UTC."""
    return [
        Store(f"M{n % 3}", f"S{n}", "", "", "US", "UTC", "USD", 9, "mercadolibre", str(n))
        for n in range(STORES)
    ]


def fill(lake: Lake, months: list[date], lines: int, repeated: int = 0) -> None:
    """Store-days of `lines` order lines a month, `repeated` per cent of them there twice."""
    folder = Path(lake.url) / "raw" / "source=mercadolibre"
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": 1}) as connection:
        for number, month in enumerate(months):
            days = month_days(month)[1].day
            values = {"first": number * lines, "lines": lines, "month": month, "days": days}
            sizes = {"stores": STORES, "products": PRODUCTS, "repeated": repeated}
            connection.execute(_LINES.format(folder=folder), values | sizes)
            for store in stores():
                for day in days_between(*month_days(month)):
                    write_day(lake, store, _manifest(store, day, lines // STORES // days))


def _manifest(store: Store, day: date, lines: int) -> DayManifest:
    return DayManifest(
        source=store.source,
        merchant_id=store.merchant_id,
        store_id=store.store_id,
        day=day,
        time_zone=store.time_zone,
        window_from=day_window(store, day, day)[0],
        window_to=day_window(store, day, day)[1],
        pulled_at=datetime(2100, 1, 1, tzinfo=UTC),
        orders=lines,
        lines=lines,
        units=lines,
        files={"lines": "data_0.parquet"},
    )


def ours(folder: str, last: str) -> dict[str, float]:
    """Build every month up to `last` and say what was sold in all."""
    lake = Lake(folder)
    for built in ("sales", "monthly_sales"):
        shutil.rmtree(Path(folder) / built, ignore_errors=True)
    build_changed_months(lake, stores(), date.fromisoformat(last), Settings())
    return {"units": _units(f"{folder}/monthly_sales/*/part.parquet", "units_sold")}


def bare(folder: str, last: str) -> dict[str, float]:
    """One query over the same files."""
    months = [f"{month:%Y-%m}" for month in months_between(FIRST, date.fromisoformat(last))]
    files = [
        str(f) for month in months for f in Path(folder).glob(f"raw/*/*/*/day={month}-*/*.parquet")
    ]
    target = f"{folder}/bare.parquet"
    config = {"threads": 2, "memory_limit": "8GB", "temp_directory": f"{folder}/spill"}
    with duckdb.connect(config=config) as connection:
        connection.execute(_BARE.format(target=target), {"files": files})
    return {"units": _units(target, "units")}


def _units(files: str, column: str) -> float:
    with duckdb.connect() as connection:
        total = connection.execute(
            f"SELECT sum({column}) FROM read_parquet(?, hive_partitioning = false)", [files]
        ).fetchone()
    return float(total[0])


def one_month(folder: str, last: str) -> dict[str, float]:
    """Make the last month again."""
    build_month(Lake(folder), date.fromisoformat(last), stores(), Settings())
    return {}


def changed_month(folder: str, last: str) -> dict[str, float]:
    """Find that a store-day of the last month changed, and make that month again."""
    lake, store, month = Lake(folder), stores()[0], date.fromisoformat(last)
    day = read_day(lake, store, month)
    with noting_change(lake, [month]):
        write_day(lake, store, replace(day, stockouts=[f"SKU-{time.time_ns()}"]))
    began = time.perf_counter(), time.process_time()
    if build_changed_months(lake, stores(), month, Settings()) != [month]:
        raise SystemExit("another month than the changed one was made again")
    return {
        "seconds": time.perf_counter() - began[0],
        "cpu": time.process_time() - began[1],
    }


JOBS = {"ours": ours, "bare": bare, "one_month": one_month, "changed_month": changed_month}


def measure(job: str, folder: Path, last: date) -> dict[str, float]:
    """Run `job` in a process of its own: seconds, CPU seconds, and peak memory in MB."""
    command = [sys.executable, __file__, "--job", job, str(folder), last.isoformat()]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run_job(job: str, folder: str, last: str) -> None:
    """Do `job` here and print what it took, its memory with the imports, its time without."""
    began = time.perf_counter(), time.process_time()
    found = JOBS[job](folder, last)
    took = {
        "seconds": time.perf_counter() - began[0],
        "cpu": time.process_time() - began[1],
        "megabytes": _peak_megabytes(),
    }
    print(json.dumps(took | found))


def _peak_megabytes() -> float:
    """Of this process alone: ru_maxrss is inherited from the process that started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def against_lines(
    folder: Path, months: int, lines: int, repeated: int = 0, shares: tuple[int, ...] = (4, 2, 1)
) -> list[dict[str, float]]:
    """Both over growing numbers of months."""
    all_months = _months(months)
    fill(Lake(folder), all_months, lines, repeated)
    rows = []
    for share in shares:
        last = all_months[months // share - 1]
        took = {job: measure(job, folder, last) for job in ("bare", "ours")}
        if took["bare"]["units"] != took["ours"]["units"]:
            raise SystemExit(f"the two disagree: {took}")
        rows.append(_row(months // share * lines, took["ours"], took["bare"]))
        print(rows[-1], flush=True)
    shutil.rmtree(folder)
    return rows


def _row(lines: int, ours: dict[str, float], bare: dict[str, float]) -> dict[str, float]:
    return {
        "million lines": round(lines / 1e6, 1),
        "ours s": round(ours["seconds"], 1),
        "bare s": round(bare["seconds"], 1),
        "ratio": round(ours["seconds"] / bare["seconds"], 2),
        "ours CPU s": round(ours["cpu"], 1),
        "bare CPU s": round(bare["cpu"], 1),
        "ratio of CPU": round(ours["cpu"] / bare["cpu"], 2),
        "ours MB": round(ours["megabytes"]),
        "bare MB": round(bare["megabytes"]),
        "load": round(os.getloadavg()[0], 1),
    }


def measure_lines(folder: Path, scale: bool) -> None:
    """Time and memory against lines; at full scale into the page, with a plot."""
    months, lines = (48, 2_125_000) if scale else (12, 500_000)
    rows = against_lines(folder / "lines", months, lines)
    print("the same with 1 % of the lines there twice, which ingest does not leave:")
    twice = against_lines(folder / "repeated", 4, lines, repeated=1, shares=(1,))
    if not scale:
        return
    plot(rows, ROOT / "docs" / "etl.svg")
    put_section(
        "etl-lines",
        "The monthly ETL beside one bare DuckDB query",
        "`tests/bench/bench_etl.py --scale --part lines`: `sales` and `monthly_sales` of "
        f"{months} months from generated store-days (10 stores, 20,000 products, a file for each "
        "store and day), beside one query over the same files that takes the latest state of each "
        "line, nets it, and groups by month. Both have two threads; the query may take 8 GB and "
        "then spills. Ours also writes every line once, clean. Time is without imports, memory "
        f"with them. The aim is a ratio of 1.5 and 512 MB.\n\n{circumstances()}\n\n"
        f"{table_of(rows)}\n\nWith 1 % of the lines there twice, in files of different days, "
        f"which ingest does not leave:\n\n{table_of(twice)}\n\n"
        "![Time and peak memory of both against order lines](etl.svg)",
    )


def measure_history(folder: Path, scale: bool) -> None:
    """Making the last of 12 and of 120 months of the same size again."""
    rows = []
    for months in (12, 120):
        lake = folder / str(months)
        span = _months(months)
        fill(Lake(lake), span, 20_000)
        build_changed_months(Lake(lake), stores(), span[-1], Settings())
        row: dict[str, float] = {"months of history": months}
        for job, words in (("one_month", "built"), ("changed_month", "found and built")):
            tries = [measure(job, lake, span[-1]) for _ in range(5)]
            row |= {f"{words}, s": round(min(one["seconds"] for one in tries), 2)}
            row |= {f"{words}, CPU s": round(min(one["cpu"] for one in tries), 2)}
        rows.append(row)
        print(row, flush=True)
        shutil.rmtree(lake)
    if scale:
        put_section(
            "etl-history",
            "One month again, after a short and a long history",
            "`tests/bench/bench_etl.py --scale --part history`: the last month of 20,000 lines in "
            "10 stores, made again (`build_month`), and found among all months by one store-day "
            "that changed, and made again (`build_changed_months`, what the DAG calls). The "
            "best of five. A product has a row from its first sale on, so that after 120 months "
            "the month has 200,000 rows, after 12 months 140,000.\n\n"
            f"{circumstances()}\n\n{table_of(rows)}",
        )


def measure_counts(folder: Path, scale: bool) -> None:
    """The tests of kills, faults and spoiled documents, ten times over at full scale."""
    tests = ["tests/etl/test_kill.py", "tests/etl/retail"]
    environment = os.environ | {"STORECAST_TEST_SCALE": "10" if scale else "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-o", "timeout=7200", *tests]
    done = subprocess.run(
        command, check=False, env=environment, cwd=ROOT, capture_output=True, text=True
    )
    print(done.stdout)
    if done.returncode:
        raise SystemExit("a test failed")
    if scale:
        put_section(
            "etl-counts",
            "Kills, faults and spoiled documents",
            "`tests/bench/bench_etl.py --scale --part counts` runs the tests of these at ten times "
            "their everyday size.\n\n"
            f"{circumstances()}\n\n{table_of(COUNTS)}\n\n{done.stdout.splitlines()[-1]}",
        )


COUNTS = [
    {
        "what": "kill -9 at random moments of ingest, months and shards, each time run again",
        "how many": "50",
        "held": "every table equal to the byte to that of an unkilled run",
    },
    {
        "what": "faults of a marketplace over a simulated month: 429, 5xx, resets, time-outs, "
        "bodies cut short, pages repeated, orders moved between pages, skewed clocks",
        "how many": "10,000 or more",
        "held": "nothing lost, nothing twice, to the unit",
    },
    {
        "what": "order documents with one to three things spoiled, through the door",
        "how many": "100,000 of MercadoLibre's shape, 50,000 of Shopify's, 50,000 of Vendure's",
        "held": "each accepted or refused with a reason, none crashed",
    },
]


def _months(count: int) -> list[date]:
    return months_between(FIRST, date(FIRST.year + (count - 1) // 12, (count - 1) % 12 + 1, 1))


def plot(rows: list[dict[str, float]], target: Path) -> None:
    """Seconds and peak memory of both against lines."""
    figure, (seconds, memory) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    lines = [row["million lines"] for row in rows]
    for axis, unit, label in ((seconds, "s", "seconds"), (memory, "MB", "peak memory, MB")):
        for job in ("ours", "bare"):
            axis.plot(lines, [row[f"{job} {unit}"] for row in rows], "o-", label=job)
        axis.set(xlabel="million order lines", ylabel=label, xlim=(0, None), ylim=(0, None))
        axis.legend()
    memory.axhline(512, linestyle=":", color="grey")
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


PARTS = {"lines": measure_lines, "history": measure_history, "counts": measure_counts}


def main() -> None:
    """Measure and print, all parts or one; at full scale write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", action="store_true", help="102 million lines, all counts")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this; may be repeated")
    parser.add_argument("--job", nargs=3, metavar=("JOB", "LAKE", "MONTH"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.job:
        run_job(*chosen.job)
        return
    quick = [part for part in PARTS if part != "counts"]
    for part in chosen.part or (PARTS if chosen.scale else quick):
        with tempfile.TemporaryDirectory(prefix="storecast-bench-") as folder:
            PARTS[part](Path(folder), chosen.scale)


if __name__ == "__main__":
    main()
