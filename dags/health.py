"""What is wrong, looked at from outside: missing days, and a run that is no longer what it was.

A run is not fresh when the next one is overdue, and outdated when months that it was made from
have changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import date, datetime, timedelta
from functools import cache, partial

from api.store import open_store
from api.store.documents import Edition
from dags.alerts import Alert
from etl.closing import accepted_days
from etl.lake import Lake
from etl.ledger import missing_days, neighbouring
from etl.monthly import outdated_months
from etl.registry import Store, read_stores
from etl.settings import Settings
from forecasting.predictions import cutoff_of

__all__ = ["alerts_now"]

_LOOKED_BACK = timedelta(days=366)
_GRACE_DAYS = 2
"""The last local day that was over at the daily pull is two days back at worst."""
_SHOWN = 10


def alerts_now(settings: Settings, instant: datetime) -> list[Alert]:
    """The alerts of lake and store as they are at `instant`."""
    stores = read_stores(Lake(settings.lake_url))
    if not stores:
        return []
    with closing(open_store(settings.store_url)) as store:
        served = store.current()
    if served is None:
        run = [Alert("run_not_fresh", "no run has been published yet")]
    else:
        run = [*_not_fresh(settings, served, instant), *_outdated(settings, served)]
    return [*_missing(settings, stores, instant), *run]


def _missing(settings: Settings, stores: list[Store], instant: datetime) -> Iterator[Alert]:
    lake = Lake(settings.lake_url)
    accepted = cache(partial(accepted_days, lake))
    found = {}
    for store in stores:
        last = instant.astimezone(store.zone).date() - timedelta(days=_GRACE_DAYS)
        gaps = _gaps(lake, store, last - _LOOKED_BACK, last, accepted)
        if gaps:
            found[f"{store.merchant_id}/{store.store_id}"] = gaps
    if found:
        days = sum(map(len, found.values()))
        yield Alert(
            "days_missing",
            f"{days} days are missing in {len(found)} of {len(stores)} stores",
            tuple(f"{name}: {_in_words(gaps)}" for name, gaps in list(found.items())[:_SHOWN]),
        )


def _gaps(
    lake: Lake,
    store: Store,
    start: date,
    end: date,
    accepted: Callable[[date], Mapping[str, set[str]]],
) -> list[date]:
    """Days that the ledger misses and nobody `accepted`, which tells those of a month."""
    gaps = missing_days(lake, store, start, end)
    name = f"{store.merchant_id}/{store.store_id}"
    return [day for day in gaps if str(day) not in accepted(day.replace(day=1)).get(name, ())]


def _not_fresh(settings: Settings, served: Edition, instant: datetime) -> Iterator[Alert]:
    age = instant - datetime.fromisoformat(str(served.published_at))
    if age > timedelta(days=settings.fresh_days):
        yield Alert(
            "run_not_fresh",
            f"run {served.run_id} was published {age.days} days ago, more than the "
            f"{settings.fresh_days} of STORECAST_FRESH_DAYS",
        )


def _outdated(settings: Settings, served: Edition) -> Iterator[Alert]:
    months = outdated_months(Lake(settings.lake_url), cutoff_of(served.run_id))
    if months:
        yield Alert(
            "run_outdated",
            f"months that run {served.run_id} was forecast from have changed since",
            (", ".join(f"{month:%Y-%m}" for month in months),),
        )


def _in_words(days: list[date]) -> str:
    """Missing days as stretches.

    >>> _in_words([date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 9)])
    '2026-01-01 to 2026-01-02, 2026-01-09'
    """
    stretches = [
        str(first) if first == last else f"{first} to {last}" for first, last in neighbouring(days)
    ]
    more = f" and {len(stretches) - _SHOWN} more" if len(stretches) > _SHOWN else ""
    return ", ".join(stretches[:_SHOWN]) + more
