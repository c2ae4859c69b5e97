"""Publishing a run: load its files, verify what was loaded, then move the pointer.

Readers see the run before or the new one, never a mix: all documents of a load carry its number,
and one pointer says which number is served. A load that fails or is killed is never pointed to, and
is cleared away by a later publish. Published runs keep their name and content for ever.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from api.changes import Key, changes_between, run_before
from api.joint import joint_bounds
from api.loading import load_run
from api.past import PastForecasts, past_forecasts
from api.registered import store_documents
from api.run_figures import run_figures
from api.store.documents import Edition, SummaryDocument
from api.store.protocol import ForecastStore
from api.totals import summary_document
from api.vintage import Run, read_run
from etl.errors import IncompleteError, InputError
from etl.lake import Lake
from etl.settings import Settings
from forecasting.shown import note_shown

__all__ = ["publish_run", "published_runs", "rollback"]

_ABANDONED = timedelta(hours=1)
_ROUNDING = 1e-9


def publish_run(
    lake: Lake,
    store: ForecastStore,
    run_id: str,
    settings: Settings,
    at: datetime | None = None,
) -> dict[str, Any]:
    """Serve the run `run_id` of the lake; what is served already is left as it is.

    Returns the run, its counts, and whether it was `loaded` now. `at` is the moment of publishing
    (by default the present). Raises `IncompleteError` where files, counts or totals do not agree
    with the run's manifest; the run served before then stays.
    """
    run = read_run(lake, run_id)
    at = at or datetime.now(UTC)
    edition = _published(store, run)
    loaded = edition is None
    if edition is None:
        edition = _load(lake, store, run, settings.jobs, at)
    elif edition.load != _load_number(store.current()):
        edition = store.point_to(edition.load)
    for kept in store.editions():  # also those from before runs were marked
        note_shown(lake, kept.run_id)
    _remove_old(store, edition, settings.keep_runs, at)
    return {"run_id": run_id, "series": run.series, "units_forecast": run.units, "loaded": loaded}


def rollback(store: ForecastStore) -> dict[str, Any]:
    """Serve the run that was served before the present one.

    Raises `InputError` where there is none.
    """
    current = store.current()
    kept = {edition.load: edition for edition in store.editions()}
    if current is None or current.before not in kept:
        raise InputError(
            "there is no earlier run to go back to; `python -m api runs` lists what is kept"
        )
    edition = store.point_to(kept[current.before].load)
    return {"run_id": edition.run_id, "instead_of": current.run_id}


def published_runs(store: ForecastStore) -> list[dict[str, Any]]:
    """Published runs, the oldest first, and which of them is served."""
    current = _load_number(store.current())
    return [
        {
            "run_id": edition.run_id,
            "published_at": edition.published_at,
            "serving": edition.load == current,
            **edition.details,
        }
        for edition in store.editions()
    ]


def _published(store: ForecastStore, run: Run) -> Edition | None:
    """The edition of the run, if it was published before with the same content."""
    for edition in store.editions():
        if edition.run_id == run.run_id:
            if edition.digest == run.digest:
                return edition
            raise InputError(
                f"run {run.run_id} was published on {edition.published_at} with other content; "
                "a published run keeps its name for ever: predict again under the next revision"
            )
    return None


def _load(lake: Lake, store: ForecastStore, run: Run, jobs: int, at: datetime) -> Edition:
    edition = store.begin(run.run_id, run.digest)
    totals = load_run(lake, store, edition.load, run, jobs)
    summaries = list(totals.documents(run, _changes(lake, store, run), joint_bounds(lake, run)))
    store.put_summaries(edition.load, summaries)
    keys = {document[1:4] for document in summaries}
    with past_forecasts(lake, run.cutoff_month) as past:
        store.put_summaries(edition.load, list(_accuracies(run, past, keys)))
    store.put_stores(edition.load, list(store_documents(lake, totals)))
    _verify(run, *store.loaded(edition.load))
    details = {
        "cutoff_month": run.cutoff_month.isoformat(),
        "engine": run.engine,
        "series": run.series,
        "units_forecast": round(run.units, 3),
        "manifest_sha256": run.digest,
        **run_figures(lake, run),
    }
    return store.publish(edition.load, details, at.isoformat(timespec="seconds"))


def _changes(lake: Lake, store: ForecastStore, run: Run) -> dict[Key, dict[str, Any]]:
    """What changed since the run that merchants were shown a month ago."""
    before = run_before(run, [edition.run_id for edition in store.editions()])
    return changes_between(lake, before, run) if before else {}


def _accuracies(run: Run, past: PastForecasts, keys: Iterable[Key]) -> Iterator[SummaryDocument]:
    """How earlier forecasts did, for each part of the run and each part that was scored."""
    scored = dict(past.by_lead_time())
    for key in sorted({*scored, *keys}):
        merchant_id, store_id, category = key
        document = {
            "run_id": run.run_id,
            "merchant_id": merchant_id,
            "store_id": store_id or None,
            "category": category or None,
            "months_scored": past.months_summed,
            "by_lead_time": scored.get(key, []),
        }
        yield summary_document("accuracy", key, document)


def _verify(run: Run, series: int, units: float) -> None:
    """What the store holds must be what the manifest promises."""
    if series != run.series or not math.isclose(
        units, run.units, rel_tol=_ROUNDING, abs_tol=_ROUNDING * max(run.series, 1)
    ):
        raise IncompleteError(
            f"run {run.run_id} was loaded with {series} series and {units!r} units where its "
            f"manifest has {run.series} and {run.units!r}; it is not published: close it again "
            "and publish"
        )


def _remove_old(store: ForecastStore, serving: Edition, keep_runs: int, at: datetime) -> None:
    """Keep the newest runs, the one served and the one to go back to."""
    newest = [edition.load for edition in store.editions()][-max(keep_runs, 2) :]
    kept = {*newest, serving.load, *([serving.before] if serving.before is not None else [])}
    store.remove_all_but(sorted(kept), (at - _ABANDONED).isoformat())


def _load_number(edition: Edition | None) -> int | None:
    return edition.load if edition else None
