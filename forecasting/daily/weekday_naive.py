"""Seasonal naive by weekday: next Monday will sell what the last Monday on sale sold.

The rule that every daily model has to beat, and what serves where a model cannot. Intervals are
those of the textbook (Hyndman and Athanasopoulos, 5.5): normal, by the spread of the differences
from week to week.
"""

from __future__ import annotations

import numpy as np

from forecasting.daily.series import WEEK, DailySeries
from forecasting.forecaster import Forecast, Vector
from forecasting.models.seasonal_naive import bounds

__all__ = ["naive_forecast", "weekday_naive"]

FEWEST_DIFFERENCES = 3


def naive_forecast(series: DailySeries, horizon: int) -> Forecast:
    """The last week on sale repeated; the mean where less than a week is known."""
    units = weekday_naive(series.units, series.on_sale, horizon)
    lower, upper = bounds(units, np.full(horizon, _spread(series.units[series.on_sale])))
    return Forecast(units, lower, upper, "weekday_naive")


def weekday_naive(units: Vector, told: np.ndarray, horizon: int) -> Vector:
    """Of each day ahead, what the last such weekday sold that was on sale.

    >>> weekday_naive(np.array([7.0, 1, 2, 3, 4, 5, 6]), np.ones(7, bool), 2)
    array([7., 1.])
    >>> weekday_naive(np.array([2.0, 4.0]), np.ones(2, bool), 2)
    array([3., 3.])
    """
    known = units[told]
    if len(units) < WEEK or not len(known):
        return np.full(horizon, known.mean() if len(known) else 0.0)
    week = np.full(WEEK, known.mean())
    for back in range(WEEK):
        same = np.flatnonzero(told[-1 - back :: -WEEK])
        if len(same):
            week[WEEK - 1 - back] = units[-1 - back - WEEK * int(same[0])]
    return np.resize(week, horizon)


def _spread(known: Vector) -> float:
    """Standard deviation of the error, by the differences from week to week."""
    if len(known) >= WEEK + FEWEST_DIFFERENCES:
        return float(np.sqrt(np.mean((known[WEEK:] - known[:-WEEK]) ** 2)))
    if len(known) > 1:
        return float(known.std(ddof=1) * np.sqrt(1 + 1 / len(known)))
    # One day says nothing of its own spread: that of a count (Poisson) is the least it can be.
    return float(np.sqrt(2 * max(known.sum(), 1.0)))
