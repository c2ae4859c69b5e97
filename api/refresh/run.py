"""Making a refresh: pull what is missing, build the daily series, forecast, write as it comes.

The embedded worker and Airflow's task both call `run_refresh`. Who works on a store holds its
lease, renewed while they live; each step is written down as it is done, and what a lost worker had
done is not done again: documents bear what they were made from, and fitted models are in the lake.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from api.refresh.arrivals import last_pull, pull_missing_days
from api.refresh.cost import Cost, note_cost, read_cost
from api.refresh.documents import render_days, stamp_of
from api.refresh.lifeline import LeaseLostError, Lifeline
from api.refresh.turns import claim
from api.refresh.words import describe
from api.registered import Listings
from api.store.protocol import ForecastStore
from api.store.refreshes import RefreshRow
from etl.daily import DailyManifest, build_daily, read_manifest
from etl.errors import IncompleteError, InputError, StorecastError
from etl.lake import Lake
from etl.registry import Store, pick_stores, read_stores
from etl.settings import Settings
from forecasting.daily import daily_configuration, forecast_daily

__all__ = ["Clock", "holder_name", "now_by", "run_refresh", "work_on"]

_LOG = logging.getLogger("storecast.refresh")
_PATIENCE = 1800.0
_MOST_LOSSES = 3
_KEPT = timedelta(days=30)
"""How long it is known of a refresh how it ended."""

Clock = Callable[[], datetime]
Stop = Callable[[], bool]


def now_by(settings: Settings) -> Clock:
    """The clock, or the instant that STORECAST_NOW sets for a rehearsal."""
    if not settings.now:
        return lambda: datetime.now(UTC)
    try:
        instant = datetime.fromisoformat(settings.now)
    except ValueError as error:
        raise InputError(
            f"STORECAST_NOW must be an instant as in 2026-11-03T06:00:00Z; found {settings.now!r}"
        ) from error
    return lambda: instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def holder_name() -> str:
    """A name for a worker that no other has."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"


def run_refresh(
    lake: Lake,
    store: ForecastStore,
    refresh_id: str,
    settings: Settings,
    clock: Clock | None = None,
    patience: float = _PATIENCE,
) -> dict[str, Any]:
    """Make the refresh of that id, and answer it as the API tells it; one that ended is left so.

    Waits up to `patience` seconds for a store on which another worker is busy, also where that
    one took it over. Raises `InputError` where there is no such refresh, `IncompleteError` where
    the store stays busy.
    """
    holder = holder_name()
    deadline = time.monotonic() + patience
    with closing(Lifeline(store.refreshes, settings.refresh_lease_seconds)) as lifeline:
        while True:
            row = store.refreshes.get(refresh_id)
            if row is None:
                raise InputError(f"there is no refresh {refresh_id!r}; ask for one anew")
            if not row.active:
                return describe(row)
            if claim(store.refreshes, row, holder, time.time(), settings.refresh_lease_seconds):
                claimed = store.refreshes.get(refresh_id) or row
                row = work_on(lake, store, claimed, settings, lifeline, clock)
                if not row.active:
                    return describe(row)
            if time.monotonic() > deadline:
                raise IncompleteError(
                    f"another worker is busy with store {row.store_id} of {row.merchant_id}; "
                    f"refresh {refresh_id} waits, run it again"
                )
            time.sleep(0.5)


def work_on(
    lake: Lake,
    store: ForecastStore,
    row: RefreshRow,
    settings: Settings,
    lifeline: Lifeline,
    clock: Clock | None = None,
    stop: Stop = lambda: False,
) -> RefreshRow:
    """Work on a claimed refresh until it ends, or `stop` says between two batches to leave it.

    Answers it as it is then. What goes wrong ends it, with the reason; a lost lease is left to
    who has it now.
    """
    work = _Work(lake, store, row, settings, clock or now_by(settings), stop)
    try:
        with lifeline.holding(row):
            _make(work, lifeline)
    except LeaseLostError:
        _LOG.warning("refresh %s was taken over by another worker", row.id)
    return store.refreshes.get(row.id) or row


@dataclass
class _Work:
    lake: Lake
    store: ForecastStore
    row: RefreshRow
    settings: Settings
    clock: Clock
    stop: Stop
    began: float = field(default_factory=time.monotonic)

    def note(self, **changes: Any) -> None:
        """Write down where the refresh is. Raises `LeaseLostError` where it is another's now."""
        if not self.store.refreshes.change(self.row.id, changes, self.row.holder):
            raise LeaseLostError(self.row.id)
        self.row = self.store.refreshes.get(self.row.id) or self.row

    def end(self, state: str, reason: str = "", **changes: Any) -> None:
        self.note(state=state, reason=reason, finished_at=_wall(), holder="", **changes)
        _LOG.info("refresh %s ended: %s %s", self.row.id, state, reason)
        forgotten = datetime.now(UTC) - _KEPT
        self.store.refreshes.remove_asked_before(forgotten.isoformat(timespec="seconds"))


def _make(work: _Work, lifeline: Lifeline) -> None:
    if work.row.losses > _MOST_LOSSES:
        work.end("failed", f"worker_lost times={work.row.losses}")
        return
    try:
        with _ended_where_it_fails(work):
            _refresh(work, lifeline)
    except _EndedError:
        return


@contextmanager
def _ended_where_it_fails(work: _Work) -> Iterator[None]:
    """A failure ends the refresh with its reason; only a lost lease passes."""
    try:
        yield
    except (LeaseLostError, _EndedError):
        raise
    except StorecastError as error:
        _LOG.exception("refresh %s failed", work.row.id)
        work.end("failed", f"failed error={type(error).__name__}")
    except Exception:
        _LOG.exception("refresh %s failed", work.row.id)
        work.end("failed", "failed error=unexpected")


class _EndedError(Exception):
    """The refresh has ended early; its reason is written down."""


def _refresh(work: _Work, lifeline: Lifeline) -> None:
    manifest, note = _series_of_now(work)
    configuration = daily_configuration(work.settings)
    stamp = stamp_of(manifest.watermark, configuration)
    wanted = _wanted(work, manifest)
    made = {p for p, s in work.store.daily.stamps(*_place(work.row)).items() if s == stamp}
    todo = sorted(wanted - made)
    cost = read_cost(work.store, configuration)
    work.note(
        state="training",
        watermark=manifest.watermark,
        configuration=configuration,
        data_until=manifest.data_until.isoformat(),
        of=len(wanted),
        done=len(wanted) - len(todo),
        estimate_seconds=cost.seconds_for(len(todo)),
    )
    if todo and not _forecast(work, manifest, stamp, todo, cost, lifeline):
        work.note(holder="")
        return
    if work.row.products is None and work.row.category is None:
        lifeline.check()
        work.store.daily.remove_others(*_place(work.row), stamp)
    nothing = "nothing_changed" if not work.row.trained and not todo else ""
    work.end("done", note or nothing, done=len(wanted))


def _series_of_now(work: _Work) -> tuple[DailyManifest, str]:
    """The daily series with what could be pulled, and why days are missing ('' where none is)."""
    registered = _registered(work)
    row = work.row
    if row.state == "training":
        manifest = read_manifest(work.lake, *_place(row))
        if manifest is not None and manifest.watermark == row.watermark:
            return manifest, row.reason
    work.note(state="pulling", started_at=row.started_at or _wall())
    note = pull_missing_days(work.lake, registered, work.settings, work.clock())
    try:
        manifest = build_daily(work.lake, registered, work.settings)
    except IncompleteError as error:
        work.end("failed", note or "backfill_needed")
        raise _EndedError from error
    pulled_at = last_pull(work.lake, registered, manifest.data_until)
    work.note(reason=note, pulled_at=pulled_at)
    return manifest, note


def _registered(work: _Work) -> Store:
    try:
        return pick_stores(read_stores(work.lake), *_place(work.row))[0]
    except InputError as error:
        work.end("failed", "store_unknown")
        raise _EndedError from error


def _wanted(work: _Work, manifest: DailyManifest) -> set[str]:
    """Products of the refresh that have a series. A refresh that has none ends here."""
    columns = ["product_id", "category"]
    rows = work.lake.read_table(manifest.path, columns).to_pylist() if manifest.series else []
    row = work.row
    wanted = {
        one["product_id"]
        for one in rows
        if (row.products is None or one["product_id"] in row.products)
        and row.category in (None, one["category"])
    }
    if not wanted:
        work.end("done", "no_daily_sales", of=0, data_until=manifest.data_until.isoformat())
        raise _EndedError
    return wanted


def _forecast(
    work: _Work,
    manifest: DailyManifest,
    stamp: str,
    todo: list[str],
    cost: Cost,
    lifeline: Lifeline,
) -> bool:
    """Forecast and write batch by batch; whether all of it was done before the time to stop."""
    listings = Listings(work.lake)
    at, began = datetime.now(UTC), time.monotonic()
    before = began - work.began
    done, trained = 0, 0
    forecasts = forecast_daily(work.lake, manifest, work.settings, todo, at)
    with closing(forecasts) as batches:
        for batch in batches:
            lifeline.check()
            known = listings.of(forecast.key for forecast in batch)
            work.store.daily.put(render_days(batch, known, stamp, at))
            done += len(batch)
            trained += sum(forecast.trained for forecast in batch)
            left = len(todo) - done
            work.note(
                done=(work.row.of or 0) - left,
                trained=work.row.trained + sum(forecast.trained for forecast in batch),
                estimate_seconds=_left(left, time.monotonic() - began, done, cost),
            )
            if left and work.stop():
                note_cost(
                    work.store, work.row.configuration, before, time.monotonic() - began, trained
                )
                return False
    note_cost(work.store, work.row.configuration, before, time.monotonic() - began, trained)
    return True


def _left(series: int, seconds: float, done: int, cost: Cost) -> float:
    """Seconds that are left: by what this one took, and by earlier ones while it is young."""
    if not cost.series:
        return series * seconds / done
    own = seconds / done
    share = min(1.0, done / 50)
    return series * (share * own + (1 - share) * cost.per_series)


def _wall() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _place(row: RefreshRow) -> tuple[str, str]:
    return row.merchant_id, row.store_id
