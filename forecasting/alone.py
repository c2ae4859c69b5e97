"""One model of the race by itself, for every series: the engines `ets`, `theta`, `ces`, `tsb`, …

Where the history is too short for the model, or it finds no fit, seasonal naive serves and says so.
Bounds are normal, as wide as what the model, fitted anew at each of the last twelve months, missed
that many months ahead (root mean square); they are not calibrated over the fleet as the ensemble's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.candidates import CANDIDATES, Candidate, History
from forecasting.forecaster import Forecast, Series, Vector
from forecasting.guard import fallback
from forecasting.models.pooled import FLAT
from forecasting.models.seasonal_naive import bounds

__all__ = ["AloneForecaster"]

ORIGINS = 12
"""Last months from which the misses are measured, fitted anew at each."""


@dataclass(frozen=True)
class AloneForecaster:
    """The engine of the candidate `name`."""

    name: str

    def forecast(self, batch: Sequence[Series], horizon: int) -> list[Forecast]:
        """One forecast for each series, by the model or in its stead."""
        return [self._forecast(series, horizon) for series in batch]

    def _forecast(self, series: Series, horizon: int) -> Forecast:
        candidate = CANDIDATES[self.name]
        if series.months <= candidate.fewest_months:
            return fallback(series, horizon, f"short_history months={series.months}")
        history = _history(series.units, series)
        units = candidate.forecast(history, candidate.fit(history), horizon)
        spread = _spread(candidate, series, horizon)
        if not np.isfinite([units, spread]).all():
            return fallback(series, horizon, f"engine_failed engine={self.name} error=no_fit")
        return Forecast(units, *bounds(units, spread), self.name)


def _history(units: Vector, series: Series) -> History:
    return History(series.first_month, units, units, FLAT)


def _spread(candidate: Candidate, series: Series, horizon: int) -> Vector:
    """Root mean square of the misses by month ahead (horizon,), never falling with it."""
    squares, counts = np.zeros(horizon), np.zeros(horizon)
    for months in range(max(candidate.fewest_months, series.months - ORIGINS), series.months):
        ahead = min(horizon, series.months - months)
        seen = _history(series.units[:months], series)
        told = candidate.forecast(seen, candidate.fit(seen), ahead)
        squares[:ahead] += (series.units[months : months + ahead] - told) ** 2
        counts[:ahead] += 1
    spread: Vector = np.maximum.accumulate(np.sqrt(squares / np.maximum(counts, 1)))
    return spread
