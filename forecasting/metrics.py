"""How far forecasts were from what was sold, each measure with its formula and source.

Vectors of equal length go in, one number comes out; y is what was sold, f the forecast, e = f − y.
A measure that has nothing to divide by is NaN.

>>> wape(np.array([10.0, 0.0]), np.array([8.0, 1.0]))
0.3
"""

from __future__ import annotations

import numpy as np

from forecasting.forecaster import SEASON, Vector

__all__ = [
    "bias",
    "coverage",
    "interval_losses",
    "mase",
    "mase_scale",
    "pinball_losses",
    "ratio",
    "rmsse",
    "rmsse_scale",
    "skill",
    "smape",
    "smape_terms",
    "wape",
]


def wape(actual: Vector, forecast: Vector) -> float:
    """Weighted absolute percentage error, Σ|e| / Σy, as a share (Kolassa and Schütz 2007)."""
    return ratio(np.abs(forecast - actual).sum(), actual.sum())


def bias(actual: Vector, forecast: Vector) -> float:
    """Σe / Σy: positive where more was forecast than sold.

    >>> bias(np.array([10.0, 10.0]), np.array([9.0, 9.0]))
    -0.1
    """
    return ratio((forecast - actual).sum(), actual.sum())


def smape_terms(actual: Vector, forecast: Vector) -> Vector:
    """2|e| / (|y| + |f|) of each pair, 0 where both are zero (Makridakis et al. 2020, M4)."""
    size = np.abs(actual) + np.abs(forecast)
    terms: Vector = 2 * np.abs(forecast - actual) / np.where(size > 0, size, 1.0)
    return terms


def smape(actual: Vector, forecast: Vector) -> float:
    """The mean of `smape_terms`, as a share (0 to 2); M4 prints it times 100.

    >>> smape(np.array([10.0, 0.0]), np.array([30.0, 0.0]))
    0.5
    """
    return float(smape_terms(actual, forecast).mean())


def mase_scale(history: Vector, season: int = SEASON) -> float:
    """Mean |yₜ − yₜ₋ₛ| of a history, what MASE divides by (Hyndman and Koehler 2006, eq. 4).

    NaN where the history is not longer than a season, or its seasons are all alike.

    >>> mase_scale(np.array([1.0, 5.0, 2.0, 9.0]), season=2)
    2.5
    """
    differences = np.abs(history[season:] - history[:-season])
    return float(differences.mean()) if differences.any() else np.nan


def rmsse_scale(history: Vector, season: int = SEASON) -> float:
    """√ mean (yₜ − yₜ₋ₛ)² of a history, what RMSSE divides by (as Makridakis et al. 2022, M5).

    M5 takes s = 1; a season is taken here, so that RMSSE and MASE compare with one rule.

    >>> rmsse_scale(np.array([1.0, 5.0, 2.0, 12.0]), season=2)
    5.0
    """
    differences = (history[season:] - history[:-season]) ** 2
    return float(np.sqrt(differences.mean())) if differences.any() else np.nan


def mase(actual: Vector, forecast: Vector, scale: Vector | float) -> float:
    """Mean absolute scaled error, mean(|e| / scale) over the pairs that have a scale."""
    return _mean(np.abs(forecast - actual) / scale)


def rmsse(actual: Vector, forecast: Vector, scale: Vector | float) -> float:
    """Root mean squared scaled error, √ mean((e / scale)²) over the pairs that have a scale."""
    return float(np.sqrt(_mean(((forecast - actual) / scale) ** 2)))


def pinball_losses(actual: Vector, bound: Vector, share: float) -> Vector:
    """Loss of `bound` q as the quantile at `share` p: p·(y − q) above it, (1 − p)·(q − y) below.

    (Koenker and Bassett 1978; Gneiting 2011.)

    >>> pinball_losses(np.array([12.0, 7.0]), np.array([10.0, 10.0]), 0.9)
    array([1.8, 0.3])
    """
    over = actual - bound
    losses: Vector = np.maximum(share * over, (share - 1) * over)
    return losses


def coverage(actual: Vector, lower: Vector, upper: Vector) -> float:
    """Share of what was sold that lay within its bounds, the bounds included."""
    return float(((lower <= actual) & (actual <= upper)).mean())


def interval_losses(actual: Vector, lower: Vector, upper: Vector, level: float) -> Vector:
    """Winkler's score of each interval: its width, and 2/α times what was sold beyond it.

    α = 1 − level/100 (Winkler 1972; Gneiting and Raftery 2007, eq. 43).

    >>> interval_losses(np.array([5.0, 12.0]), np.zeros(2), np.full(2, 10.0), 80)
    array([10., 30.])
    """
    beyond = np.maximum(lower - actual, 0) + np.maximum(actual - upper, 0)
    losses: Vector = upper - lower + 2 / (1 - level / 100) * beyond
    return losses


def skill(loss: float, reference: float) -> float:
    """1 − loss / reference: the share of the reference's loss that is saved.

    >>> skill(3.0, 4.0)
    0.25
    """
    return 1 - ratio(loss, reference)


def ratio(part: float, whole: float) -> float:
    """part / whole, NaN where there is nothing to divide by.

    >>> ratio(1, 4), ratio(1, 0)
    (0.25, nan)
    """
    return float(part) / float(whole) if whole else np.nan


def _mean(values: Vector) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan
