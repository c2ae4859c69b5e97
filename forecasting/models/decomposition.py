"""The seasonal shape of a series by classical decomposition, and whether it has one.

As statsforecast and Fiorucci et al. (2016) use it before the theta method: the shape is removed
where the autocorrelation at one season is significant at 90 %, by ratios for positive series.
"""

from __future__ import annotations

import math

import numpy as np

from forecasting.arima.compiled import kernel
from forecasting.forecaster import Vector

__all__ = ["classical_seasonals", "has_season"]

SEASON = 12


@kernel
def has_season(y: Vector) -> bool:
    """Whether the autocorrelation at lag 12 exceeds its limit; needs two seasons."""
    n = len(y)
    if n < 2 * SEASON:
        return False
    deviation = y - y.mean()
    variance = (deviation * deviation).sum()
    if variance <= 0.0:
        return False
    below = 0.0
    at_season = 0.0
    for lag in range(1, SEASON + 1):
        r = (deviation[lag:] * deviation[: n - lag]).sum() / variance
        if lag < SEASON:
            below += r * r
        else:
            at_season = r
    return abs(at_season) > 1.6448536269514722 * math.sqrt((1.0 + 2.0 * below) / n)


@kernel
def classical_seasonals(y: Vector, multiplicative: bool) -> Vector:
    """Twelve seasonal states, that of y[0] first: mean ratios to (or deviations from) the trend.

    The trend is the centred moving average over a season; they average 1 (or add up to 0).
    """
    n = len(y)
    sums, counts = np.zeros(SEASON), np.zeros(SEASON)
    half = SEASON // 2
    for t in range(half, n - half):
        trend = 0.5 * (y[t - half] + y[t + half])
        for j in range(t - half + 1, t + half):
            trend += y[j]
        trend /= SEASON
        sums[t % SEASON] += y[t] / trend if multiplicative else y[t] - trend
        counts[t % SEASON] += 1.0
    seasonals = np.zeros(SEASON)
    for j in range(SEASON):
        seasonals[j] = sums[j] / max(counts[j], 1.0)
    mean = seasonals.mean()
    shape: Vector = seasonals / mean if multiplicative else seasonals - mean
    return shape
