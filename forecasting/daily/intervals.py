"""Intervals of daily forecasts from what they really missed: conformal, by lead time and kind.

Held-out errors of like days are pooled after each was divided by its series' scale and by the
usual growth of errors with the days ahead; their quantiles, below and above apart, are the bounds
of a new forecast in its own scale. Days are alike that are forecast equally many scales above
zero: there a bound would fall below zero and is cut, and the chance that the cut saves is spent
above, so that an 80 % interval of a product that sells now and then holds 80 %, not 90. After
Vovk, Gammerman and Shafer (2005).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecasting.forecaster import LEVELS, Vector

__all__ = ["DailyCalibration", "DailyMisses"]

EDGES = np.array([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0])
"""Scales above zero between which days are alike."""

PRIOR_DAYS = 150.0
"""Days in a cell at which they count as much as what was known before."""

STEEPEST = 0.1
MOST_SCALES = 10.0
"""Scales at which an error is cut before growth is estimated."""

TIMES = 70.0
"""Independent times that the held-out days count as: the days of a store are missed together."""

NUDGE = 1e-5
"""Scales by which a bound is moved outward, so that a count that it falls on is inside."""


@dataclass(frozen=True, eq=False)
class DailyMisses:
    """Held-out days: days ahead, forecast, sold, and the series' scale as it was known then."""

    ahead: Vector
    forecast: Vector
    sold: Vector
    scale: Vector


@dataclass(frozen=True, eq=False)
class DailyCalibration:
    """How far days are missed, in scales: `bounds` (cells, levels, 2), and growth by lead time."""

    growth: float
    bounds: Vector

    @classmethod
    def laplace(cls) -> DailyCalibration:
        """Errors of a Laplace shape, where nothing was measured yet."""
        tails = np.array([(1 - level / 100) / 2 for level in LEVELS])
        reach = -np.log(2 * tails)
        return cls(0.0, np.tile(np.stack([-reach, reach], axis=1), (len(EDGES) + 1, 1, 1)))

    @classmethod
    def of(cls, misses: DailyMisses, prior: DailyCalibration) -> DailyCalibration:
        """The calibration that those days give, drawn toward `prior`."""
        if not len(misses.ahead):
            return prior
        growth = _growth(misses, prior.growth)
        steps = misses.scale * (1.0 + growth * (misses.ahead - 1.0))
        missed, height = (misses.sold - misses.forecast) / steps, misses.forecast / steps
        cells = np.searchsorted(EDGES, height)
        bounds = np.empty_like(prior.bounds)
        for cell in range(len(EDGES) + 1):
            inside = cells == cell
            share = inside.sum() / (inside.sum() + PRIOR_DAYS)
            own = [_pair(missed[inside], height[inside], level / 100) for level in LEVELS]
            bounds[cell] = share * np.array(own) + (1 - share) * prior.bounds[cell]
        return cls(growth, bounds)

    def interval(self, units: Vector, scale: float) -> tuple[Vector, Vector]:
        """Lower and upper bounds (levels, horizon) around `units`, nested and not negative."""
        steps = scale * (1.0 + self.growth * np.arange(len(units)))
        cells = np.searchsorted(EDGES, units / steps)
        lower = np.maximum(units + self.bounds[cells, :, 0].T * steps, 0.0)
        upper = np.maximum(units + self.bounds[cells, :, 1].T * steps, 0.0)
        lower = np.minimum(np.minimum.accumulate(lower, axis=0), units)
        upper = np.maximum(np.maximum.accumulate(upper, axis=0), units)
        return lower, upper

    def to_json(self) -> dict[str, Any]:
        """The calibration as JSON."""
        return {"growth": round(self.growth, 6), "bounds": np.round(self.bounds, 6).tolist()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DailyCalibration:
        """The calibration that `to_json` wrote."""
        return cls(value["growth"], np.array(value["bounds"]))


def _growth(misses: DailyMisses, prior: float) -> float:
    """The share of an error by which it grows a day, half of it as was known before."""
    errors = np.minimum(np.abs(misses.sold - misses.forecast) / misses.scale, MOST_SCALES)
    slope, start = np.polyfit(misses.ahead - 1.0, errors, 1)
    told = float(np.clip(slope / max(start, 1e-9), 0.0, STEEPEST))
    return 0.5 * (told + prior)


def _pair(missed: Vector, height: Vector, level: float) -> Vector:
    """Lower and upper quantile of the scaled errors that hold `level` of them, cut at zero."""
    if not len(missed):
        return np.zeros(2)
    lower = float(np.quantile(missed, _outward((1 - level) / 2)))
    outside = float(np.mean(missed < np.maximum(lower, -height)))
    upper = float(np.quantile(missed, _outward(1 - max(1 - level - outside, 0.0))))
    return np.array([lower - NUDGE, upper + NUDGE])


def _outward(share: float) -> float:
    """The share whose quantile is taken, a little farther out: conformal over times, not days."""
    return float(np.clip((share - 0.5) * (TIMES + 1) / TIMES + 0.5, 0.0, 1.0))
