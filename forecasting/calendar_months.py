"""What differs between a month and the same month of other years: its days, feasts and sales days.

A calendar month's usual share is part of the season that every model learns. What is left moves
from year to year: how many working days it has, whether February has 29 days, whether Easter and
Carnival fall into it, and how many days of its country's sales. After X-13ARIMA-SEATS (Bell and
Hillmer 1983 for trading days and Easter; its regressors `td1coef`, `lpyear` and `easter[8]`).

>>> march, april = calendar_of("GB", date(2024, 3, 1), 2)[:, NAMES.index("easter")].round(2)
>>> bool(march > 0 > april)
True
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from etl.sample.sales_days import occasions
from forecasting.daily.calendar import public_holidays
from forecasting.forecaster import SEASON, Vector

__all__ = ["NAMES", "calendar_of"]

NAMES = ("workdays", "leap", "easter", "carnival", "lunar", "sales")
"""Working days less weekend days, in five; a leap day; feasts and tens of sales days in it."""

EASTER_DAYS = 8
CARNIVAL_DAYS = 5
LUNAR_DAYS = 8
LUNAR = "Chinese New Year"
"""Days up to a feast in which it draws or keeps away custom."""

USUAL_YEARS = range(2000, 2028)
"""A whole cycle of weekdays, over which a calendar month's usual share is taken."""

WEEKDAYS = 5


def calendar_of(country: str, first_month: date, months: int) -> Vector:
    """What is unusual of each of `months` months, shape (months, effects in the order of `NAMES`).

    A country that is not known has weekends, Easter and the sales that all have.
    """
    last = first_month.month - 1 + months
    years = range(first_month.year, first_month.year + (last - 1) // SEASON + 1)
    rows = np.concatenate([_year(country, year) - _usual(country) for year in years])
    found: Vector = rows[first_month.month - 1 : last]
    return found


@lru_cache(maxsize=64)
def _usual(country: str) -> Vector:
    years: Vector = np.mean([_year(country, year) for year in USUAL_YEARS], axis=0)
    return years


@lru_cache(maxsize=4096)
def _year(country: str, year: int) -> Vector:
    """The effects of the twelve months of a year."""
    months = np.zeros((SEASON, len(NAMES)))
    closed = {day for day, _ in public_holidays(country, year)}
    for month in range(1, SEASON + 1):
        days = [date(year, month, day + 1) for day in range(monthrange(year, month)[1])]
        working = sum(day.weekday() < WEEKDAYS and day not in closed for day in days)
        months[month - 1, 0] = (working - WEEKDAYS / 2 * (len(days) - working)) / WEEKDAYS
    months[1, 1] = monthrange(year, 2)[1] - 28
    for first in [day for day, name in public_holidays("CN", year) if LUNAR in name][:1]:
        months[:, 4] += _share(first, LUNAR_DAYS, year)
    for occasion in occasions(country, year):
        if occasion.kind == "easter":
            months[:, 2] += _share(occasion.first, EASTER_DAYS, year)
        elif occasion.kind == "carnival":
            months[:, 3] += _share(occasion.first, CARNIVAL_DAYS, year)
        elif occasion.kind == "sale":
            length = (occasion.last - occasion.first).days + 1
            months[:, 5] += 0.1 * length * _share(occasion.last, length, year)
    return months


def _share(last: date, length: int, year: int) -> Vector:
    """The share of the `length` days up to `last` that falls into each month of the year."""
    shares = np.zeros(SEASON)
    for back in range(length):
        day = last - timedelta(days=back)
        if day.year == year:
            shares[day.month - 1] += 1 / length
    return shares
