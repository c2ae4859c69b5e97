"""One machine, more and more series: does time grow in line with them, and memory not at all?

`python tests/bench/bench_fleet.py` runs `python -m forecasting predict` over 1,000 to 10,000
generated series; with `--scale`, 10,000 to 100,000, and the section `fleet` of docs/benchmarks.md
with its plot is written. Memory is that of all its processes together, looked at five times a
second (proportional set size, so that shared pages count once).
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from forecasting.forecaster import add_months

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".bench" / "fleet"
MONTHS = 48
QUICK, SCALE = (1_000, 2_500, 5_000, 10_000), (10_000, 25_000, 50_000, 100_000)
SECONDS_BETWEEN_LOOKS = 0.2
SERIES_AT_ONCE = 5_000


@dataclass(frozen=True)
class Run:
    """What forecasting so many series took."""

    series: int
    seconds: float
    cpu_seconds: float
    megabytes: float


def main() -> None:
    """Measure every size, print the table, and write it at full scale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", action="store_true", help="10,000 to 100,000 series")
    parser.add_argument("--engine", default="arima")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    runs = [
        measure(size, options.engine, options.jobs) for size in (SCALE if options.scale else QUICK)
    ]
    table = written(runs, options.engine, options.jobs)
    print(table)
    if options.scale:
        plot(runs, ROOT / "docs" / "fleet.svg")
        put_section(ROOT / "docs" / "benchmarks.md", table)


def measure(series: int, engine: str, jobs: int) -> Run:
    """Time and memory of one prediction, in a process of its own."""
    history = generate(series)
    command = [sys.executable, "-m", "forecasting", "predict", "--engine", engine]
    files = ["--history", str(history), "--out", str(FOLDER / "forecasts.parquet")]
    start, peak = time.perf_counter(), 0.0
    before = os.times()
    process = subprocess.Popen(
        [*command, *files, "--jobs", str(jobs)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    while process.poll() is None:
        peak = max(peak, _megabytes(process.pid))
        time.sleep(SECONDS_BETWEEN_LOOKS)
    seconds, after = time.perf_counter() - start, os.times()
    if process.returncode:
        raise SystemExit(f"the prediction of {series} series ended with {process.returncode}")
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    rows = pq.read_metadata(FOLDER / "forecasts.parquet").num_rows
    if rows != series * 12:
        raise SystemExit(f"{series} series gave {rows} rows")
    return Run(series, seconds, cpu, peak)


def generate(series: int) -> Path:
    """A history of `series` products that a shop might have: level, trend, season, noise."""
    path = FOLDER / f"history-{series}.parquet"
    if path.exists():
        return path
    rng = np.random.default_rng(series)
    months = pa.array([add_months(date(2022, 1, 1), i) for i in range(MONTHS)], pa.date32())
    writer = None
    for first in range(0, series, SERIES_AT_ONCE):
        count = min(SERIES_AT_ONCE, series - first)
        ids = np.repeat(np.arange(first, first + count), MONTHS)
        table = pa.table(
            {
                "merchant_id": [f"M{i // 2000}" for i in ids],
                "store_id": [f"S{i // 200}" for i in ids],
                "product_id": [f"P{i:06}" for i in ids],
                "month": pa.chunked_array([months] * count),
                "units_sold": _units(rng, count).ravel(),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()
    return path


def _units(rng: np.random.Generator, count: int) -> np.ndarray:
    time_ahead = np.arange(MONTHS)
    level = rng.lognormal(2.5, 1.2, (count, 1))
    trend = 1 + rng.normal(0, 0.01, (count, 1)) * time_ahead
    season = 1 + rng.uniform(0, 0.6, (count, 1)) * np.sin(
        (time_ahead + rng.integers(0, 12, (count, 1))) * np.pi / 6
    )
    return rng.poisson(np.maximum(level * trend * season, 0)).astype(float)


def _megabytes(pid: int) -> float:
    """Memory of the process and its children, shared pages counted once."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.Error:
        return 0.0
    return total / 1e6


def written(runs: list[Run], engine: str, jobs: int) -> str:
    """The measurements as a Markdown table."""
    lines = [
        f"Engine `{engine}`, {jobs} processes, {MONTHS} months a series, on {platform.machine()} "
        f"with {os.cpu_count()} cores (load {os.getloadavg()[1]:.1f}).",
        "",
        "| series | wall s | CPU s | CPU ms per series | peak MB, all processes |",
        "|---:|---:|---:|---:|---:|",
        *(
            f"| {r.series:,} | {r.seconds:.0f} | {r.cpu_seconds:.0f} | "
            f"{1000 * r.cpu_seconds / r.series:.1f} | {r.megabytes:.0f} |"
            for r in runs
        ),
    ]
    return "\n".join(lines)


def plot(runs: list[Run], path: Path) -> None:
    """CPU time and memory against the number of series."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(8, 3), layout="constrained")
    series = [run.series for run in runs]
    for axes, values, label in (
        (left, [run.cpu_seconds for run in runs], "CPU seconds"),
        (right, [run.megabytes for run in runs], "peak memory, MB"),
    ):
        axes.plot(series, values, marker="o")
        axes.set(xlabel="series", ylabel=label, xlim=(0, None), ylim=(0, None))
    figure.savefig(path, metadata={"Date": None})


def put_section(page: Path, table: str) -> None:
    """Put the table in place of the section `fleet` of the page, or at its end."""
    section = (
        "<!-- fleet -->\n## More series on one machine\n"
        "`python -m forecasting predict`, from reading the history to the written forecasts.\n\n"
        f"{table}\n\n![CPU time and memory against the number of series](fleet.svg)\n"
        "<!-- /fleet -->"
    )
    text = page.read_text() if page.exists() else "# Benchmarks\n"
    kept = re.sub(r"\n*<!-- fleet -->.*?<!-- /fleet -->", "", text, flags=re.DOTALL)
    page.write_text(f"{kept.rstrip()}\n\n{section}\n")


if __name__ == "__main__":
    main()
