"""The days that `make run` lives through: back-fill, the month before, the last days, the month.

A rehearsal stands late in the last full month of an order file, back-fills what was sold until
then, forecasts from the month before, and then lets the days go by one at a time until the month
is closed and can be forecast from in turn.

>>> plan = plan_rehearsal(date(2022, 11, 1), date(2026, 11, 9))
>>> plan.month, plan.month_before
(datetime.date(2026, 10, 1), datetime.date(2026, 9, 1))
>>> plan.backfill
(datetime.date(2022, 11, 1), datetime.date(2026, 10, 26))
>>> [f"{instant:%d %H:%M}" for instant in plan.daily]
['29 06:00', '30 06:00', '31 06:00', '01 06:00', '02 06:00', '03 06:00']
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from etl.errors import InputError

__all__ = ["Rehearsal", "plan_rehearsal"]

_CLOSING_DAY = 3
_HOUR = time(6, tzinfo=UTC)
_DAYS_LEFT = 4
"""Days of the month that the back-fill leaves to the daily runs, about."""


@dataclass(frozen=True)
class Rehearsal:
    """When to stand where. Instants are UTC; days are the stores' local ones."""

    month: date
    month_before: date
    start: datetime
    backfill: tuple[date, date]
    daily: tuple[datetime, ...]


def plan_rehearsal(first_day: date, last_day: date) -> Rehearsal:
    """The rehearsal of an order file that holds orders from `first_day` to `last_day`.

    Raises `InputError` where the file does not hold two full months.
    """
    month = _last_full_month(last_day)
    before = _first_of(month - timedelta(days=1))
    if first_day > before:
        raise InputError(
            f"the orders run from {first_day} to {last_day}; a run needs at least the two full "
            f"months {before:%Y-%m} and {month:%Y-%m}"
        )
    after = _first_of(month + timedelta(days=31))
    start = datetime.combine(after - timedelta(days=_DAYS_LEFT), _HOUR)
    closing = datetime.combine(after.replace(day=_CLOSING_DAY), _HOUR)
    daily = [start + timedelta(days=n) for n in range(1, (closing - start).days + 1)]
    return Rehearsal(
        month=month,
        month_before=before,
        start=start,
        backfill=(first_day, start.date() - timedelta(days=2)),
        daily=tuple(daily),
    )


def _last_full_month(last_day: date) -> date:
    """First day of the last month whose final day is not after `last_day`."""
    return _first_of(_first_of(last_day + timedelta(days=1)) - timedelta(days=1))


def _first_of(day: date) -> date:
    return day.replace(day=1)
