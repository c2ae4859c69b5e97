"""The files of a run in the lake: their paths, one shard's predictions, the manifest.

>>> shard_path("2026-10.1", 7)
'predictions/run_id=2026-10.1/shard=0007.csv'
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import count, takewhile
from typing import Any

import pyarrow as pa

from etl.errors import IncompleteError
from etl.lake import Lake
from forecasting.fleet import Done
from forecasting.predictions import forecast_rows, predictions_to_csv, read_predictions

__all__ = [
    "describe_shard",
    "manifest_path",
    "next_run_id",
    "plan_path",
    "run_manifest",
    "runs_of",
    "runs_with",
    "shard_path",
    "sums_of",
    "write_shard",
]


def next_run_id(lake: Lake, cutoff_month: date) -> str:
    """The name of the next run of that cutoff: its first revision that is not closed yet."""
    return f"{cutoff_month:%Y-%m}.{len(runs_of(lake, cutoff_month)) + 1}"


def runs_of(lake: Lake, cutoff_month: date) -> list[str]:
    """The closed runs of that cutoff, the oldest first."""
    names = (f"{cutoff_month:%Y-%m}.{revision}" for revision in count(1))
    return list(takewhile(lambda run_id: lake.exists(manifest_path(run_id)), names))


def runs_with(lake: Lake, name: str) -> list[str]:
    """The runs beside whose predictions there is a file of that name, as `manifest.json`."""
    paths = lake.paths("predictions", f"/{name}")
    return [path.split("/")[1].removeprefix("run_id=") for path in paths]


def run_manifest(lake: Lake, run_id: str) -> dict[str, Any]:
    """The manifest of a closed run. Raises `IncompleteError` where it is not closed."""
    if not lake.exists(manifest_path(run_id)):
        raise IncompleteError(
            f"run {run_id} is not closed; predict its shards, then close it with "
            f"python -m forecasting close --run {run_id}"
        )
    manifest: dict[str, Any] = lake.read_json(manifest_path(run_id))
    return manifest


def manifest_path(run_id: str) -> str:
    """Where the manifest of a run is; its presence closes the run."""
    return f"predictions/run_id={run_id}/manifest.json"


def plan_path(run_id: str) -> str:
    """Where the plan of a run is, beside its predictions."""
    return f"predictions/run_id={run_id}/plan.json"


def shard_path(run_id: str, shard: int) -> str:
    """Where the PREDICTIONS of a shard are."""
    return f"predictions/run_id={run_id}/shard={shard:04}.csv"


def write_shard(lake: Lake, run_id: str, shard: int, done: Sequence[Done]) -> None:
    """Put the forecasts of a shard's series in its file."""
    rows = _of_run(forecast_rows(done), run_id)
    lake.write_bytes(shard_path(run_id, shard), predictions_to_csv(rows))


def _of_run(rows: pa.Table, run_id: str) -> pa.Table:
    return rows.add_column(0, "run_id", pa.array([run_id] * rows.num_rows, pa.string()))


def describe_shard(lake: Lake, run_id: str, shard: int) -> dict[str, Any]:
    """Counts, total and hash of the file of one shard."""
    path = shard_path(run_id, shard)
    rows = read_predictions(lake, path).to_pandas()
    first = rows[rows["horizon"] == 1]
    codes = first["reason"].str.partition(" ")[0]
    return {
        "shard": shard,
        "path": path,
        "series": len(first),
        "rows": len(rows),
        "sha256": hashlib.sha256(lake.read_bytes(path)).hexdigest(),
        "units_forecast": math.fsum(rows["units_forecast"]),
        "models": _counted(first["model"]),
        "reasons": _counted(codes[codes != ""]),
    }


def _counted(names: Iterable[str]) -> dict[str, int]:
    """How often each name comes, by name."""
    return dict(sorted(Counter(names).items()))


def sums_of(shards: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the shards of a run that `describe_shard` told of come to in all."""
    models: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for shard in shards:
        models.update(shard["models"])
        reasons.update(shard["reasons"])
    return {
        "series": sum(shard["series"] for shard in shards),
        "rows": sum(shard["rows"] for shard in shards),
        "units_forecast": math.fsum(shard["units_forecast"] for shard in shards),
        "models": dict(sorted(models.items())),
        "reasons": dict(sorted(reasons.items())),
    }
