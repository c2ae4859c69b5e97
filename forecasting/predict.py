"""The forecasting jobs of a monthly run: its name, each of its shards, its closing manifest.

A run is a *vintage*: once its manifest is written its files never change. Until then a shard may
be made again, and replaces its own file by the same bytes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from etl.errors import IncompleteError, LakeError
from etl.lake import Lake
from etl.settings import Settings
from forecasting.closing import close_run
from forecasting.fleet import Done, Fleet, Work
from forecasting.forecaster import (
    Forecaster,
    Series,
    SurveyingForecaster,
    WarmForecaster,
    add_months,
)
from forecasting.model_store import ModelStore, StoredModel
from forecasting.plan import Plan, plan_of
from forecasting.predictions import cutoff_of
from forecasting.progress import shown
from forecasting.run_files import (
    describe_shard,
    manifest_path,
    next_run_id,
    run_manifest,
    write_shard,
)
from forecasting.series import (
    every_series,
    merchants_of,
    read_shard,
    series_of,
    shard_manifest,
)
from forecasting.shard_notes import each_alone as predict_each_alone
from forecasting.shard_notes import note_made
from forecasting.survey_files import read_survey, write_survey

__all__ = [
    "close_run",
    "next_run_id",
    "predict_shard",
    "predict_shards",
    "run_manifest",
    "survey_run",
]


def survey_run(
    lake: Lake, run_id: str, settings: Settings, shard_numbers: Sequence[int] = ()
) -> Forecaster:
    """The run's engine, with what its survey of all series told, where it makes one.

    Of what is one merchant's it knows that of the merchants in those shards. The survey is made
    once and kept with the run. A shard makes it where it is missing; call this before the shards
    are spread, so that not each of them does.
    """
    plan = plan_of(lake, run_id, settings)
    engine = plan.open()
    if not isinstance(engine, SurveyingForecaster):
        return engine
    made_by = "-".join(_made_by(plan, engine, settings))
    path = f"predictions/run_id={run_id}/survey-{made_by}.json"
    if not lake.exists(path):
        write_survey(lake, path, engine.survey(every_series(lake, cutoff_of(run_id))))
    merchants = merchants_of(lake, cutoff_of(run_id), shard_numbers)
    return engine.informed(read_survey(lake, path, merchants))


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
    *,
    each_alone: bool = False,
) -> list[dict[str, Any]]:
    """Forecast several shards one after the other, as `predict_shard` does, by the same workers.

    With `each_alone` a shard that fails does not stop the others, and what was made before from
    the same is left; the first error is raised after all were tried.
    """
    if lake.exists(manifest_path(run_id)):
        return [_closed_shard(lake, run_id, number) for number in shard_numbers]
    engine = survey_run(lake, run_id, settings, shard_numbers)
    plan = plan_of(lake, run_id, settings)
    store = ModelStore(lake, engine.name, plan.configuration_hash(settings.horizon))
    made_from = _made_from(lake, run_id, " ".join(_made_by(plan, engine, settings)))
    with Fleet(engine, settings.horizon, settings.jobs) as fleet:

        def predict(number: int) -> dict[str, Any]:
            began = time.monotonic()
            told = _predict_shard(lake, run_id, number, fleet, engine, store, trained_at)
            note_made(lake, run_id, told, made_from[number], time.monotonic() - began)
            return told

        if each_alone:
            return predict_each_alone(lake, run_id, shard_numbers, made_from, predict)
        return [predict(number) for number in shard_numbers]


def _made_from(lake: Lake, run_id: str, made_by: str) -> dict[int, str]:
    """What decides the numbers of each shard: its content, and what it is made by."""
    entries = shard_manifest(lake, cutoff_of(run_id))["shards"]
    return {entry["shard"]: f"{entry['hash']} {made_by}" for entry in entries}


def _made_by(plan: Plan, engine: Forecaster, settings: Settings) -> list[str]:
    """Engine and configuration, and the version where it is known."""
    found = [engine.name, plan.configuration_hash(settings.horizon), plan.version]
    return [one for one in found if one]


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
    write_shard(lake, run_id, shard, done)
    _keep_models(store, cutoff, shard, done, trained_at)
    return describe_shard(lake, run_id, shard)


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
