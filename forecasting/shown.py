"""Which runs merchants were shown: the vintages that later scores are taken against.

Publishing a run leaves a mark beside its files. A run that the gate held, that waited for an
analyst and was never published, or that a person made to look at, was promised to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable

from etl.lake import Lake
from forecasting.predictions import age_of, cutoff_of
from forecasting.run_files import manifest_path, plan_path, runs_with

__all__ = ["last_shown", "note_shown", "shown_of"]

_MARK = "published.json"


def note_shown(lake: Lake, run_id: str) -> None:
    """Keep that the closed run was published; when, the forecast store knows."""
    if lake.exists(manifest_path(run_id)) and not lake.exists(_path(run_id)):
        lake.write_json(_path(run_id), {"published": True})


def shown_of(lake: Lake, run_ids: Iterable[str]) -> list[str]:
    """Those of the runs that were published.

    Where no run of the lake of the same cutoff or an earlier one has a mark, because nothing is
    published from this lake, or was only before marks were left, all are taken that the gate did
    not hold.
    """
    marked = set(runs_with(lake, _MARK))
    first = min(map(cutoff_of, marked), default=None)
    return [
        run_id
        for run_id in run_ids
        if run_id in marked
        or ((first is None or cutoff_of(run_id) < first) and not _held(lake, run_id))
    ]


def last_shown(lake: Lake, run_ids: Iterable[str]) -> str | None:
    """The newest of the runs that was published; where none has a mark, the newest not held.

    Runs that are not closed are passed over. Looks no farther back than it must: it is asked for
    every store on every day.
    """
    runs = sorted(run_ids, key=age_of, reverse=True)
    marked = (run_id for run_id in runs if lake.exists(_path(run_id)))
    closed = (run_id for run_id in runs if lake.exists(manifest_path(run_id)))
    return next(marked, None) or next((r for r in closed if not _held(lake, r)), None)


def _held(lake: Lake, run_id: str) -> bool:
    path = plan_path(run_id)
    return bool(lake.exists(path) and lake.read_json(path).get("held"))


def _path(run_id: str) -> str:
    return f"predictions/run_id={run_id}/{_MARK}"
