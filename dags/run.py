"""What the present DAG run is about: its settings, its instant, its month.

A run is told these by its partition key, its conf or its logical date, never by the clock, so that
a task that runs again does the same again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from airflow.sdk import get_current_context

from etl.dates import read_day, read_month
from etl.errors import InputError
from etl.settings import Settings, settings_from

__all__ = [
    "run_conf",
    "run_days",
    "run_instant",
    "run_month",
    "run_refresh_id",
    "run_settings",
]


def run_conf() -> dict[str, Any]:
    """What the run was started with; empty where it started by itself."""
    return dict(get_current_context()["dag_run"].conf or {})


def run_settings(stores: Sequence[Sequence[str]] = ()) -> Settings:
    """The worker's settings, with the engine that the run's conf names, if it names one.

    With the tokens that Airflow's connections hold for `stores`, each a merchant and a store.
    """
    settings = settings_from()
    if stores:
        from dags.credentials import with_connections

        settings = with_connections(stores, settings)
    engine = run_conf().get("engine")
    return replace(settings, engine=engine) if engine else settings


def run_instant() -> datetime:
    """The instant that the run stands at: conf `at` (ISO 8601 with offset), or its logical date."""
    context = get_current_context()
    told = run_conf().get("at")
    if told is None:
        return context.get("logical_date") or context["dag_run"].run_after
    try:
        instant = datetime.fromisoformat(told)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"conf 'at' must be ISO 8601, 2026-11-03T06:00:00Z; found {told!r}"
        ) from error
    if instant.tzinfo is None:
        raise InputError(f"conf 'at' needs an offset, 2026-11-03T06:00:00Z; found {told!r}")
    return instant


def run_days() -> tuple[date, date] | None:
    """The local days that conf `from` and `to` name; None where it names neither.

    Raises `InputError` where only one is given, one is no date, or they stand the wrong way round.
    """
    told = [run_conf().get(name) for name in ("from", "to")]
    if told == [None, None]:
        return None
    try:
        first, last = (read_day(str(day)) for day in told)
    except InputError as error:
        raise InputError(f"conf 'from' and 'to' must both be dates: {error}") from error
    if first > last:
        raise InputError(f"conf 'from' {first} is after 'to' {last}")
    return first, last


def run_refresh_id() -> str:
    """The refresh that conf `refresh_id` names. Raises `InputError` where it names none."""
    told = run_conf().get("refresh_id")
    if not isinstance(told, str) or not told:
        raise InputError(f"a run needs conf 'refresh_id', as the API answered it; found {told!r}")
    return told


def run_month() -> date:
    """First day of the month that the run is for: conf `month`, or its partition key (2026-10)."""
    told = run_conf().get("month") or get_current_context().get("partition_key")
    try:
        return read_month(str(told))
    except InputError as error:
        raise InputError(
            f"a run needs its month as partition key or conf 'month': {error}"
        ) from error
