"""The lag polynomials of a seasonal ARMA model, several parameter vectors at a time.

An *order* is an int64 vector `(p, q, P, Q, c, s)`: non-seasonal and seasonal orders, 1 where a
mean is estimated, months in a season. *Parameters* are one column a lane, rows
`φ1…φp, θ1…θq, Φ1…ΦP, Θ1…ΘQ, μ`, for

    (1 − φ1 B − …)(1 − Φ1 B^s − …)(w_t − μ) = (1 + θ1 B + …)(1 + Θ1 B^s + …) ε_t
"""

from __future__ import annotations

import numpy as np

from forecasting.arima.compiled import Floats, Integers, kernel
from forecasting.arima.lanes import LANES, fill, put, row, times

__all__ = ["ar_lags", "expand", "is_feasible", "ma_lags", "parameter_count"]


_SEASONAL_AR_ROOT = 1.0101


@kernel
def parameter_count(order: Integers) -> int:
    """Estimated parameters of an order, σ² not counted."""
    return int(order[0] + order[1] + order[2] + order[3] + order[4])


@kernel
def _lags(short: int, seasonal: int, season: int) -> Integers:
    lags = np.empty((short + 1) * (seasonal + 1) - 1, dtype=np.int64)
    count = 0
    for j in range(seasonal + 1):
        for i in range(short + 1):
            if i + j > 0:
                lags[count] = i + season * j
                count += 1
    return lags


@kernel
def ar_lags(order: Integers) -> Integers:
    """Lags at which the expanded autoregressive polynomial is not zero, ascending."""
    return _lags(order[0], order[2], order[5])


@kernel
def ma_lags(order: Integers) -> Integers:
    """Lags at which the expanded moving-average polynomial is not zero, ascending."""
    return _lags(order[1], order[3], order[5])


@kernel
def expand(order: Integers, x: Floats) -> tuple[Floats, Floats]:
    """Coefficients by lag, shape (lags + 1, LANES): `ar` with ar[0] = −1, `ma` with ma[0] = 1."""
    p, q, seasonal_p, seasonal_q, season = order[0], order[1], order[2], order[3], order[5]
    ar = np.zeros((p + season * seasonal_p + 1, LANES))
    ma = np.zeros((q + season * seasonal_q + 1, LANES))
    one, minus_one = fill(1.0), fill(-1.0)
    for j in range(seasonal_p + 1):
        outer = one if j == 0 else times(minus_one, row(x, p + q + j - 1))
        put(ar, season * j, times(minus_one, outer))
        for i in range(p):
            put(ar, i + 1 + season * j, times(outer, row(x, i)))
    for j in range(seasonal_q + 1):
        outer = one if j == 0 else row(x, p + q + seasonal_p + j - 1)
        put(ma, season * j, outer)
        for i in range(q):
            put(ma, i + 1 + season * j, times(outer, row(x, p + i)))
    return ar, ma


@kernel
def _roots_beyond(x: Floats, first: int, count: int, lane: int, sign: float, radius: float) -> bool:
    """True where 1 − sign·Σ x_i z^i has every root outside the circle of that radius.

    Step-down recursion (Barndorff-Nielsen and Schou 1973) of the polynomial in z / radius.
    """
    if count == 0:
        return True
    if count == 1:
        return bool(abs(x[first, lane]) * radius < 1.0)
    if count == 2:
        last = sign * x[first + 1, lane] * radius**2
        return bool(abs(last) < 1.0 and abs(x[first, lane]) * radius < 1.0 - last)
    a = np.empty(5)
    b = np.empty(5)
    power = 1.0
    for i in range(count):
        power *= radius
        a[i] = sign * x[first + i, lane] * power
    for size in range(count, 0, -1):
        r = a[size - 1]
        if not abs(r) < 1.0:
            return False
        for i in range(size - 1):
            b[i] = (a[i] + r * a[size - 2 - i]) / (1.0 - r * r)
        for i in range(size - 1):
            a[i] = b[i]
    return True


@kernel
def is_feasible(order: Integers, x: Floats, lane: int, radius: float) -> bool:
    """True where each of the four polynomials, the seasonal ones in B^s, has its roots beyond.

    Those of the seasonal autoregression stay beyond 1.0101 at least: one that wants to be a
    seasonal difference is held there, where others that come too near are refused.
    """
    p, q, seasonal_p, seasonal_q = order[0], order[1], order[2], order[3]
    return (
        _roots_beyond(x, 0, p, lane, 1.0, radius)
        and _roots_beyond(x, p, q, lane, -1.0, radius)
        and _roots_beyond(x, p + q, seasonal_p, lane, 1.0, max(radius, _SEASONAL_AR_ROOT))
        and _roots_beyond(x, p + q + seasonal_p, seasonal_q, lane, -1.0, radius)
    )
