"""What the forecasts keep no longer: models that no run starts from, files of old runs.

A run's manifest stays, so that its name is never given again; it says that the files are gone.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from etl.errors import SettingError
from etl.lake import Lake
from etl.retention import months_ago
from etl.settings import Settings
from forecasting.predictions import cutoff_of
from forecasting.run_files import manifest_path, run_manifest

__all__ = ["expired_models", "expired_runs", "remove_run"]


def expired_models(lake: Lake, at: date, settings: Settings) -> list[str]:
    """Folders of monthly models older than they are kept; daily ones are replaced, never old."""
    oldest = f"cutoff_month={months_ago(at, settings.keep_models_months):%Y-%m}"
    found = {path.rpartition("/")[0] for path in lake.paths("models") if "cutoff_month=" in path}
    return sorted(folder for folder in found if folder.rpartition("/")[2] < oldest)


def expired_runs(lake: Lake, at: date, settings: Settings, published: Collection[str]) -> list[str]:
    """Runs older than they are kept, whose files are there and which the store does not hold.

    Raises `SettingError` where runs would go before their last month is scored.
    """
    if settings.keep_runs_months <= settings.horizon:
        raise SettingError(
            f"STORECAST_KEEP_RUNS_MONTHS must be above the horizon, {settings.horizon}: every "
            f"month of a run is scored; found {settings.keep_runs_months}"
        )
    oldest = months_ago(at, settings.keep_runs_months)
    names = [name.removeprefix("run_id=") for name in lake.folders("predictions")]
    return [
        run_id
        for run_id in names
        if cutoff_of(run_id) < oldest and run_id not in published and not _gone(lake, run_id)
    ]


def remove_run(lake: Lake, run_id: str, at: date) -> None:
    """Remove a run's files, and say in its manifest when; a run never closed goes whole."""
    folder = f"predictions/run_id={run_id}"
    if not lake.exists(manifest_path(run_id)):
        lake.delete_folder(folder)
        return
    manifest = run_manifest(lake, run_id)
    told = {**manifest, "shards": [], "removed_at": at.isoformat()}
    lake.write_json(manifest_path(run_id), told)
    for path in lake.paths(folder):
        if path != manifest_path(run_id):
            lake.delete(path)


def _gone(lake: Lake, run_id: str) -> bool:
    path = manifest_path(run_id)
    return len(lake.paths(f"predictions/run_id={run_id}")) == 1 and lake.exists(path)
