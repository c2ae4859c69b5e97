"""The forecasting jobs of a monthly run: its name, each of its shards, its closing manifest.

A run is a *vintage*: once its manifest is written its files never change. Until then a shard may
be made again, and replaces its own file by the same bytes.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from etl.errors import IncompleteError, LakeError
from etl.lake import Lake
from etl.settings import Settings
from forecasting.engines import configuration, configuration_hash
from forecasting.flags import write_flags
from forecasting.fleet import Done, Fleet, Work
from forecasting.forecaster import (
    Forecaster,
    Series,
    SurveyingForecaster,
    WarmForecaster,
    add_months,
)
from forecasting.model_store import ModelStore, StoredModel
from forecasting.predictions import (
    cutoff_of,
    forecast_rows,
    predictions_to_csv,
    read_predictions,
)
from forecasting.progress import shown
from forecasting.rollout import planned_engine
from forecasting.run_totals import write_totals
from forecasting.series import every_series, read_shard, series_of, shard_manifest

__all__ = [
    "close_run",
    "next_run_id",
    "predict_shard",
    "predict_shards",
    "run_manifest",
    "survey_run",
]


def next_run_id(lake: Lake, cutoff_month: date) -> str:
    """The name of the next run of that cutoff: its first revision that is not closed yet."""
    revision = 1
    while lake.exists(_manifest_path(f"{cutoff_month:%Y-%m}.{revision}")):
        revision += 1
    return f"{cutoff_month:%Y-%m}.{revision}"


def run_manifest(lake: Lake, run_id: str) -> dict[str, Any]:
    """The manifest of a closed run. Raises `IncompleteError` where it is not closed."""
    if not lake.exists(_manifest_path(run_id)):
        raise IncompleteError(
            f"run {run_id} is not closed; predict its shards, then close it with "
            f"python -m forecasting close --run {run_id}"
        )
    manifest: dict[str, Any] = lake.read_json(_manifest_path(run_id))
    return manifest


def survey_run(lake: Lake, run_id: str, settings: Settings) -> Forecaster:
    """The run's engine, with its survey of all series where it makes one.

    The survey is made once and kept with the run. A shard makes it where it is missing; call this
    before the shards are spread, so that not each of them does.
    """
    engine = planned_engine(lake, run_id, settings)
    if not isinstance(engine, SurveyingForecaster):
        return engine
    path = f"predictions/run_id={run_id}/survey-{engine.name}-{configuration_hash(settings)}.json"
    if not lake.exists(path):
        lake.write_json(path, engine.survey(every_series(lake, cutoff_of(run_id))))
    return engine.informed(lake.read_json(path))


def predict_shard(
    lake: Lake,
    run_id: str,
    shard_number: int,
    settings: Settings,
    trained_at: datetime | None = None,
) -> dict[str, Any]:
    """Forecast one shard, write its PREDICTIONS, and say what was written.

    Models that the engine fits are kept for the next month, with `trained_at` where it is given.
    A shard of a closed run is left as it is.
    """
    return predict_shards(lake, run_id, [shard_number], settings, trained_at)[0]


def predict_shards(
    lake: Lake,
    run_id: str,
    shard_numbers: Sequence[int],
    settings: Settings,
    trained_at: datetime | None = None,
) -> list[dict[str, Any]]:
    """Forecast several shards one after the other, as `predict_shard` does, by the same workers."""
    if lake.exists(_manifest_path(run_id)):
        return [_closed_shard(lake, run_id, number) for number in shard_numbers]
    engine = survey_run(lake, run_id, settings)
    store = ModelStore(lake, engine.name, configuration_hash(settings))
    with Fleet(engine, settings.horizon, settings.jobs) as fleet:
        return [
            _predict_shard(lake, run_id, number, fleet, engine, store, trained_at)
            for number in shard_numbers
        ]


def close_run(lake: Lake, run_id: str, settings: Settings) -> dict[str, Any]:
    """Check that every series of every shard has its forecast, and write the run's manifest.

    Raises `IncompleteError` where shards are missing or have too few series, and `LakeError`
    where a run that was closed before would change.
    """
    cutoff = cutoff_of(run_id)
    shards = shard_manifest(lake, cutoff)["shards"]
    _refuse_missing(lake, run_id, [entry["shard"] for entry in shards])
    told = [_describe(lake, run_id, entry["shard"]) for entry in shards]
    for expected, found in zip(shards, told, strict=True):
        _refuse_partial(expected, found, settings.horizon)
    engine = planned_engine(lake, run_id, settings)
    manifest = _manifest(run_id, cutoff, settings, told) | {"engine": engine.name}
    if lake.exists(_manifest_path(run_id)):
        return _unchanged(lake, run_id, manifest)
    paths = [entry["path"] for entry in told]
    manifest |= {
        "totals": write_totals(lake, run_id, paths),
        "flags": write_flags(lake, run_id, paths),
    }
    if isinstance(engine, WarmForecaster):
        store = ModelStore(lake, engine.name, configuration_hash(settings))
        store.close(cutoff, [entry["shard"] for entry in shards])
    lake.write_json(_manifest_path(run_id), manifest)
    return manifest


def _manifest_path(run_id: str) -> str:
    return f"predictions/run_id={run_id}/manifest.json"


def _shard_path(run_id: str, shard: int) -> str:
    return f"predictions/run_id={run_id}/shard={shard:04}.csv"


def _closed_shard(lake: Lake, run_id: str, shard: int) -> dict[str, Any]:
    """What the manifest says of a shard. Raises `LakeError` where its file is another by now."""
    for entry in run_manifest(lake, run_id)["shards"]:
        if entry["shard"] == shard:
            if hashlib.sha256(lake.read_bytes(entry["path"])).hexdigest() != entry["sha256"]:
                raise LakeError(
                    f"{entry['path']} is not the file that run {run_id} was closed with; "
                    "restore it, or start a new run"
                )
            found: dict[str, Any] = entry
            return found
    raise IncompleteError(f"run {run_id} is closed and has no shard {shard}")


def _predict_shard(
    lake: Lake,
    run_id: str,
    shard: int,
    fleet: Fleet,
    engine: Forecaster,
    store: ModelStore,
    trained_at: datetime | None,
) -> dict[str, Any]:
    cutoff = cutoff_of(run_id)
    series = list(series_of(read_shard(lake, cutoff, shard)))
    works = _works(store, engine, cutoff, series)
    done = list(shown(fleet.forecast(works), f"run {run_id}, shard {shard}", len(works)))
    rows = _of_run(forecast_rows(done), run_id)
    lake.write_bytes(_shard_path(run_id, shard), predictions_to_csv(rows))
    _keep_models(store, cutoff, shard, done, trained_at)
    return _describe(lake, run_id, shard)


def _works(store: ModelStore, engine: Forecaster, cutoff: date, series: list[Series]) -> list[Work]:
    if not isinstance(engine, WarmForecaster):
        return [Work(one) for one in series]
    models = store.load(add_months(cutoff, -1), [one.key for one in series])
    return [Work(one, models.get(one.key)) for one in series]


def _keep_models(
    store: ModelStore, cutoff: date, shard: int, done: list[Done], trained_at: datetime | None
) -> None:
    models = [StoredModel(d.series, d.model) for d in done if d.model is not None]
    if models:
        store.save(cutoff, shard, models, trained_at)


def _of_run(rows: pa.Table, run_id: str) -> pa.Table:
    return rows.add_column(0, "run_id", pa.array([run_id] * rows.num_rows, pa.string()))


def _describe(lake: Lake, run_id: str, shard: int) -> dict[str, Any]:
    """Counts, total and hash of the file of one shard."""
    path = _shard_path(run_id, shard)
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
    return dict(sorted(Counter(names).items()))


def _unchanged(lake: Lake, run_id: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest that the run was closed with. Raises `LakeError` where it would change."""
    closed = run_manifest(lake, run_id)
    if any(closed.get(name) != value for name, value in manifest.items()):
        raise LakeError(
            f"run {run_id} is closed and would change; its files stay as they are: start "
            f"{next_run_id(lake, cutoff_of(run_id))} instead"
        )
    return closed


def _refuse_missing(lake: Lake, run_id: str, shards: list[int]) -> None:
    missing = [str(shard) for shard in shards if not lake.exists(_shard_path(run_id, shard))]
    if missing:
        raise IncompleteError(
            f"run {run_id} lacks the shards {', '.join(missing)} of {len(shards)}; "
            "predict them, then close it again"
        )


def _refuse_partial(expected: dict[str, Any], found: dict[str, Any], horizon: int) -> None:
    if (found["series"], found["rows"]) != (expected["series"], expected["series"] * horizon):
        raise IncompleteError(
            f"{found['path']} has {found['rows']} rows of {found['series']} series where "
            f"{expected['series']} series of {horizon} months were asked for; predict shard "
            f"{found['shard']} again"
        )


def _manifest(
    run_id: str, cutoff: date, settings: Settings, shards: list[dict[str, Any]]
) -> dict[str, Any]:
    models: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for shard in shards:
        models.update(shard["models"])
        reasons.update(shard["reasons"])
    return {
        "run_id": run_id,
        "cutoff_month": f"{cutoff:%Y-%m}",
        **configuration(settings),
        "configuration_hash": configuration_hash(settings),
        "series": sum(shard["series"] for shard in shards),
        "rows": sum(shard["rows"] for shard in shards),
        "units_forecast": math.fsum(shard["units_forecast"] for shard in shards),
        "models": _counted(models.elements()),
        "reasons": _counted(reasons.elements()),
        "shards": shards,
    }
