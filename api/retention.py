"""What is older than the settings keep it goes: in lake, request log and alerts.

The store keeps `STORECAST_KEEP_RUNS` runs by itself, at every publish.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from api.request_log import log_files, rewrite_log
from api.store.protocol import ForecastStore
from etl.lake import Lake
from etl.retention import expired_folders
from etl.settings import Settings
from forecasting.retention import (
    expired_daily_models,
    expired_models,
    expired_runs,
    remove_run,
)

__all__ = ["remove_old"]

_UNFINISHED = timedelta(days=1)


def remove_old(
    lake: Lake, store: ForecastStore, settings: Settings, at: datetime, dry_run: bool = False
) -> dict[str, Any]:
    """Remove what is too old at `at`; folders, files and runs by name, and lines of the log.

    With `dry_run` it only says so. Run again, there is nothing left to do; others' folders and
    what the store serves stay.
    """
    today = at.date()
    published = {edition.run_id for edition in store.editions()}
    folders = [*expired_folders(lake, today, settings), *expired_models(lake, today, settings)]
    runs = expired_runs(lake, today, settings, published)
    oldest = (at - timedelta(days=settings.keep_log_days)).isoformat()
    lines = list(_old_lines(settings, oldest))
    files = [*expired_daily_models(lake, today, settings), *_old_alerts(lake, oldest)]
    if not dry_run:
        for folder in folders:
            lake.delete_folder(folder)
        for path in files:
            lake.delete(path)
        for run_id in runs:
            remove_run(lake, run_id, today)
        for file, _ in lines:
            rewrite_log(file, lambda line: not _is_old(line, oldest))
        lake.delete_unfinished(at - _UNFINISHED)
    return {
        "at": at.isoformat(timespec="seconds"),
        "folders": folders,
        "files": files,
        "runs": runs,
        "log_lines": sum(count for _, count in lines),
    }


def _old_alerts(lake: Lake, oldest: str) -> list[str]:
    """Alerts that were last found before that; one that cannot be read stays."""
    return [
        path for path in lake.paths("alerts", ".json") if _is_old(lake.read_bytes(path), oldest)
    ]


def _old_lines(settings: Settings, oldest: str) -> Iterator[tuple[Path, int]]:
    for file in log_files(settings.request_log):
        with file.open("rb") as lines:
            count = sum(_is_old(line, oldest) for line in lines)
        if count:
            yield file, count


def _is_old(line: bytes, oldest: str) -> bool:
    with suppress(ValueError, KeyError, TypeError):
        return bool(json.loads(line)["at"] < oldest)
    return False
