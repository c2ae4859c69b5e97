"""Series a second that publishing takes into the embedded store, and its memory.

    python tests/bench/bench_publishing.py            100,000 series
    python tests/bench/bench_publishing.py --scale    1,000,000 series

Beside it, in the same run, raw bulk writes of the very same documents into a store of the same
tables and indexes, in transactions of the same size.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from large_run import write_large_run
from page import circumstances, put_section, table_of

from api.store import open_store
from etl.lake import Lake

ROOT = Path(__file__).resolve().parents[2]
RUN = "2026-10.1"
ROWS = 5000
PER_SHARD = 2000
REASON = "raced weights=theta:0.45,ets:0.30,arima:0.25"
ABOUT = (
    "`python -m api publish` into the embedded store, start of its processes included, beside raw "
    "bulk writes of the very same documents into the same tables and indexes by one process; "
    f"shards of {PER_SHARD} series. `share_of_raw` compares seconds; CPU seconds, which other work "
    "disturbs less, stand beside it. Memory is that of all processes together, without the pages "
    "of files that the kernel keeps and gives back."
)


def publish(lake: Lake, url: str) -> tuple[float, float, float]:
    """Seconds and CPU seconds of `python -m api publish`, and its processes' most memory in MB."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "STORECAST_LAKE_URL": lake.url,
        "STORECAST_STORE_URL": url,
    }
    started, used = time.perf_counter(), cpu_seconds(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        [sys.executable, "-m", "api", "publish", "--run", RUN],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    largest = 0.0
    watching = threading.Event()

    def watch() -> None:
        nonlocal largest
        while not watching.wait(0.2):
            largest = max(largest, _memory_of_family(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert process.wait() == 0
    seconds = time.perf_counter() - started
    watching.set()
    watcher.join()
    return seconds, cpu_seconds(resource.RUSAGE_CHILDREN) - used, largest


def cpu_seconds(whose: int) -> float:
    """CPU seconds so far of this process, or of children that have ended."""
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


def _memory_of_family(pid: int) -> float:
    """MB of a process and its children that no file holds."""
    total = 0
    for task in [pid, *_children(pid)]:
        try:
            told = Path(f"/proc/{task}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found = re.search(r"RssAnon:\s+(\d+) kB", told)
        total += int(found[1]) if found else 0
    return total / 1024


def _children(pid: int) -> list[int]:
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def write_raw(source: Path, folder: Path) -> tuple[float, float]:
    """Seconds and CPU seconds of writing the documents of `source` anew, without reading them."""
    open_store(f"sqlite:///{folder}/raw.sqlite").close()
    reader, writer = sqlite3.connect(source), sqlite3.connect(folder / "raw.sqlite")
    writer.execute("PRAGMA synchronous = NORMAL")
    documents = reader.execute("SELECT * FROM forecasts")
    marks = ", ".join("?" * len(documents.description))
    seconds = used = 0.0
    while rows := documents.fetchmany(ROWS):
        started, before = time.perf_counter(), cpu_seconds(resource.RUSAGE_SELF)
        with writer:
            writer.executemany(f"INSERT INTO forecasts VALUES ({marks})", rows)
        seconds += time.perf_counter() - started
        used += cpu_seconds(resource.RUSAGE_SELF) - before
    reader.close()
    writer.close()
    return seconds, used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--series", type=int)
    options = parser.parse_args()
    series = options.series or (1_000_000 if options.scale else 100_000)
    folder = Path(tempfile.mkdtemp(prefix="storecast-bench-"))
    try:
        lake = Lake(folder / "lake")
        write_large_run(lake, RUN, series, PER_SHARD, reason=REASON)
        measured = circumstances()
        seconds, used, memory = publish(lake, f"sqlite:///{folder}/store.sqlite")
        raw, raw_used = write_raw(folder / "store.sqlite", folder)
        row = {
            "series": series,
            "publish_per_second": round(series / seconds),
            "raw_per_second": round(series / raw),
            "share_of_raw": round(raw / seconds, 3),
            "publish_cpu_s": round(used, 1),
            "raw_cpu_s": round(raw_used, 1),
            "memory_mb": round(memory),
        }
        text = f"{ABOUT}\n\n{measured}\n\n{table_of([row])}"
        print(text)
        if options.scale:
            put_section("publishing", "Publishing beside raw bulk writes", text)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
