"""On which of the coming days the store will be closed, told from when it was.

A weekday is closed where most of its last eight were; a public holiday where all of its earlier
ones were; and a date on which the store was closed the last time, though not by its weekday, as
between Christmas and New Year.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from etl.daily import CLOSED, UNKNOWN
from forecasting.daily.calendar import public_holidays
from forecasting.daily.series import WEEK, DailySeries

__all__ = ["closed_ahead"]

WEEKS = 8
FEWEST_WEEKS = 3
CLOSED_SHARE = 0.75


def closed_ahead(series: DailySeries, horizon: int) -> NDArray[np.bool_]:
    """Which of the days after the cutoff the store will be closed."""
    closed = np.zeros(horizon, dtype=bool)
    if not (series.state == CLOSED).any():
        return closed
    for n, day in enumerate(series.dates_ahead(horizon)):
        closed[n] = _weekday_closed(series, n) or _date_closed(series, day)
    return closed


def _weekday_closed(series: DailySeries, ahead: int) -> bool:
    """Whether most of the last weeks' same weekdays were closed."""
    last = series.days - WEEK + ahead % WEEK
    same = series.state[last % WEEK : last + 1 : WEEK][-WEEKS:]
    known = same[same != UNKNOWN]
    return len(known) >= FEWEST_WEEKS and float((known == CLOSED).mean()) >= CLOSED_SHARE


def _date_closed(series: DailySeries, day: date) -> bool:
    """Whether the store was closed on every earlier such holiday, or on the date a year ago."""
    names = {name for known, name in public_holidays(series.country, day.year) if known == day}
    earlier = [
        known
        for year in range(series.first_date.year, day.year + 1)
        for known, name in public_holidays(series.country, year)
        if name in names and series.first_date <= known <= series.cutoff_date
    ]
    if not earlier:
        earlier = [_year_before(day)]
    told = [state for known in earlier if (state := _state(series, known)) is not None]
    return bool(told) and all(state == CLOSED for state in told)


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=min(day.day, 28 if day.month == 2 else day.day))


def _state(series: DailySeries, day: date) -> int | None:
    """The state of a day, None where its weekday alone closed it, or it is not in the history."""
    place = (day - series.first_date) // timedelta(days=1)
    if not 0 <= place < series.days:
        return None
    around = series.state[place % WEEK :: WEEK]
    if float((around == CLOSED).mean()) >= CLOSED_SHARE:
        return None
    return int(series.state[place])
