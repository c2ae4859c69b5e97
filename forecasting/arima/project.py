"""Forecasts of one fitted model: the exact filter's prediction and its variance by psi weights.

The weights are those of the filter's own innovations, whose variance and gain are followed on for
the months ahead, so that they hold in a short history too; in a long one they become the familiar
ψ weights of the model.
"""

from __future__ import annotations

import numpy as np

from forecasting.arima.compiled import Floats, Integers, kernel
from forecasting.arima.differencing import difference
from forecasting.arima.lanes import LANES, put, row, times
from forecasting.arima.likelihood import exact_pass, rotate
from forecasting.arima.polynomials import ar_lags, expand

__all__ = ["project"]


@kernel
def _advance(state: Floats, ar: Floats, lags: Integers) -> None:
    """The transition of one state vector (states,), in place."""
    first = state[0]
    for i in range(state.size - 1):
        state[i] = state[i + 1]
    state[-1] = 0.0
    for lag in lags:
        state[lag - 1] += ar[lag, 0] * first


@kernel
def _innovation_weights(
    gain: Floats, change: Floats, variance: Floats, ar: Floats, lags: Integers, horizon: int
) -> tuple[Floats, Floats]:
    """How the innovation of month j weighs in month h (horizon, horizon), and its variances."""
    weights = np.zeros((horizon, horizon))
    variances = np.empty(horizon)
    for j in range(horizon):
        variances[j] = variance[0, 0]
        weights[j, j] = 1.0
        effect = gain[:, 0].copy()
        for h in range(j + 1, horizon):
            weights[h, j] = effect[0]
            _advance(effect, ar, lags)
        put(variance, 0, times(row(variance, 0), rotate(gain, change, ar, lags)))
    return weights, variances


@kernel
def _cumulate(weights: Floats, lag: int, times: int) -> None:
    for _ in range(times):
        for h in range(lag, weights.shape[0]):
            weights[h] += weights[h - lag]


@kernel
def _undifference(path: Floats, y: Floats, lag: int, times: int) -> None:
    """`path` continues `y` differenced `times` at `lag`; gives how `y` itself continues."""
    for left in range(times - 1, -1, -1):
        known = difference(y, lag, left)
        n = known.size
        for h in range(path.size):
            path[h] += known[n + h - lag] if h < lag else path[h - lag]


@kernel
def project(
    y: Floats, order: Integers, d: int, seasonal_d: int, x: Floats, horizon: int
) -> tuple[Floats, Floats, Floats]:
    """Mean and variance over σ² (horizon,) of a model of `y`, and its standardised errors.

    The errors are those of the differenced series, (n − d − 12 D,).
    """
    season = order[5]
    z = difference(y, season, seasonal_d)
    w = difference(z, 1, d)
    lanes = np.empty((x.size, LANES))
    for i in range(x.size):
        lanes[i] = x[i]
    errors, _, states, gain, change, variance = exact_pass(w, order, lanes)
    ar, lags = expand(order, lanes)[0], ar_lags(order)
    mean = x[x.size - 1] if order[4] else 0.0
    path = np.empty(horizon)
    state = states[: gain.shape[0], 0].copy()
    for h in range(horizon):
        path[h] = state[0] + mean
        _advance(state, ar, lags)
    _undifference(path, z, 1, d)
    _undifference(path, y, season, seasonal_d)
    weights, variances = _innovation_weights(gain, change, variance, ar, lags, horizon)
    _cumulate(weights, 1, d)
    _cumulate(weights, season, seasonal_d)
    spread = np.empty(horizon)
    for h in range(horizon):
        spread[h] = np.sum(weights[h] * weights[h] * variances)
    return path, spread, errors[:, 0].copy()
