"""New data first: the days of a store that are over and not in the lake yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from etl.errors import SourceDeniedError, SourceError
from etl.ingest import backfill
from etl.lake import Lake
from etl.ledger import first_day, missing_days, neighbouring, read_day
from etl.registry import Store
from etl.retail.source import open_source
from etl.settings import Settings

__all__ = ["awaited_day", "last_pull", "pull_missing_days"]

_ATTEMPTS = 2
"""Somebody is waiting: what the marketplace does not tell soon, the daily ingest will fetch."""


def awaited_day(store: Store, now: datetime) -> date:
    """The latest day that is over in the store, whose sales a fresh forecast knows."""
    return now.astimezone(store.zone).date() - timedelta(days=1)


def last_pull(lake: Lake, store: Store, day: date) -> str:
    """When that day was pulled last, '' where it was not: whoever pulls later days, or looks for
    changed ones, pulls it too, so that an equal answer means that nothing was pulled since."""
    manifest = read_day(lake, store, day)
    return manifest.pulled_at.isoformat() if manifest else ""


def pull_missing_days(lake: Lake, store: Store, settings: Settings, now: datetime) -> str:
    """Pull what the ledger misses of the latest `refresh_pull_days` days.

    Returns a reason, a code with parameters, where data stays missing: ``backfill_needed``,
    ``source_denied`` or ``source_unreachable``; else ''.
    """
    last = awaited_day(store, now)
    begun = first_day(lake, store)
    if begun is None:
        return "backfill_needed"
    start = max(begun, last - timedelta(days=settings.refresh_pull_days - 1))
    days = missing_days(lake, store, start, last) if start <= last else []
    if not days:
        return ""
    hurried = replace(settings, source_attempts=min(settings.source_attempts, _ATTEMPTS))
    try:
        source = open_source(hurried, store)
        for first, end in neighbouring(days):
            backfill(lake, store, first, end, source, hurried, now)
    except SourceDeniedError:
        return f"source_denied missing={len(days)}"
    except SourceError:
        return f"source_unreachable missing={len(days)}"
    return ""
