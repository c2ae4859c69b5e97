"""How many series a shard holds, so that a task works long enough to be worth its start.

A mapped task costs Airflow about a second; a series costs a millisecond under one engine and
seconds under another. What a run of the engine has cost is in `costs/`, written when it was closed:
the size makes a task take about a minute and a half by that, or less where there would be too few
tasks to share, but never so little that its start weighs.

>>> size_for(27_000, seconds_per_series=0.1)
900
>>> size_for(600, seconds_per_series=0.1)  # few series: more tasks, each of 20 s at least
200
>>> size_for(27_000, seconds_per_series=0.01)
3300
"""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from etl.lake import Lake
from etl.monthly import monthly_manifest

__all__ = ["shard_size", "size_for"]

_TASK_SECONDS = 90.0
_SHORTEST_TASK_SECONDS = 20.0
_TASKS_TO_SHARE = 8
_FEWEST, _MOST = 20, 5000
_UNMEASURED_SECONDS = 0.1
_FEWEST_MEASURED = 50


def shard_size(lake: Lake, cutoff: date, engine: str) -> int:
    """The size for the shards of `cutoff`; a cutoff keeps the size that it was cut with first."""
    path = f"shards/cutoff_month={cutoff:%Y-%m}/manifest.json"
    kept = lake.read_json(path).get("shard_series") if lake.exists(path) else None
    if kept:
        return int(kept)
    month = monthly_manifest(lake, cutoff) or {}
    return size_for(int(month.get("rows", 0)), _seconds_per_series(lake, cutoff, engine))


def size_for(series: int, seconds_per_series: float) -> int:
    """The size at which that many series of that cost make tasks of a good length."""
    longest = _TASK_SECONDS / seconds_per_series
    shortest = _SHORTEST_TASK_SECONDS / seconds_per_series
    size = max(min(longest, series / _TASKS_TO_SHARE), shortest)
    return _rounded(min(max(size, _FEWEST), _MOST))


def _seconds_per_series(lake: Lake, cutoff: date, engine: str) -> float:
    """Of the newest run of the engine from an earlier cutoff; assumed where there is none."""
    folder = f"costs/engine={engine}"
    earlier = [path for path in lake.paths(folder, ".json") if _run_of(path) < (f"{cutoff:%Y-%m}",)]
    for path in sorted(earlier, key=_run_of, reverse=True):
        cost: dict[str, Any] = lake.read_json(path)
        if cost["series"] >= _FEWEST_MEASURED and cost["seconds"] > 0:
            return float(cost["seconds"] / cost["series"])
    return _UNMEASURED_SECONDS


def _run_of(path: str) -> tuple[str, int]:
    """Cutoff and revision of the run whose cost stands at `path`.

    >>> _run_of("costs/engine=arima/run_id=2026-10.12.json")
    ('2026-10', 12)
    """
    cutoff, _, revision = path.rpartition("run_id=")[2].removesuffix(".json").partition(".")
    return cutoff, int(revision)


def _rounded(size: float) -> int:
    """Two digits of it, so that a measurement's noise does not cut every month anew.

    >>> _rounded(1234.5), _rounded(87.3)
    (1200, 87)
    """
    step = 10 ** max(0, math.floor(math.log10(size)) - 1)
    return int(size // step * step)
