"""Complex exponential smoothing (Svetunkov, Kourentzes and Ord 2022), compiled.

The four kinds (none, simple, partial and full season) start from the states that statsforecast's
AutoCES starts from, are refined by a pass backward through the series, and compete by AICc.
"""

from __future__ import annotations

import math

import numpy as np

from forecasting.arima.compiled import kernel
from forecasting.forecaster import Vector
from forecasting.models.decomposition import classical_seasonals

__all__ = ["fit_ces", "predict_ces"]

SEASON = 12
NONE, SIMPLE, PARTIAL, FULL = 0, 1, 2, 3
LOWER = np.array([0.01, 0.01, 0.01, 0.01])
UPPER = np.array([1.8, 1.9, 1.5, 1.5])
EVALUATIONS = 160
TOLERANCE = 1e-5
PATIENCE, BEHIND = 8.0, 10.0
"""Times the spread of a simplex that it may yet gain, and how far behind it is given up even so."""


@kernel
def _start(y: Vector, kind: int, states: Vector) -> None:
    """Write the states before the first month."""
    if kind == NONE:
        first = min(max(10, SEASON), len(y))
        states[0, 0] = y[:first].mean()
        states[0, 1] = states[0, 0] / 1.1
        return
    if kind == SIMPLE:
        states[:SEASON, 0] = y[:SEASON]
        states[:SEASON, 1] = y[:SEASON] / 1.1
        return
    level = y[:SEASON].mean()
    states[:SEASON, 0] = level
    states[:SEASON, 1] = level / 1.1
    states[:SEASON, 2] = classical_seasonals(y, False)
    states[:SEASON, 3] = states[:SEASON, 2] / 1.1


@kernel
def _expect(states: Vector, i: int, lag: int, kind: int) -> float:
    if kind == SIMPLE:
        return float(states[i - lag, 0])
    if kind == NONE:
        return float(states[i - 1, 0])
    return float(states[i - 1, 0] + states[i - lag, 2])


@kernel
def _update(states: Vector, i: int, lag: int, kind: int, p: Vector, e: float) -> None:
    back = lag if kind == SIMPLE else 1
    level, potential = states[i - back, 0], states[i - back, 1]
    states[i, 0] = level - (1.0 - p[1]) * potential + (p[0] - p[1]) * e
    states[i, 1] = level + (1.0 - p[0]) * potential + (p[0] + p[1]) * e
    if kind == PARTIAL:
        states[i, 2] = states[i - lag, 2] + p[2] * e
    elif kind == FULL:
        level, potential = states[i - lag, 2], states[i - lag, 3]
        states[i, 2] = level - (1.0 - p[3]) * potential + (p[2] - p[3]) * e
        states[i, 3] = level + (1.0 - p[2]) * potential + (p[2] + p[3]) * e


@kernel
def _pass(y: Vector, backward: bool, states: Vector, lag: int, kind: int, p: Vector) -> float:
    """Run through y and one season beyond it; returns the sum of squared errors."""
    n = len(y)
    total = 0.0
    for i in range(lag, n + lag):
        value = y[n - 1 - (i - lag)] if backward else y[i - lag]
        e = value - _expect(states, i, lag, kind)
        total += e * e
        _update(states, i, lag, kind, p, e)
    for i in range(n + lag, n + 2 * lag):
        _update(states, i, lag, kind, p, 0.0)
    return total


@kernel
def _reverse(states: Vector) -> None:
    size = len(states)
    for i in range(size // 2):
        for k in range(states.shape[1]):
            states[i, k], states[size - 1 - i, k] = states[size - 1 - i, k], states[i, k]


@kernel
def run_ces(y: Vector, kind: int, p: Vector, start: Vector, states: Vector) -> float:
    """Forward, backward and forward again from the starting states; n log(sum of squares)."""
    lag = 1 if kind == NONE else SEASON
    states[:lag] = start[:lag]
    _pass(y, False, states, lag, kind, p)
    _reverse(states)
    _pass(y, True, states, lag, kind, p)
    _reverse(states)
    total = _pass(y, False, states, lag, kind, p)
    if not math.isfinite(total):
        return 1e300
    return len(y) * math.log(max(total, 1e-300))


@kernel
def _search(  # noqa: PLR0912  the simplex has that many moves
    y: Vector, kind: int, enough: float, begin: Vector, start: Vector, states: Vector
) -> Vector:
    """The parameters of least error within the bounds, by the simplex of Nelder and Mead (1965).

    It gives up where `PATIENCE` times the spread of its corners would leave it far above `enough`.
    """
    size = len(begin)
    lower, upper = LOWER[:size], UPPER[:size]
    points = np.empty((size + 1, size))
    values = np.empty(size + 1)
    for i in range(size + 1):
        points[i] = begin
        if i > 0:
            step = 0.15 * (upper[i - 1] - lower[i - 1])
            if begin[i - 1] + step > upper[i - 1]:
                step = -step
            points[i, i - 1] += step
        values[i] = run_ces(y, kind, points[i], start, states)
    used = size + 1
    while used < EVALUATIONS:
        order = np.argsort(values)
        points, values = points[order], values[order]
        if values[size] - values[0] <= TOLERANCE * abs(values[0]):
            break
        if values[0] - PATIENCE * (values[size] - values[0]) > enough + BEHIND:
            break
        centre = np.zeros(size)
        for i in range(size):
            centre += points[i] / size
        reflected = np.minimum(np.maximum(2.0 * centre - points[size], lower), upper)
        value = run_ces(y, kind, reflected, start, states)
        used += 1
        if value < values[0]:
            expanded = np.minimum(np.maximum(3.0 * centre - 2.0 * points[size], lower), upper)
            further = run_ces(y, kind, expanded, start, states)
            used += 1
            if further < value:
                points[size], values[size] = expanded, further
            else:
                points[size], values[size] = reflected, value
        elif value < values[size - 1]:
            points[size], values[size] = reflected, value
        else:
            if value < values[size]:
                points[size], values[size] = reflected, value
            inside = 0.5 * (centre + points[size])
            value = run_ces(y, kind, inside, start, states)
            used += 1
            if value < values[size]:
                points[size], values[size] = inside, value
            else:
                for i in range(1, size + 1):
                    points[i] = 0.5 * (points[i] + points[0])
                    values[i] = run_ces(y, kind, points[i], start, states)
                used += size
    best: Vector = points[np.argmin(values)]
    return best


@kernel
def _states_of(y: Vector, kind: int) -> tuple[Vector, Vector]:
    lag = 1 if kind == NONE else SEASON
    return np.zeros((len(y) + 2 * lag, 4)), np.zeros((SEASON, 4))


@kernel
def fit_kind(y: Vector, kind: int, least: float) -> tuple[float, Vector]:
    """AICc and parameters of one kind, which gives up where it would not come below `least`."""
    size = 2 + (1 if kind == PARTIAL else 0) + (2 if kind == FULL else 0)
    begin = np.array([1.3, 1.0, 0.1 if kind == PARTIAL else 1.3, 1.0])[:size]
    count, n = size + 1, len(y)
    if n - count - 1 <= 0:
        return np.inf, begin
    penalty = 2.0 * count + 2.0 * count * (count + 1) / (n - count - 1)
    states, start = _states_of(y, kind)
    _start(y, kind, start)
    found = _search(y, kind, least - penalty, begin, start, states)
    return run_ces(y, kind, found, start, states) + penalty, found


@kernel
def fit_ces(y: Vector) -> Vector:
    """The kind of least AICc and its four parameters, as one row of five."""
    answer = np.array([0.0, 1.3, 1.0, 0.0, 0.0])
    best = np.inf
    for kind in range(FULL if len(y) >= 2 * SEASON else NONE, NONE - 1, -1):
        value, found = fit_kind(y, kind, best)
        if value < best:
            best = value
            answer[:] = 0.0
            answer[0] = kind
            answer[1 : 1 + len(found)] = found
    return answer


@kernel
def predict_ces(y: Vector, fitted: Vector, horizon: int) -> Vector:
    """Forecasts after y with the fitted kind and parameters; not below zero."""
    kind = int(fitted[0])
    lag = 1 if kind == NONE else SEASON
    states, start = _states_of(y, kind)
    _start(y, kind, start)
    run_ces(y, kind, fitted[1:], start, states)
    ahead = np.zeros((lag + horizon, 4))
    ahead[:lag] = states[len(y) : len(y) + lag]
    answer = np.empty(horizon)
    for h in range(horizon):
        answer[h] = max(_expect(ahead, lag + h, lag, kind), 0.0)
        _update(ahead, lag + h, lag, kind, fitted[1:], 0.0)
    return answer
