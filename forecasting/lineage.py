"""What is behind a forecast: its file and row, the run, the model with its parameters, the history.

Nothing is made here; files are read as they are, and numbers that must agree come as `Check`s.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from etl.errors import IncompleteError, InputError
from etl.lake import Lake
from etl.lineage import Check, sha256_of
from etl.tables import SERIES_KEY
from forecasting.forecaster import Series
from forecasting.model_store import ModelStore, data_hash
from forecasting.predict import run_manifest
from forecasting.predictions import cutoff_of, read_predictions
from forecasting.run_corrections import BULK, CORRECTED, EMPTY, corrections_of
from forecasting.series import read_shard, series_of, shard_manifest

__all__ = ["TracedForecast", "trace_forecast"]

Key = tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class TracedForecast:
    """One series of a run: what the files say of it as JSON, its history, and what must agree.

    `rows` are its PREDICTIONS by month; `months` the hash of each month's partition that the
    shards were made from.
    """

    document: dict[str, Any]
    series: Series
    rows: list[dict[str, Any]]
    months: dict[str, str | None]
    checks: list[Check]


def trace_forecast(lake: Lake, run_id: str, key: Key) -> TracedForecast:
    """Everything in the lake that a forecast of the run was made from.

    Raises `InputError` where the run does not hold the series, `IncompleteError` where the run or
    its shards are no longer there.
    """
    manifest = run_manifest(lake, run_id)
    cutoff = cutoff_of(run_id)
    shards = shard_manifest(lake, cutoff)
    entry, found, first_line = _found(lake, manifest, key)
    shard, series = _history(lake, run_id, shards["shards"], entry["shard"], key)
    model, of_model = _model(lake, manifest, series)
    corrections, of_corrections = _corrections(lake, manifest, series, found[0]["reason"])
    path = f"predictions/run_id={run_id}/manifest.json"
    document = {
        "run": {
            "path": path,
            "sha256": sha256_of(lake, path),
            **{name: value for name, value in manifest.items() if name not in _COUNTS},
        },
        "predictions": {"path": entry["path"], "sha256": entry["sha256"], "lines": first_line},
        "model": model,
        "shard": {
            "path": shard["path"],
            "sha256": shard["hash"],
            "first_month": f"{series.first_month:%Y-%m}",
            "months": series.months,
        },
        "corrections": corrections,
    }
    checks = [
        Check(f"{entry['path']}: run's manifest, file", entry["sha256"], _hash(lake, entry)),
        Check(f"{shard['path']}: its manifest, file", shard["hash"], _hash(lake, shard)),
        *of_model,
        *of_corrections,
    ]
    return TracedForecast(document, series, found, shards.get("months", {}), checks)


_CAUSES = {EMPTY: "shelf empty", BULK: "one-off order"}
_COUNTS = ("shards", "models", "reasons", "rows", "flags", "totals", "series", "units_forecast")


def _hash(lake: Lake, entry: dict[str, Any]) -> str | None:
    return sha256_of(lake, entry["path"])


def _found(
    lake: Lake, manifest: dict[str, Any], key: Key
) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
    """The run's shard that holds the series, its rows there, and the lines of the file they are."""
    for entry in manifest["shards"]:
        rows = read_predictions(lake, entry["path"])
        places = pc.indices_nonzero(_is(rows, key)).to_pylist()
        if places:
            # Line 1 is the header.
            lines = f"{min(places) + 2}-{max(places) + 2}"
            return entry, rows.take(places).to_pylist(), lines
    raise InputError(
        f"run {manifest['run_id']} forecasts no product {key[2]!r} in store {key[1]!r} of merchant "
        f"{key[0]!r}; `python -m etl store list` shows the stores"
    )


def _is(rows: pa.Table, key: Key) -> Any:
    same: Any = pc.equal(rows[SERIES_KEY[0]], pa.scalar(key[0]))
    for name, value in zip(SERIES_KEY[1:], key[1:], strict=True):
        same = pc.and_(same, pc.equal(rows[name], pa.scalar(value)))
    return same


def _history(
    lake: Lake, run_id: str, shards: Sequence[dict[str, Any]], number: int, key: Key
) -> tuple[dict[str, Any], Series]:
    """The series with the manifest's entry of the shard that holds it.

    It is the one of the run's `number`, unless the shards were cut again since the run was made.
    """
    cutoff = cutoff_of(run_id)
    for entry in sorted(shards, key=lambda one: abs(one["shard"] - number)):
        shard = read_shard(lake, cutoff, entry["shard"])
        for series in series_of(shard.filter(_is(shard, key))):
            return entry, series
    raise IncompleteError(
        f"the shards of {cutoff:%Y-%m} no longer hold {'/'.join(key)}, which run {run_id} forecast "
        "from them; forecast that month again, and publish it"
    )


def _model(
    lake: Lake, manifest: dict[str, Any], series: Series
) -> tuple[dict[str, Any] | None, list[Check]]:
    """The fitted model that was kept of the series, and whether it saw this very history."""
    store = ModelStore(lake, manifest["engine"], manifest["configuration_hash"])
    kept = store.find(series.cutoff_month, series.key)
    if kept is None:
        return None, []
    document = {
        "path": kept["path"],
        "model": json.loads(kept["model"]),
        "data_hash": kept["data_hash"],
        "trained_at": kept["trained_at"].isoformat() if kept["trained_at"] else None,
    }
    about = "history that the model was fitted to: its hash, that of the shard's units"
    return document, [Check(about, kept["data_hash"], data_hash(series))]


def _corrections(
    lake: Lake, manifest: dict[str, Any], series: Series, reason: str
) -> tuple[list[dict[str, Any]], list[Check]]:
    """The months that its models learnt from otherwise than as sold, oldest first, as kept.

    What the run keeps must be what its reason tells of and what follows from the history.
    """
    path = manifest.get("corrections")
    if path is None:
        return [], []
    rows = lake.read_table(path)
    kept = rows.filter(_is(rows, series.key)).sort_by("month").to_pylist()
    told = [
        _correction(row["month"], row["units_sold"], row["units_corrected"], row["cause"])
        for row in kept
    ]
    due = corrections_of(series) if CORRECTED in reason else ()
    found = [_correction(*one) for one in due]
    return told, [Check(f"corrected months: {path}, the shard's history", told, found)]


def _correction(month: date, sold: float, used: float, cause: str) -> dict[str, Any]:
    return {
        "month": f"{month:%Y-%m}",
        "why": _CAUSES[cause],
        "units_sold": sold,
        "units_used": round(used, 3),
    }
