"""What is special about a day: public holidays, sales days, gift days, promotions.

Public holidays are those of the `holidays` package, under the names that Prophet gives them.
Sales and gift days are pooled by kind, because each comes once a year and two years are little to
learn from: a sale's days, the sated week after it, and the week before a gift day.

>>> events = day_events("AR", date(2025, 11, 3), 1, ())
>>> sorted(events)
['sale']
>>> day_events("AR", date(2025, 12, 25), 1, ())["Christmas Day"]
array([1.])
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache

import holidays
import numpy as np

from etl.sample.sales_days import occasions
from forecasting.daily.series import Promotion
from forecasting.forecaster import Vector

__all__ = ["PROMOTION", "day_events", "public_holidays"]

PROMOTION = "promotion"
SATED_DAYS = 7
GIFT_DAYS = 7

Event = tuple[date, str]


def day_events(
    country: str, first: date, days: int, promotions: Sequence[Promotion]
) -> dict[str, Vector]:
    """By event, how much of it there is on each of `days` days from `first`; 0 or 1, or a discount.

    Events that do not happen in those days are left out.
    """
    found: dict[str, Vector] = {}
    for year in range(first.year, (first + timedelta(days=days)).year + 2):
        for day, name in _events(country, year):
            place = (day - first).days
            if 0 <= place < days:
                found.setdefault(name, np.zeros(days))[place] = 1.0
    for promotion in promotions:
        start = max((promotion.start - first).days, 0)
        end = min((promotion.end - first).days + 1, days)
        if start < end:
            told = found.setdefault(PROMOTION, np.zeros(days))
            told[start:end] = np.maximum(told[start:end], promotion.discount)
    return found


@lru_cache(maxsize=512)
def public_holidays(country: str, year: int) -> tuple[Event, ...]:
    """Public holidays of a country in a year, by day; none for a country that is not known."""
    try:
        with warnings.catch_warnings():
            # Some calendars warn that they do not know years far away.
            warnings.simplefilter("ignore", UserWarning)
            known = holidays.country_holidays(country, years=year, expand=False, language="en_US")
    except NotImplementedError:
        return ()
    return tuple((day, name) for day in sorted(known) for name in known.get_list(day))


@lru_cache(maxsize=512)
def _events(country: str, year: int) -> tuple[Event, ...]:
    return (*public_holidays(country, year), *_trade(country, year))


def _trade(country: str, year: int) -> Iterator[Event]:
    """Sales days, sated days and gift days of one year."""
    for occasion in occasions(country, year):
        if occasion.kind == "sale":
            length = (occasion.last - occasion.first).days + 1
            for n in range(length):
                yield occasion.first + timedelta(days=n), "sale"
            for n in range(1, SATED_DAYS + 1):
                yield occasion.last + timedelta(days=n), "after_sale"
        elif occasion.kind != "quiet":
            for n in range(GIFT_DAYS):
                yield occasion.first - timedelta(days=n), f"before_{occasion.kind}"
