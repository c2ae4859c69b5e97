"""Intervals of totals, from how products' misses go together, as the run's own table has them."""

from __future__ import annotations

from typing import Any

from api.vintage import BOUNDS, Run
from etl.lake import Lake

__all__ = ["Key", "joint_bounds"]

Key = tuple[str, str, str]

_INTERVALS = BOUNDS[1:]
_DECIMALS = 3


def joint_bounds(lake: Lake, run: Run) -> dict[Key, dict[str, Any]]:
    """For each (merchant, store, category), '' standing for all: the bounds by month, and of all
    months together as `horizon_interval`. Empty where the run was closed without such a table."""
    path = f"predictions/run_id={run.run_id}/totals.parquet"
    if not lake.exists(path):
        return {}
    rows = lake.read_table(path).sort_by("horizon").to_pylist()
    found: dict[Key, dict[str, Any]] = {}
    for row in rows:
        key = (row["merchant_id"], row["store_id"], row["category"])
        bounds = found.setdefault(key, {"interval": None, **{name: [] for name in _INTERVALS}})
        values = {name: round(row[name], _DECIMALS) for name in _INTERVALS}
        if row["horizon"] == 0:
            bounds["horizon_interval"] = values
        else:
            for name, value in values.items():
                bounds[name].append(value)
    return found
