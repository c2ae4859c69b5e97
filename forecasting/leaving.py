"""A merchant leaves the forecasts: runs, models, scores and reports without its series.

The one exception to a run's files never changing: a merchant who is forgotten is forgotten in what
was published too. What others were promised stays as it is; the manifests of runs tell the hashes
and counts that the files have now. What was learnt over all merchants together (rankings, how far
forecasts miss) names nobody, and stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from etl.errors import LakeError
from etl.lake import Lake
from etl.leaving import take_out_rows
from forecasting.backtest import summarise_month
from forecasting.flags import RULES
from forecasting.model_store import ModelStore
from forecasting.predictions import predictions_to_csv, read_predictions
from forecasting.run_files import describe_shard, sums_of

__all__ = ["leave_forecasts", "refuse_damaged_runs"]


def refuse_damaged_runs(lake: Lake, merchant_id: str) -> None:
    """Raise `LakeError` where a file to be written again is not that which its run was closed with.

    Afterwards nobody could tell.
    """
    for path in lake.paths("predictions", "manifest.json"):
        for entry in lake.read_json(path)["shards"]:
            rows = read_predictions(lake, entry["path"])
            if merchant_id in rows["merchant_id"].unique().to_pylist():
                found = describe_shard(lake, _run_of(path), entry["shard"])["sha256"]
                if found != entry["sha256"]:
                    raise LakeError(
                        f"{entry['path']} is not the file that its run was closed with; restore "
                        f"it, or remove the run's folder, before the merchant is taken out"
                    )


def leave_forecasts(lake: Lake, merchant_id: str) -> None:
    """Take the merchant out of every run, model and score."""
    for path in lake.paths("predictions", ".csv"):
        _take_out_of_csv(lake, path, merchant_id)
    for path in lake.paths("predictions", ".parquet"):
        take_out_rows(lake, path, merchant_id)
    for path in lake.paths("predictions", "manifest.json"):
        _narrow_run(lake, path)
    for path in lake.paths("models", ".parquet"):
        take_out_rows(lake, path, merchant_id)
    for path in lake.paths("models", "manifest.json"):
        if path.startswith("models/engine="):
            _narrow_models(lake, path)
    _narrow_scores(lake, merchant_id)


def _take_out_of_csv(lake: Lake, path: str, merchant_id: str) -> None:
    rows = read_predictions(lake, path)
    kept = rows.filter(pc.not_equal(rows["merchant_id"], pa.scalar(merchant_id)))
    if not kept.num_rows and rows.num_rows:
        lake.delete(path)
    elif kept.num_rows < rows.num_rows:
        lake.write_bytes(path, predictions_to_csv(kept))


def _narrow_run(lake: Lake, path: str) -> None:
    """The run's manifest, as its files are now; a file that is gone had only the merchant's."""
    manifest, run_id = lake.read_json(path), _run_of(path)
    if "removed_at" in manifest:
        return
    shards = [
        {**entry, **describe_shard(lake, run_id, entry["shard"])}
        for entry in manifest["shards"]
        if lake.exists(entry["path"])
    ]
    changed = {**manifest, "shards": shards, **sums_of(shards)}
    changed["failed"] = list(_failed(manifest.get("failed", []), shards))
    missing = f"{path.removesuffix('manifest.json')}missing.parquet"
    if lake.exists(missing):
        changed["missing_series"] = lake.read_table(missing, ["merchant_id"]).num_rows
    changed["flags"] = _flags(lake, f"{path.removesuffix('manifest.json')}flags.parquet")
    changed = {name: value for name, value in changed.items() if name in manifest}
    if changed != manifest:
        lake.write_json(path, changed)


def _failed(
    failed: Sequence[dict[str, Any]], shards: Sequence[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Failed shards that the rule answered, with the series they have now; others as they were."""
    series = {shard["shard"]: shard["series"] for shard in shards}
    for entry in failed:
        if entry["served"] != "rule":
            yield entry
        elif entry["shard"] in series:
            yield {**entry, "series": series[entry["shard"]]}


def _flags(lake: Lake, path: str) -> dict[str, int]:
    codes = lake.read_table(path, ["code"])["code"].to_pylist() if lake.exists(path) else []
    return {code: codes.count(code) for code in RULES}


def _narrow_models(lake: Lake, path: str) -> None:
    """Which keys are in which of the shards of models, as they are now."""
    folders = path.split("/")
    engine, configuration, cutoff = (name.partition("=")[2] for name in folders[1:4])
    shards = []
    for file in lake.paths(path.removesuffix("/manifest.json"), ".parquet"):
        if lake.read_table(file, ["merchant_id"]).num_rows:
            shards.append(int(file.partition("shard=")[2].removesuffix(".parquet")))
        else:
            lake.delete(file)
    ModelStore(lake, engine, configuration).close(date.fromisoformat(f"{cutoff}-01"), shards)


def _narrow_scores(lake: Lake, merchant_id: str) -> None:
    """Scores without the merchant, and their summaries made from what is left."""
    for path in lake.paths("scores", "part.parquet"):
        take_out_rows(lake, path, merchant_id)
        summary = f"{path.removesuffix('part.parquet')}summary.json"
        if lake.exists(summary):
            month = date.fromisoformat(f"{path.split('month=')[1][:7]}-01")
            summarise_month(lake, month, lake.read_json(summary)["runs"])


def _run_of(path: str) -> str:
    return path.split("/")[1].removeprefix("run_id=")
