"""Intervals from what the forecasts really missed: conformal, by horizon and by kind of series.

Held-out errors of like series are pooled after each was divided by its own scale and by the usual
growth of errors with the months ahead. Their quantiles, below and above apart, give the bounds of
a new forecast in its own scale. Forecasts are alike that are equally many scales above zero: that
is where a bound would fall below zero and is cut there; the chance that the cut saves below is
then spent above, so that an 80 % interval of a product that sells now and then holds 80 %, not 90.
Each Syntetos-Boylan class has bounds of its own, drawn toward those of all.

After Vovk, Gammerman and Shafer (2005), with the finite-sample correction of split conformal
prediction over series, since the months of one series miss together, and over times, since a whole
fleet misses together what its last two years did not hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecasting.forecaster import LEVELS, SEASON, Vector
from forecasting.misses_ahead import Grown

__all__ = ["Calibration", "Misses", "independent", "naive_scale", "outward", "series_scale"]

SCALE_MONTHS = 12.0
"""Held-out months at which a series' own misses count as much as its in-sample scale."""

EDGES = np.array([0.5, 1.0, 1.5, 2.5, 4.0, 8.0])
"""Scales above zero between which forecasts are alike."""

FEWEST_IN_CELL = 50.0
"""Series at which a cell of like forecasts counts as much as what was known before."""

TIMES = 50.0
"""Independent times that the held-out months of a fleet count as, however many series it has."""

LEAST_SCALE = 1e-9
STEEPEST = 0.2
MOST_SCALES = 10.0
"""Scales at which an error is cut before growth is estimated."""


@dataclass(frozen=True, eq=False)
class Misses:
    """Held-out months of one series: months ahead, forecast, sold, and the series' scale then.

    The scale of each is that of the other origins, so that no error is measured by itself. `kind`
    is the Syntetos-Boylan class.
    """

    ahead: Vector
    forecast: Vector
    sold: Vector
    scale: Vector
    kind: str = ""


@dataclass(frozen=True, eq=False)
class Calibration:
    """How far forecasts miss, in scales, and the growth of misses with the months ahead.

    `bounds` has shape (cells, levels, 2); `by_kind` has the same of the classes that were seen.
    """

    ratio: float
    growth: float
    bounds: Vector
    by_kind: Mapping[str, Vector] = field(default_factory=dict)

    @classmethod
    def of(
        cls, pooled: Sequence[Misses], prior: Calibration, grown: Grown | None = None
    ) -> Calibration:
        """The calibration that those misses give, drawn toward `prior`.

        `grown` is the growth of misses over a longer past, which outweighs that of the few origins.
        """
        if not pooled:
            return prior
        growth = _growth(pooled, prior.growth)
        growth = growth if grown is None else grown.drawn(growth)
        bounds = _bounds(pooled, growth, prior.bounds)
        kinds = sorted({misses.kind for misses in pooled})
        by_kind = {
            kind: _bounds([m for m in pooled if m.kind == kind], growth, bounds) for kind in kinds
        }
        return cls(prior.ratio, growth, bounds, by_kind)

    @classmethod
    def laplace(cls) -> Calibration:
        """Errors of a Laplace shape, as unlike series have, where nothing was measured yet."""
        tails = np.array([(1 - level / 100) / 2 for level in LEVELS])
        reach = -np.log(2 * tails)
        one = np.stack([-reach, reach], axis=1)
        return cls(1.0, 0.065, np.tile(one, (len(EDGES) + 1, 1, 1)))

    def interval(self, units: Vector, scale: float, kind: str = "") -> tuple[Vector, Vector]:
        """Lower and upper bounds (levels, horizon) around `units`, nested and not negative."""
        bounds = self.by_kind.get(kind, self.bounds)
        steps = scale * horizon_growth(np.arange(1.0, len(units) + 1), self.growth)
        cells = np.searchsorted(EDGES, units / steps)
        below, above = bounds[cells, :, 0].T, bounds[cells, :, 1].T
        lower = np.maximum(units + below * steps, 0.0)
        upper = np.maximum(units + above * steps, 0.0)
        lower = np.minimum(np.minimum.accumulate(lower, axis=0), units)
        upper = np.maximum(np.maximum.accumulate(upper, axis=0), units)
        return lower, upper

    def to_json(self) -> dict[str, Any]:
        """The calibration as JSON."""
        return {
            "ratio": round(self.ratio, 6),
            "growth": round(self.growth, 6),
            "bounds": np.round(self.bounds, 4).tolist(),
            "by_kind": {kind: np.round(own, 4).tolist() for kind, own in self.by_kind.items()},
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Calibration:
        """The calibration that `to_json` wrote."""
        by_kind = {kind: np.array(own) for kind, own in value["by_kind"].items()}
        return cls(value["ratio"], value["growth"], np.array(value["bounds"]), by_kind)


def naive_scale(units: Vector) -> float:
    """How much a history moves: mean absolute difference over a season, or from month to month."""
    lag = SEASON if len(units) >= SEASON + 3 else 1
    moves = np.abs(units[lag:] - units[:-lag]) if len(units) > lag else units
    usual = float(moves.mean()) if len(moves) else 0.0
    return max(usual, 0.02 * float(units.mean()) if len(units) else 0.0, LEAST_SCALE)


def series_scale(in_sample: float, missed: float, months: float) -> float:
    """The scale of a series: its mean held-out miss, drawn toward its in-sample scale."""
    drawn = SCALE_MONTHS * np.log(max(in_sample, LEAST_SCALE))
    drawn += months * np.log(max(missed, 0.05 * in_sample, LEAST_SCALE))
    return float(np.exp(drawn / (SCALE_MONTHS + months)))


def horizon_growth(ahead: Vector, growth: float) -> Vector:
    """How much larger errors are so many months ahead than one month ahead.

    >>> horizon_growth(np.array([1.0, 12.0]), 0.1)
    array([1. , 2.1])
    """
    factors: Vector = 1.0 + growth * (np.asarray(ahead, dtype=np.float64) - 1.0)
    return factors


def _growth(pooled: Sequence[Misses], prior: float) -> float:
    """The share of an error by which it grows a month, half of it as was known before.

    The few origins of a fleet fall in the same months of the year, which would otherwise be taken
    for growth, or for its absence.
    """
    ahead = np.concatenate([misses.ahead for misses in pooled])
    errors = np.concatenate([np.abs(m.sold - m.forecast) / m.scale for m in pooled])
    if len(np.unique(ahead)) < 3:
        return prior
    slope, start = np.polyfit(ahead - 1.0, np.minimum(errors, MOST_SCALES), 1)
    told = float(np.clip(slope / max(start, LEAST_SCALE), 0.0, STEEPEST))
    return 0.5 * (told + prior)


def _bounds(pooled: Sequence[Misses], growth: float, prior: Vector) -> Vector:
    """Bounds in scales by cell and level."""
    steps = np.concatenate([m.scale * horizon_growth(m.ahead, growth) for m in pooled])
    forecast = np.concatenate([m.forecast for m in pooled])
    missed = (np.concatenate([m.sold for m in pooled]) - forecast) / steps
    height = forecast / steps
    series = np.concatenate([np.full(len(m.ahead), i) for i, m in enumerate(pooled)])
    cells = np.searchsorted(EDGES, height)
    bounds = np.empty_like(prior)
    for cell in range(len(EDGES) + 1):
        inside = cells == cell
        for level in range(len(LEVELS)):
            own = _pair(missed[inside], height[inside], series[inside], LEVELS[level] / 100)
            told = len(np.unique(series[inside]))
            share = told / (told + FEWEST_IN_CELL)
            usual = _cut_at_zero(prior[cell], level, height[inside])
            bounds[cell, level] = share * own + (1 - share) * usual
    return bounds


def _cut_at_zero(bounds: Vector, level: int, height: Vector) -> Vector:
    """What was known of a cell's bounds at a level; nothing is spent below where zero cuts."""
    lower, upper = bounds[level]
    if len(height) and lower < -np.median(height):
        # Central bounds have these shares below them; from zero up, the level is the share.
        shares = [0.5, *((1 + np.array(LEVELS) / 100) / 2)]
        upper = np.interp(LEVELS[level] / 100, shares, [0.0, *bounds[:, 1]])
    return np.array([lower, upper])


def _pair(missed: Vector, height: Vector, series: Vector, level: float) -> Vector:
    """Lower and upper quantile of the scaled errors that hold `level` of them, cut at zero."""
    if not len(missed):
        return np.zeros(2)
    tail = (1 - level) / 2
    count = len(np.unique(series))
    lower = float(np.quantile(missed, outward(tail, count)))
    outside = float(np.mean(missed < np.maximum(lower, -height)))
    reach = outward(1 - max(1 - level - outside, 0.0), count)
    upper = float(np.quantile(missed, reach))
    return np.array([lower, upper])


def independent(count: float) -> float:
    """As how many independent series so many of one fleet count: they share the same `TIMES`.

    >>> independent(50), round(independent(5000), 1)
    (25.0, 49.5)
    """
    return count * TIMES / (count + TIMES)


def outward(share: float, count: int) -> float:
    """The share whose quantile is to be taken: farther out the fewer series, and times, there are.

    >>> round(outward(0.9, 100), 3)
    0.912
    """
    moved = (share - 0.5) * (count + 1) / count * (TIMES + 1) / TIMES + 0.5
    return float(np.clip(moved, 0.0, 1.0))
