"""Closing a run: every series has its answer, or the manifest says which have none, and why.

The manifest is written last. From then on the run is a *vintage*, and its files never change.
"""

from __future__ import annotations

from typing import Any

from etl.errors import IncompleteError, LakeError
from etl.lake import Lake
from etl.settings import Settings
from forecasting.failed_shards import answered_by_rule, refuse_too_many, write_missing
from forecasting.flags import write_flags
from forecasting.forecaster import Forecaster, WarmForecaster
from forecasting.model_store import ModelStore
from forecasting.plan import Plan, plan_of
from forecasting.predictions import cutoff_of
from forecasting.run_corrections import write_corrections
from forecasting.run_files import (
    describe_shard,
    manifest_path,
    next_run_id,
    run_manifest,
    shard_path,
    sums_of,
    write_shard,
)
from forecasting.run_totals import write_totals
from forecasting.series import shard_manifest
from forecasting.shard_notes import failure_of, write_cost
from forecasting.whole_run import refuse_other_series

__all__ = ["close_run"]


def close_run(
    lake: Lake, run_id: str, settings: Settings, *, without_failed: bool = False
) -> dict[str, Any]:
    """Check that every series of every shard has its forecast once, and write the run's manifest.

    With `without_failed`, shards that could not be made are left to the simple rule, or out, where
    they are few (`STORECAST_FAILED_SHARDS_LIMIT`); the manifest names them. Raises
    `IncompleteError` where shards are missing or hold other series than they should, and
    `LakeError` where a run that was closed before would change.
    """
    cutoff = cutoff_of(run_id)
    shards = shard_manifest(lake, cutoff)["shards"]
    plan = plan_of(lake, run_id, settings)
    engine = plan.open()
    failed = _go_on(lake, run_id, shards, engine, settings) if without_failed else []
    if lake.exists(manifest_path(run_id)):
        failed = run_manifest(lake, run_id).get("failed", [])
    missing = [entry["shard"] for entry in failed if entry["served"] == "nothing"]
    made = [entry for entry in shards if entry["shard"] not in missing]
    _refuse_missing(lake, run_id, [entry["shard"] for entry in made])
    told = [describe_shard(lake, run_id, entry["shard"]) for entry in made]
    for expected, found in zip(made, told, strict=True):
        _refuse_partial(expected, found, settings.horizon)
    manifest = _manifest(run_id, plan, settings.horizon, told) | {"engine": engine.name}
    if lake.exists(manifest_path(run_id)):
        return _unchanged(lake, run_id, manifest)
    refuse_other_series(lake, run_id, made, told, settings.horizon)
    if failed:
        manifest["failed"] = failed
    if missing:
        manifest["missing_series"] = sum(e["series"] for e in shards if e["shard"] in missing)
        manifest["missing"] = write_missing(lake, run_id, shards, missing)
    paths = {entry["shard"]: entry["path"] for entry in told}
    manifest["cost"] = write_cost(lake, run_id, engine.name, list(paths))
    manifest |= {
        "totals": write_totals(lake, run_id, paths),
        "flags": write_flags(lake, run_id, paths),
        "corrections": write_corrections(lake, run_id, paths),
    }
    if isinstance(engine, WarmForecaster):
        store = ModelStore(lake, engine.name, manifest["configuration_hash"])
        store.close(cutoff, list(paths))
    lake.write_json(manifest_path(run_id), manifest)
    return manifest


def _go_on(
    lake: Lake,
    run_id: str,
    shards: list[dict[str, Any]],
    engine: Forecaster,
    settings: Settings,
) -> list[dict[str, Any]]:
    """The shards that failed, answered by the rule where that is possible; none of a closed run."""
    if lake.exists(manifest_path(run_id)):
        return []
    failed = []
    for entry in shards:
        there = lake.exists(shard_path(run_id, entry["shard"]))
        if found := failure_of(lake, run_id, entry["shard"], there):
            failed.append({**found, "series": entry["series"]})
    series = sum(entry["series"] for entry in shards)
    refuse_too_many(run_id, failed, series, len(shards), settings.failed_shards_limit)
    for entry in failed:
        done = answered_by_rule(lake, run_id, entry["shard"], engine.name, settings.horizon)
        entry["served"] = "nothing" if done is None else "rule"
        if done is not None:
            write_shard(lake, run_id, entry["shard"], done)
    return failed


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
    missing = [str(shard) for shard in shards if not lake.exists(shard_path(run_id, shard))]
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
    run_id: str, plan: Plan, horizon: int, shards: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "cutoff_month": f"{cutoff_of(run_id):%Y-%m}",
        **plan.configuration(horizon),
        "configuration_hash": plan.configuration_hash(horizon),
        **({"version": plan.version} if plan.version else {}),
        **sums_of(shards),
        "shards": shards,
    }
