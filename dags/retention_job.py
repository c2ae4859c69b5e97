"""The job of the DAG `remove_old`, on plain values and without Airflow."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

from api import retention
from api.store import open_store
from etl.lake import Lake
from etl.settings import Settings

__all__ = ["remove_old"]


def remove_old(instant: datetime, settings: Settings) -> dict[str, int]:
    """Remove what is too old at `instant`; how many folders, files, runs and lines."""
    with closing(open_store(settings.store_url)) as store:
        gone = retention.remove_old(Lake(settings.lake_url), store, settings, instant)
    return {
        "folders": len(gone["folders"]),
        "files": len(gone["files"]),
        "runs": len(gone["runs"]),
        "log_lines": gone["log_lines"],
    }
