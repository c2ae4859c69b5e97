"""Compiled smoothing of daily sales: the weekday's share, levels, ETS with a weekly season, theta.

All pass over days that were not on sale: their place in the week counts, their sales do not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecasting.arima.compiled import kernel
from forecasting.forecaster import Vector

__all__ = [
    "fit_weekly_ets",
    "fit_weekly_theta",
    "predict_weekly_ets",
    "predict_weekly_theta",
    "smoothed_level",
    "week_profile",
]

WEEK = 7
PROFILE_DAYS = 26 * WEEK
PROFILE_SHRINK = 4.0
"""Usual days that each weekday's mean is mixed with, so that few weeks do not make a shape."""

LEAST_SHARE = 0.05
START_DAYS = 56
MOST_DAYS = 400
"""Days back at which a pass begins: what was before has faded."""

LEVELS = np.array([0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25])
SEASONS = np.array([0.001, 0.01, 0.03, 0.08])
"""Smoothing parameters that are tried."""

Told = NDArray[np.bool_]


@kernel
def week_profile(y: Vector, told: Told) -> Vector:
    """What each place in the week sells, as a share of the mean day, the history's first day 0."""
    n = len(y)
    sums, counts = np.zeros(WEEK), np.zeros(WEEK)
    for t in range(max(0, n - PROFILE_DAYS), n):
        if told[t]:
            sums[t % WEEK] += y[t]
            counts[t % WEEK] += 1.0
    profile = np.ones(WEEK)
    mean = sums.sum() / max(counts.sum(), 1.0)
    if mean > 0.0:
        for d in range(WEEK):
            share = (sums[d] + PROFILE_SHRINK * mean) / (counts[d] + PROFILE_SHRINK)
            profile[d] = share / mean
    return profile


@kernel
def smoothed_level(y: Vector, told: Told, profile: Vector, alpha: float) -> tuple[float, float]:
    """The level of a mean day after the last one, and the squared errors on the way."""
    n = len(y)
    begin = max(0, n - MOST_DAYS)
    total, count, t = 0.0, 0.0, begin
    while t < n and count < START_DAYS:
        if told[t]:
            total += y[t] / max(profile[t % WEEK], LEAST_SHARE)
            count += 1.0
        t += 1
    level, squares = total / max(count, 1.0), 0.0
    for t in range(begin, n):
        if told[t]:
            error = y[t] / max(profile[t % WEEK], LEAST_SHARE) - level
            squares += (error * profile[t % WEEK]) ** 2
            level += alpha * error
    return level, squares


@kernel
def _weekly_states(y: Vector, told: Told, alpha: float, gamma: float) -> tuple[Vector, float]:
    """Level and seven seasonal states of ETS(A,N,A) after y, and the squared errors."""
    n = len(y)
    begin = max(0, n - MOST_DAYS)
    sums, counts = np.zeros(WEEK), np.zeros(WEEK)
    for t in range(begin, min(begin + START_DAYS, n)):
        if told[t]:
            sums[t % WEEK] += y[t]
            counts[t % WEEK] += 1.0
    state = np.zeros(1 + WEEK)
    state[0] = sums.sum() / max(counts.sum(), 1.0)
    for d in range(WEEK):
        if counts[d] > 0.0:
            state[1 + d] = sums[d] / counts[d] - state[0]
    squares = 0.0
    for t in range(begin, n):
        if told[t]:
            error = y[t] - state[0] - state[1 + t % WEEK]
            squares += error * error
            state[0] += alpha * error
            state[1 + t % WEEK] += gamma * error
    return state, squares


@kernel
def fit_weekly_ets(y: Vector, told: Told) -> Vector:
    """The smoothing parameters of level and season with the least squared errors."""
    best, found = np.inf, np.zeros(2)
    for alpha in LEVELS:
        for gamma in SEASONS:
            squares = _weekly_states(y, told, alpha, gamma)[1]
            if squares < best:
                best = squares
                found[0], found[1] = alpha, gamma
    return found


@kernel
def predict_weekly_ets(y: Vector, told: Told, fitted: Vector, horizon: int) -> Vector:
    """Days after y with those smoothing parameters."""
    state = _weekly_states(y, told, fitted[0], fitted[1])[0]
    ahead = np.empty(horizon)
    for i in range(horizon):
        ahead[i] = max(state[0] + state[1 + (len(y) + i) % WEEK], 0.0)
    return ahead


@kernel
def fit_weekly_theta(y: Vector, told: Told) -> Vector:
    """Smoothing parameter and half the slope of the week-adjusted days (Hyndman, Billah 2003)."""
    profile = week_profile(y, told)
    best, found = np.inf, np.zeros(2)
    for alpha in LEVELS:
        squares = smoothed_level(y, told, profile, alpha)[1]
        if squares < best:
            best, found[0] = squares, alpha
    n, days, mean_t, mean_x = len(y), 0.0, 0.0, 0.0
    begin = max(0, n - MOST_DAYS)
    for t in range(begin, n):
        if told[t]:
            days += 1.0
            mean_t += t
            mean_x += y[t] / max(profile[t % WEEK], LEAST_SHARE)
    mean_t, mean_x = mean_t / max(days, 1.0), mean_x / max(days, 1.0)
    both, square = 0.0, 0.0
    for t in range(begin, n):
        if told[t]:
            both += (t - mean_t) * (y[t] / max(profile[t % WEEK], LEAST_SHARE) - mean_x)
            square += (t - mean_t) ** 2
    found[1] = 0.5 * both / max(square, 1.0)
    return found


@kernel
def predict_weekly_theta(y: Vector, told: Told, fitted: Vector, horizon: int) -> Vector:
    """Days after y: the smoothed level, drifting by half the slope, in the week's shape."""
    profile = week_profile(y, told)
    level = smoothed_level(y, told, profile, fitted[0])[0]
    # The smoothed level of a line lags behind it by this many days.
    lag = (1.0 - fitted[0]) / fitted[0] * (1.0 - (1.0 - fitted[0]) ** min(len(y), MOST_DAYS))
    ahead = np.empty(horizon)
    for i in range(horizon):
        drifted = level + fitted[1] * (i + 1 + lag)
        ahead[i] = max(drifted, 0.0) * profile[(len(y) + i) % WEEK]
    return ahead
