"""The dynamic optimised theta model (Fiorucci, Pellegrini, Louzada, Petropoulos, Koehler 2016).

For a given smoothing parameter the one-step expectations are linear in the initial level and in
the weight of the trend line, so that both follow from two normal equations and only the smoothing
parameter is searched for.
"""

from __future__ import annotations

import math

import numpy as np

from forecasting.arima.compiled import kernel
from forecasting.forecaster import Vector
from forecasting.models.decomposition import classical_seasonals, has_season

__all__ = ["fit_theta", "predict_theta"]

SEASON = 12
BURN_IN = 3
LOWEST, HIGHEST = 0.1, 0.99
GRID = 10
REFINEMENTS = 12


@kernel
def seasonal_adjustment(y: Vector) -> tuple[Vector, Vector]:
    """What to divide y by and to subtract from it: (factors, offsets), 12 each from y[0] on."""
    factors, offsets = np.ones(SEASON), np.zeros(SEASON)
    if not has_season(y):
        return factors, offsets
    if y.min() > 0.0:
        shape = classical_seasonals(y, True)
        if shape.min() >= 0.01:
            return shape, offsets
    return factors, classical_seasonals(y, False)


@kernel
def _adjust(y: Vector, factors: Vector, offsets: Vector) -> Vector:
    adjusted = np.empty(len(y))
    for t in range(len(y)):
        adjusted[t] = y[t] / factors[t % SEASON] - offsets[t % SEASON]
    return adjusted


@kernel
def _solve_level_and_weight(y: Vector, alpha: float) -> tuple[float, float, float]:
    """Best initial level and trend weight for alpha, and the sum of squares they leave."""
    n = len(y)
    keep = 1.0 - alpha
    base, decay = alpha * y[0], keep
    mean, intercept, slope = y[0], y[0], 0.0
    a11, a12, a22, b1, b2, yy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(1, n):
        trend = intercept * decay + slope * (1.0 - decay * keep) / alpha
        if t >= BURN_IN:
            target = y[t] - base
            a11 += decay * decay
            a12 += decay * trend
            a22 += trend * trend
            b1 += decay * target
            b2 += trend * target
            yy += target * target
        base = alpha * y[t] + keep * base
        decay *= keep
        slope = ((t - 1) * slope + 6.0 * (y[t] - mean) / (t + 1)) / (t + 2)
        mean = (t * mean + y[t]) / (t + 1)
        intercept = mean - slope * (t + 2) / 2.0
    a11 += 1e-12
    determinant = a11 * a22 - a12 * a12
    weight = 0.0
    if determinant > 1e-14 * a11 * a22:
        weight = (a11 * b2 - a12 * b1) / determinant
    weight = min(max(weight, 0.0), 1.0)
    level = (b1 - a12 * weight) / a11
    squares = yy - 2.0 * (level * b1 + weight * b2)
    squares += level * level * a11 + 2.0 * level * weight * a12 + weight * weight * a22
    return level, weight, squares


@kernel
def fit_theta(y: Vector) -> Vector:
    """Initial level, alpha and theta (infinite where the whole trend line counts)."""
    factors, offsets = seasonal_adjustment(y)
    adjusted = _adjust(y, factors, offsets)
    best, at = np.inf, 0.5
    step = (HIGHEST - LOWEST) / (GRID - 1)
    for i in range(GRID):
        _, _, squares = _solve_level_and_weight(adjusted, LOWEST + i * step)
        if squares < best:
            best, at = squares, LOWEST + i * step
    low, high = max(at - step, LOWEST), min(at + step, HIGHEST)
    golden = 0.5 * (math.sqrt(5.0) - 1.0)
    for _ in range(REFINEMENTS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if _solve_level_and_weight(adjusted, left)[2] < _solve_level_and_weight(adjusted, right)[2]:
            high = right
        else:
            low = left
    middle = 0.5 * (low + high)
    if _solve_level_and_weight(adjusted, middle)[2] < best:
        at = middle
    level, weight, _ = _solve_level_and_weight(adjusted, at)
    theta = 1.0 / (1.0 - weight) if weight < 1.0 else np.inf
    return np.array([level, at, theta])


@kernel
def predict_theta(y: Vector, fitted: Vector, horizon: int) -> Vector:
    """Forecasts after y with the fitted level, alpha and theta; not below zero."""
    factors, offsets = seasonal_adjustment(y)
    adjusted = _adjust(y, factors, offsets)
    start, alpha, theta = fitted[0], fitted[1], fitted[2]
    n = len(y)
    keep, weight = 1.0 - alpha, 1.0 - 1.0 / theta
    level = alpha * adjusted[0] + keep * start
    mean, intercept, slope, decay = adjusted[0], adjusted[0], 0.0, keep
    answer = np.empty(horizon)
    for t in range(1, n + horizon):
        expected = level + weight * (intercept * decay + slope * (1.0 - decay * keep) / alpha)
        if t < n:
            value = adjusted[t]
        else:
            value = expected
            answer[t - n] = max((expected + offsets[t % SEASON]) * factors[t % SEASON], 0.0)
        level = alpha * value + keep * level
        decay *= keep
        slope = ((t - 1) * slope + 6.0 * (value - mean) / (t + 1)) / (t + 2)
        mean = (t * mean + value) / (t + 1)
        intercept = mean - slope * (t + 2) / 2.0
    return answer
