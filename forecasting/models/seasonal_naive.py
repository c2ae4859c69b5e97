"""Seasonal naive: next month will sell what the same month sold a year before.

The rule that every model has to beat. Point and interval follow Hyndman and Athanasopoulos,
*Forecasting: Principles and Practice*, 3rd ed., sections 5.2 and 5.5 (table 5.2): the standard
deviation of the seasonal differences grows with the root of the years ahead. Bounds below zero are
put to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from forecasting.forecaster import LEVELS, SEASON, Forecast, Series, Vector

__all__ = ["FEWEST_DIFFERENCES", "SeasonalNaive", "bounds", "seasonal_naive"]

FEWEST_DIFFERENCES = 3
"""Seasonal differences from which their spread is believed; with fewer, that of the level is."""

_QUANTILES = np.array([NormalDist().inv_cdf(0.5 + level / 200) for level in LEVELS])


@dataclass(frozen=True)
class SeasonalNaive:
    """The engine `seasonal_naive`."""

    name: str = "seasonal_naive"

    def forecast(self, batch: Sequence[Series], horizon: int) -> list[Forecast]:
        """One forecast for each series; the mean of what there is where no year is known."""
        return [_forecast(series.units, horizon) for series in batch]


def seasonal_naive(units: Vector, horizon: int) -> Vector:
    """The last season repeated, or the mean of a history shorter than a season.

    >>> seasonal_naive(np.arange(1.0, 15.0), 3)
    array([3., 4., 5.])
    >>> seasonal_naive(np.array([2.0, 4.0]), 3)
    array([3., 3., 3.])
    """
    if len(units) < SEASON:
        return np.full(horizon, units.mean() if len(units) else 0.0)
    return np.resize(units[-SEASON:], horizon)


def bounds(units: Vector, spread: Vector) -> tuple[Vector, Vector]:
    """Normal bounds of each level around `units`, shape (3, horizon), none below zero."""
    width = _QUANTILES[:, np.newaxis] * spread
    return np.maximum(units - width, 0.0), np.maximum(units + width, 0.0)


def _forecast(history: Vector, horizon: int) -> Forecast:
    units = seasonal_naive(history, horizon)
    lower, upper = bounds(units, _spread(history, horizon))
    months = len(history)
    if months < SEASON:
        served = "last" if months == 1 else "mean"
        return Forecast(
            units, lower, upper, served, f"short_history months={months} served={served}"
        )
    short = months < SEASON + FEWEST_DIFFERENCES
    reason = f"short_history months={months}" if short else ""
    return Forecast(units, lower, upper, "seasonal_naive", reason)


def _spread(history: Vector, horizon: int) -> Vector:
    """Standard deviation of the forecast error, by month ahead."""
    months = len(history)
    if months >= SEASON + FEWEST_DIFFERENCES:
        differences = history[SEASON:] - history[:-SEASON]
        years_ahead = np.arange(horizon) // SEASON + 1.0
        spread: Vector = np.sqrt(np.mean(differences**2) * years_ahead)
        return spread
    if months > 1:
        return np.full(horizon, history.std(ddof=1) * np.sqrt(1 + 1 / months))
    # One month says nothing of its own spread: that of a count (Poisson) is the least it can be.
    return np.full(horizon, np.sqrt(2 * max(history.sum(), 1.0)))
