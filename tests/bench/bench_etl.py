"""The monthly ETL beside one bare DuckDB query over the same files, time and memory against lines.

    python tests/bench/bench_etl.py            6 million lines over 12 months
    python tests/bench/bench_etl.py --scale    102 million lines over 48 months, and the great
                                               counts of kills, faults and spoiled documents

Ours builds `sales` and `monthly_sales` month by month, with manifests and contracts; the bare query
takes the latest state of each line, nets it, and groups by month, with the same two threads and no
limit of memory. Each runs in a process of its own. A plot goes to `.bench/etl.png`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import matplotlib as mpl

from etl.lake import Lake
from etl.ledger import DayManifest, day_window, days_between, month_days, months_between, write_day
from etl.monthly import build_changed_months, build_month
from etl.registry import Store
from etl.settings import Settings

mpl.use("agg")
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
    with duckdb.connect(config={"threads": 2, "temp_directory": f"{folder}/spill"}) as connection:
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


def measure(job: str, folder: Path, last: date) -> dict[str, float]:
    """Run `job` in a process of its own: seconds, CPU seconds, and peak memory in MB."""
    command = [sys.executable, __file__, "--job", job, str(folder), last.isoformat()]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run_job(job: str, folder: str, last: str) -> None:
    """Do `job` here and print what it took, without the imports."""
    start = time.perf_counter()
    found = {"ours": ours, "bare": bare, "one_month": one_month}[job](folder, last)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    found |= {
        "seconds": time.perf_counter() - start,
        "cpu": usage.ru_utime + usage.ru_stime,
        "megabytes": _peak_megabytes(),
    }
    print(json.dumps(found))


def _peak_megabytes() -> float:
    """Of this process alone: ru_maxrss is inherited from the process that started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def against_lines(
    folder: Path, months: int, lines: int, repeated: int = 0
) -> list[dict[str, float]]:
    """Both over growing numbers of months."""
    all_months = _months(months)
    fill(Lake(folder), all_months, lines, repeated)
    rows = []
    for share in (4, 2, 1):
        last = all_months[months // share - 1]
        count = months // share * lines
        took = {job: measure(job, folder, last) for job in ("bare", "ours")}
        if took["bare"]["units"] != took["ours"]["units"]:
            raise SystemExit(f"the two disagree: {took}")
        rows.append({"lines": count, **_flat(took)})
        print(
            f"{count / 1e6:8.1f} M lines   ours {took['ours']['seconds']:7.1f} s "
            f"{took['ours']['megabytes']:6.0f} MB   bare {took['bare']['seconds']:7.1f} s "
            f"{took['bare']['megabytes']:6.0f} MB   ratio "
            f"{took['ours']['seconds'] / took['bare']['seconds']:.2f}"
            f" (CPU {took['ours']['cpu']:.0f} and {took['bare']['cpu']:.0f} s)",
            flush=True,
        )
    return rows


def _flat(took: dict[str, dict[str, float]]) -> dict[str, float]:
    return {f"{job}_{name}": value for job, all_ in took.items() for name, value in all_.items()}


def against_history(folder: Path) -> None:
    """Rebuilding the last of 12 and of 120 months of the same size."""
    for months in (12, 120):
        lake = folder / str(months)
        span = _months(months)
        fill(Lake(lake), span, 20_000)
        build_changed_months(Lake(lake), stores(), span[-1], Settings())
        best = min(measure("one_month", lake, span[-1])["seconds"] for _ in range(5))
        print(f"one month again, {months:3} months of history: {best:.2f} s", flush=True)


def _months(count: int) -> list[date]:
    return months_between(FIRST, date(FIRST.year + (count - 1) // 12, (count - 1) % 12 + 1, 1))


def plot(rows: list[dict[str, float]], target: Path) -> None:
    """Seconds and peak memory of both against lines."""
    target.parent.mkdir(exist_ok=True)
    figure, (seconds, memory) = plt.subplots(1, 2, figsize=(10, 4))
    lines = [row["lines"] / 1e6 for row in rows]
    for axis, what, unit in ((seconds, "seconds", "s"), (memory, "megabytes", "MB")):
        for job in ("ours", "bare"):
            axis.plot(lines, [row[f"{job}_{what}"] for row in rows], "o-", label=job)
        axis.set(xlabel="million order lines", ylabel=unit, ylim=(0, None))
        axis.legend()
    memory.axhline(512, linestyle=":", color="grey")
    figure.tight_layout()
    figure.savefig(target, dpi=110)


def main() -> None:
    """Measure, print and plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", action="store_true", help="102 million lines, all counts")
    parser.add_argument("--job", nargs=3, metavar=("JOB", "LAKE", "MONTH"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.job:
        run_job(*chosen.job)
        return
    with tempfile.TemporaryDirectory(prefix="storecast-bench-") as folder:
        months, lines = (48, 2_125_000) if chosen.scale else (12, 500_000)
        rows = against_lines(Path(folder) / "lines", months, lines)
        print("the same with 1 % of the lines there twice, which ingest does not leave:")
        against_lines(Path(folder) / "repeated", 4, lines, repeated=1)
        against_history(Path(folder))
    plot(rows, ROOT / ".bench" / "etl.png")
    if chosen.scale:
        tests = ["tests/etl/test_kill.py", "tests/etl/retail"]
        environment = os.environ | {"STORECAST_TEST_SCALE": "10"}
        command = [sys.executable, "-m", "pytest", "-q", "-o", "timeout=7200", *tests]
        subprocess.run(command, check=True, env=environment, cwd=ROOT)


if __name__ == "__main__":
    main()
