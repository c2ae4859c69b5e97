"""Rates of sale for products that sell now and then: Croston-SBA, TSB, ADIDA and IMAPA.

Each is a level to be expected in every coming month: Syntetos and Boylan (2005), Teunter, Syntetos
and Babai (2011), Nikolopoulos et al. (2011), Petropoulos and Kourentzes (2015). Parameters are
those of statsforecast's CrostonSBA, TSB(0.1, 0.1), ADIDA and IMAPA.
"""

from __future__ import annotations

import math

import numpy as np

from forecasting.arima.compiled import kernel
from forecasting.forecaster import Vector

__all__ = ["INTERMITTENT", "intermittent_rates"]

INTERMITTENT = ("croston_sba", "tsb", "adida", "imapa")

SMOOTHING = 0.1
LOWEST, HIGHEST = 0.1, 0.3


@kernel
def _smoothed(x: Vector, alpha: float) -> tuple[float, float]:
    """Simple exponential smoothing: the level after the last value, and the squared errors."""
    level, squares = x[0], 0.0
    for t in range(1, len(x)):
        squares += (x[t] - level) ** 2
        level += alpha * (x[t] - level)
    return level, squares


@kernel
def _best_smoothed(x: Vector) -> float:
    """The level by the smoothing parameter between 0.1 and 0.3 with the least squared errors."""
    low, high = LOWEST, HIGHEST
    golden = 0.5 * (math.sqrt(5.0) - 1.0)
    while high - low > 1e-4:
        left, right = high - golden * (high - low), low + golden * (high - low)
        if _smoothed(x, left)[1] < _smoothed(x, right)[1]:
            high = right
        else:
            low = left
    return _smoothed(x, 0.5 * (low + high))[0]


@kernel
def _aggregated_rate(y: Vector, size: int) -> float:
    """Rate a month from sums over blocks of `size` months that end with the last."""
    blocks = len(y) // size
    start = len(y) - blocks * size
    sums = np.zeros(blocks)
    for b in range(blocks):
        for t in range(size):
            sums[b] += y[start + b * size + t]
    return _best_smoothed(sums) / size


@kernel
def intermittent_rates(y: Vector) -> Vector:
    """The four rates in the order of `INTERMITTENT`; zeros for a history without a sale."""
    rates = np.zeros(4)
    n = len(y)
    sizes, gaps = np.zeros(n), np.zeros(n)
    sold = np.zeros(n)
    count, last = 0, -1
    for t in range(n):
        if y[t] != 0.0:
            sizes[count], gaps[count] = y[t], t - last
            sold[t] = 1.0
            last = t
            count += 1
    if count == 0:
        return rates
    size = _smoothed(sizes[:count], SMOOTHING)[0]
    rates[0] = 0.95 * size / _smoothed(gaps[:count], SMOOTHING)[0]
    rates[1] = size * _smoothed(sold, SMOOTHING)[0]
    levels = round(gaps[:count].mean())
    rates[2] = _aggregated_rate(y, levels)
    for k in range(1, levels + 1):
        rates[3] += _aggregated_rate(y, k) / levels
    return rates
