"""The exact likelihood once more, slowly and in extended precision: the yardstick of the kernels.

The recursion of `forecasting.arima.likelihood` loses digits where several roots nearly touch the
unit circle at once. The engine keeps away from there; whoever compares models at any parameters
takes this one: the ordinary Kalman filter of Harvey's state space (Gardner, Harvey and Phillips
1980, AS 154), in the longest floating point numbers that the machine has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from forecasting.arima.compiled import Floats
from forecasting.arima.differencing import difference
from forecasting.arima.lanes import LANES
from forecasting.arima.polynomials import expand

__all__ = ["log_likelihood"]

_Extended = np.ndarray[Any, np.dtype[np.longdouble]]


def log_likelihood(
    y: Sequence[float] | Floats,
    order: tuple[int, int, int],
    seasonal_order: tuple[int, int, int],
    parameters: Sequence[float] | Floats,
    sigma2: float | None = None,
    constant: bool = False,
    season: int = 12,
) -> float:
    """The exact Gaussian log-likelihood of `y` (n,), given its first d + season × D months.

    `parameters` are φ, θ, Φ, Θ and, with `constant`, the mean of the differenced series; `sigma2`
    is the variance of the innovations, the most likely one where it is not given. −∞ where the
    model is not stationary.

    >>> round(log_likelihood([1.0, -1.0], (0, 0, 0), (0, 0, 0), [], sigma2=1.0), 4)
    -2.8379
    """
    (p, d, q), (seasonal_p, seasonal_d, seasonal_q) = order, seasonal_order
    w = difference(np.asarray(y, dtype=np.float64), season, seasonal_d)
    w = difference(w, 1, d)
    x = np.array(parameters, dtype=np.float64).reshape(-1, 1)
    orders = np.array([p, q, seasonal_p, seasonal_q, int(constant), season])
    ar, ma = expand(orders, np.repeat(x, LANES, axis=1))
    mean = float(x[-1, 0]) if constant else 0.0
    squares, log_det = _filter(
        w.astype(np.longdouble) - mean,
        ar[:, 0].astype(np.longdouble),
        ma[:, 0].astype(np.longdouble),
    )
    if not math.isfinite(squares + log_det):
        return -math.inf
    if sigma2 is None:
        sigma2 = squares / len(w)
    return -0.5 * (len(w) * math.log(2 * math.pi * sigma2) + log_det + squares / sigma2)


def _filter(w: _Extended, ar: _Extended, ma: _Extended) -> tuple[float, float]:
    """Sum of the squared standardised errors and of the log variances, for σ² = 1."""
    covariance, coefficients, noise = _stationary_state(ar, ma)
    if not covariance[0, 0] > 0:
        return math.nan, math.nan
    state = np.zeros(len(noise), dtype=np.longdouble)
    squares = log_det = np.longdouble(0)
    for value in w:
        error, variance = value - state[0], covariance[0, 0]
        squares += error * error / variance
        log_det += np.log(variance)
        state = _moved(state + covariance[0] * (error / variance), coefficients)
        covariance = covariance - np.outer(covariance[0], covariance[0]) / variance
        covariance = _moved(_moved(covariance, coefficients).T, coefficients)
        covariance += np.outer(noise, noise)
    return float(squares), float(log_det)


def _moved(state: _Extended, coefficients: _Extended) -> _Extended:
    """The transition of a state vector, or of each column of a matrix."""
    moved: _Extended = np.multiply.outer(coefficients, state[0])
    moved[:-1] += state[1:]
    return moved


def _stationary_state(ar: _Extended, ma: _Extended) -> tuple[_Extended, _Extended, _Extended]:
    """Covariance of the first state (NaN: not stationary), and φ and θ as long as the state."""
    size = max(len(ar) - 1, len(ma))
    coefficients, noise = np.zeros((2, size), dtype=np.longdouble)
    coefficients[: len(ar) - 1], noise[: len(ma)] = ar[1:], ma
    gamma, psi = _autocovariances(ar, ma), _psi_weights(ar, ma)
    with_value = np.array(
        [
            ar[i + 1 :] @ gamma[1 : len(ar[i + 1 :]) + 1] + ma[i:] @ psi[: len(ma[i:])]
            for i in range(size)
        ]
    )
    covariance = np.zeros((size + 1, size + 1), dtype=np.longdouble)
    ahead = np.append(with_value, np.longdouble(0))[1:]
    for i in range(size - 1, -1, -1):
        covariance[i, :-1] = covariance[i + 1, 1:] + noise[i] * noise
        covariance[i, :-1] += coefficients[i] * (coefficients * gamma[0] + ahead)
        covariance[i, :-1] += coefficients * ahead[i]
    return covariance[:-1, :-1], coefficients, noise


def _psi_weights(ar: _Extended, ma: _Extended) -> _Extended:
    psi = ma.copy()
    for k in range(1, len(ma)):
        reach = min(k, len(ar) - 1)
        psi[k] += ar[1 : reach + 1] @ psi[k - reach : k][::-1]
    return psi


def _autocovariances(ar: _Extended, ma: _Extended) -> _Extended:
    """Autocovariances by step-down, then Levinson, then the moving average's own."""
    size, reach = len(ar) - 1, len(ma) - 1
    steps, variance = [ar[1:]], np.longdouble(1)
    while len(steps[-1]):
        *_, last = steps[-1]
        rest = 1 - last * last
        variance = variance / rest if rest > 0 else np.longdouble("nan")
        head = steps[-1][:-1]
        steps.append((head + last * head[::-1]) / rest)
    g = np.zeros(size + 2 * reach + 1, dtype=np.longdouble)
    g[reach] = variance
    for k in range(1, size + reach + 1):
        step = steps[max(size - k, 0)]
        g[reach + k] = step @ g[reach + k - len(step) : reach + k][::-1]
    g[:reach] = g[reach + 1 : 2 * reach + 1][::-1]
    products = np.correlate(ma, ma, "full")
    return np.array([products @ g[k : k + 2 * reach + 1] for k in range(size + 1)])
