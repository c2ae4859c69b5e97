"""A merchant is forgotten: in the store and in the lake, in what was published too, with proof.

The order is that of harm: first nobody can read it any more, then nothing brings it back, then
files go, then it is looked for everywhere. Killed at any point, the same command goes on. The
receipt says what was done, and names nobody.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

from api.audit import COMMAND_LINE, note_change
from api.month_report import write_month_report
from api.request_log import log_files, rewrite_log
from api.run_figures import run_figures
from api.store.protocol import ForecastStore
from api.vintage import read_run
from etl.errors import IncompleteError, LakeError
from etl.lake import Lake
from etl.leaving import (
    Departure,
    begin_departure,
    departure_of,
    end_departure,
    leave_etl,
    sweep_files,
)
from etl.lineage import sha256_of
from etl.settings import Settings
from etl.traces import traces_of
from forecasting.leaving import leave_forecasts, refuse_damaged_runs

__all__ = ["Found", "find_merchant", "forget"]

_UNFINISHED = timedelta(hours=1)
"""Age from which a file that ends in `.tmp` is a killed writer's, and goes."""


@dataclass(frozen=True)
class Found:
    """What is there of a merchant, and how much was looked through."""

    files: list[str]
    mentions: list[str]
    documents: dict[str, int]
    log_lines: int
    files_read: int
    files_by_name: int

    @property
    def anything(self) -> bool:
        """Whether anything is the merchant's; mentions are for a person to judge."""
        return bool(self.files or self.documents or self.log_lines)


def find_merchant(lake: Lake, store: ForecastStore, merchant_id: str, settings: Settings) -> Found:
    """Look for the merchant in every file of the lake, every table of the store, and the log."""
    traces = traces_of(lake, merchant_id, apart_from=Departure(merchant_id, {}, {}).path)
    return Found(
        traces.own,
        traces.mentions,
        store.forgetting.traces(merchant_id),
        sum(lines for _, lines in _logged(settings, merchant_id)),
        traces.read,
        traces.by_name,
    )


def forget(
    lake: Lake, store: ForecastStore, merchant_id: str, settings: Settings, at: datetime
) -> dict[str, Any]:
    """Remove everything of the merchant, look for it, and give the receipt.

    Raises `LakeError`, before anything is touched, where a file of a run is damaged, and
    `IncompleteError` where something is found afterwards, as when a task wrote meanwhile.
    """
    departure = departure_of(lake, merchant_id)
    if departure is None:
        refuse_damaged_runs(lake, merchant_id)
        departure = begin_departure(lake, merchant_id)
    documents = store.forgetting.forget(merchant_id)
    leave_etl(lake, departure, settings)
    leave_forecasts(lake, merchant_id)
    lake.delete_unfinished(at - _UNFINISHED)
    swept = sweep_files(lake, merchant_id)
    reports = list(_write_reports(lake, store, merchant_id))
    _amend_editions(lake, store, departure)
    lines = _leave_log(settings, merchant_id)
    store.forgetting.scrub()
    found = find_merchant(lake, store, merchant_id, settings)
    if found.anything:
        raise IncompleteError(_still_there(found))
    receipt = {
        "receipt": secrets.token_hex(8),
        "at": at.isoformat(timespec="seconds"),
        "documents_removed": sum(documents.values()),
        "log_lines_removed": lines,
        "shared_files_swept": len(swept),
        "reports_written_anew": len(reports),
        "files_looked_through": found.files_read,
        "files_looked_at_by_name": found.files_by_name,
        "tables_looked_through": len(documents),
        "left": 0,
        "mentions_to_judge": len(found.mentions),
    }
    note_change(store, "merchant forgotten", COMMAND_LINE, receipt)
    end_departure(lake, departure)
    return receipt


def _write_reports(lake: Lake, store: ForecastStore, merchant_id: str) -> Iterator[str]:
    """The reports that name the merchant, written anew; removed where their sources are gone.

    The page is written after the other forms, so that one half made anew is found again.
    """
    for path in lake.paths("reports", "report.json"):
        month = path.split("month=")[1][:7]
        folder = path.removesuffix("/report.json")
        texts = (
            unescape(lake.read_bytes(file).decode(errors="replace")) for file in lake.paths(folder)
        )
        if not any(merchant_id in text for text in texts):
            continue
        try:
            write_month_report(lake, store, date.fromisoformat(f"{month}-01"), lake.read_json(path))
        except (IncompleteError, LakeError):
            lake.delete_folder(folder)
        yield month


def _amend_editions(lake: Lake, store: ForecastStore, departure: Departure) -> None:
    """Tell the counts that published runs have now, and the hash of a manifest that we changed."""
    for edition in store.editions():
        series, units = store.loaded(edition.load)
        digest = sha256_of(lake, f"predictions/run_id={edition.run_id}/manifest.json")
        ours = digest is not None and edition.digest == departure.runs.get(edition.run_id)
        details = {**edition.details, "series": series, "units_forecast": round(units, 3)}
        if ours:
            details |= run_figures(lake, read_run(lake, edition.run_id))
            details["manifest_sha256"] = digest
        store.forgetting.amend(edition.load, digest if ours else None, details)


def _logged(settings: Settings, merchant_id: str) -> Iterator[tuple[Path, int]]:
    """Files of the request log, older ones beside it too, and how many lines are the merchant's."""
    for file in log_files(settings.request_log):
        with file.open("rb") as lines:
            yield file, sum(_field(merchant_id) in line for line in lines)


def _leave_log(settings: Settings, merchant_id: str) -> int:
    """Take the merchant's lines out of the log, in place: the API has the file open."""
    total = 0
    for file, count in list(_logged(settings, merchant_id)):
        if count:
            rewrite_log(file, lambda line: _field(merchant_id) not in line)
        total += count
    return total


def _field(merchant_id: str) -> bytes:
    return f'"merchant_id":"{merchant_id}"'.encode()


def _still_there(found: Found) -> str:
    where = [*found.files[:5], *found.documents]
    return (
        f"{len(found.files)} files, {sum(found.documents.values())} documents and "
        f"{found.log_lines} lines of the log are there again or still ({', '.join(where)}); a task "
        "may have written meanwhile: pause the DAGs and the API, then run this again"
    )
