"""What the forecasts keep no longer: models that no run starts from, files of old runs.

A run's manifest stays, so that its name is never given again; it says that the files are gone.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from etl.daily import read_manifest
from etl.errors import SettingError
from etl.lake import Lake
from etl.retention import months_ago
from etl.settings import Settings
from forecasting.daily.store import model_path
from forecasting.predictions import cutoff_of
from forecasting.run_files import manifest_path, run_manifest

__all__ = ["expired_daily_models", "expired_models", "expired_runs", "remove_run"]


def expired_models(lake: Lake, at: date, settings: Settings) -> list[str]:
    """Folders of monthly models older than they are kept."""
    oldest = f"cutoff_month={months_ago(at, settings.keep_models_months):%Y-%m}"
    found = {path.rpartition("/")[0] for path in lake.paths("models") if "cutoff_month=" in path}
    return sorted(folder for folder in found if folder.rpartition("/")[2] < oldest)


def expired_daily_models(lake: Lake, at: date, settings: Settings) -> list[str]:
    """Files of daily models that nothing is served from again.

    A model is replaced when its product is trained anew. It expires where the product has left its
    store's series, and with the store where nobody has asked for its days for as long as monthly
    models are kept.
    """
    oldest = months_ago(at, settings.keep_models_months)
    expired = []
    for merchant in lake.folders("models/daily"):
        for store in lake.folders(f"models/daily/{merchant}"):
            place = merchant.removeprefix("merchant_id="), store.removeprefix("store_id=")
            expired += sorted(
                {*lake.paths(f"models/daily/{merchant}/{store}")} - _of_series(lake, *place, oldest)
            )
    return expired


def _of_series(lake: Lake, merchant_id: str, store_id: str, oldest: date) -> set[str]:
    """Where the models of the store's series are; of none where those end before `oldest`."""
    manifest = read_manifest(lake, merchant_id, store_id)
    if manifest is None or manifest.data_until < oldest:
        return set()
    products = lake.read_table(manifest.path, ["product_id"]).column("product_id")
    return {model_path(merchant_id, store_id, str(product)) for product in products.to_pylist()}


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
