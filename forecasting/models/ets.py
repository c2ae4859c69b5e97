"""Exponential smoothing in state-space form, fitted by least squares with exact derivatives.

Fifteen forms (error, trend, season) are tried, seasonal ones first, and averaged by their AICc; one
that falls too far behind to be kept is not fitted to the end. Each is fitted by
Levenberg-Marquardt over smoothing parameters and initial states together, whose derivatives run
through the recursion beside the states; for multiplicative errors the residuals are scaled by the
geometric mean of the expectations, so that the sum of squares is the likelihood. The recursion,
bounds and forms are those of Hyndman, Koehler, Ord and Snyder (2008), "Forecasting with
Exponential Smoothing", chapters 2 and 5.
"""

from __future__ import annotations

import math

import numpy as np

from forecasting.arima.compiled import kernel
from forecasting.arima.lanes import LANES
from forecasting.forecaster import Vector
from forecasting.models.ets_recursion import (
    ADDITIVE,
    BLOCKS,
    DAMPED,
    LOWEST_ALPHA,
    LOWEST_PHI,
    MULTIPLICATIVE,
    NONE,
    PATH,
    SEASON,
    SLOPE_ROWS,
    SPAN_ALPHA,
    SPAN_PHI,
    filter_states,
    normal_equations,
)

__all__ = ["FORMS", "fit_ets", "predict_ets"]

FORMS = np.array(
    [
        [error, trend, season]
        for season in (NONE, ADDITIVE, MULTIPLICATIVE)
        for trend in (NONE, ADDITIVE, DAMPED)
        for error in (ADDITIVE, MULTIPLICATIVE)
        if not (error == ADDITIVE and season == MULTIPLICATIVE)
    ],
    dtype=np.int64,
)
"""Error, trend and season of each form that is tried."""

WIDTH = 4 + 2 + SEASON
"""A parameter row: alpha, beta, gamma, phi, level, slope, twelve seasonal states."""

ROUNDS = 25
TOLERANCE = 1e-6
KEPT = 4
FURTHEST = 6.0
"""AICc above the best from which a form is not kept."""


@kernel
def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


@kernel
def _logit(p: float) -> float:
    p = min(max(p, 1e-6), 1.0 - 1e-6)
    return math.log(p / (1.0 - p))


@kernel
def unpack(free: Vector, form: tuple[int, int, int], row: Vector) -> None:
    """Write the parameter row of the free vector, whose parts may be any numbers."""
    _, trend, season = form
    at = 1
    alpha = LOWEST_ALPHA + SPAN_ALPHA * _logistic(free[0])
    beta, gamma, phi = 0.0, 0.0, 1.0
    if trend != 0:
        beta = alpha * _logistic(free[at])
        at += 1
    if season != 0:
        gamma = (1.0 - alpha) * _logistic(free[at])
        at += 1
    if trend == 3:
        phi = LOWEST_PHI + SPAN_PHI * _logistic(free[at])
        at += 1
    row[0], row[1], row[2], row[3] = alpha, beta, gamma, phi
    row[4] = free[at]
    at += 1
    row[5] = 0.0
    if trend != 0:
        row[5] = free[at]
        at += 1
    row[6:] = 1.0 if season == 2 else 0.0
    if season != 0:
        last = 0.0 if season == 1 else 12.0
        for j in range(11):
            row[6 + j] = free[at + j]
            last -= free[at + j]
        row[17] = last


@kernel
def free_size(form: tuple[int, int, int]) -> int:
    _, trend, season = form
    size = 2
    if trend != 0:
        size += 2
    if trend == 3:
        size += 1
    if season != 0:
        size += 12
    return size


@kernel
def _solve(a: Vector, b: Vector, size: int) -> bool:
    """Solve the symmetric positive definite system in place; False where it is not."""
    for i in range(size):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= a[i, k] * a[j, k]
            if i == j:
                if total <= 0.0:
                    return False
                a[i, i] = math.sqrt(total)
            else:
                a[i, j] = total / a[j, j]
    for i in range(size):
        total = b[i]
        for k in range(i):
            total -= a[i, k] * b[k]
        b[i] = total / a[i, i]
    for i in range(size - 1, -1, -1):
        total = b[i]
        for k in range(i + 1, size):
            total -= a[k, i] * b[k]
        b[i] = total / a[i, i]
    return True


@kernel
def _start(  # noqa: PLR0912  the forms differ in what they start with
    y: Vector, form: tuple[int, int, int], free: Vector
) -> None:
    """Initial states from a trend line and mean seasonal deviations, smoothing at usual values."""
    _, trend, season = form
    n = len(y)
    first = min(n, 36)
    mean_t, mean_y = (first - 1) / 2.0, 0.0
    for t in range(first):
        mean_y += y[t] / first
    top, bottom = 0.0, 0.0
    for t in range(first):
        top += (t - mean_t) * (y[t] - mean_y)
        bottom += (t - mean_t) ** 2
    slope = top / max(bottom, 1.0)
    if first < 24:
        slope *= 0.0
    if mean_y - slope * mean_t <= 0.1 * mean_y:
        slope = 0.0
    free[0] = _logit(0.3)
    at = 1
    if trend != 0:
        free[at] = _logit(0.1)
        at += 1
    if season != 0:
        free[at] = _logit(0.07)
        at += 1
    if trend == 3:
        free[at] = _logit(0.7)
        at += 1
    if trend == 0:
        free[at] = mean_y
        at += 1
    else:
        free[at] = mean_y - slope * (mean_t + 1.0)
        free[at + 1] = slope
        at += 2
    if season == 0:
        return
    deviation = np.zeros(12)
    count = np.zeros(12)
    for t in range(first):
        line = mean_y + slope * (t - mean_t)
        if season == 1:
            deviation[t % 12] += y[t] - line
        else:
            deviation[t % 12] += y[t] / max(line, 1e-9)
        count[t % 12] += 1.0
    mean = 0.0
    for j in range(12):
        if count[j] == 0.0:
            deviation[j] = 0.0 if season == 1 else 1.0
        else:
            deviation[j] /= count[j]
        if season == 2:
            deviation[j] = max(deviation[j], 0.02)
        mean += deviation[j] / 12.0
    for j in range(11):
        free[at + j] = deviation[j] - mean if season == 1 else deviation[j] / mean


@kernel
def fit_form(
    y: Vector,
    form: tuple[int, int, int],
    enough: float,
    parameters: Vector,
    path: Vector,
    jacobian: Vector,
) -> float:
    """Fit one form; writes its parameter row and returns minus twice its log-likelihood.

    It gives up where it would stay above `enough` if every round that is left gained what the
    better of the last two did.
    """
    n = len(y)
    size = free_size(form)
    free, trial, state = np.zeros(size), np.zeros(size), np.zeros(2 + SEASON)
    _start(y, form, free)
    unpack(free, form, parameters)
    best = filter_states(y, parameters, form, state, path)
    if not math.isfinite(best):
        return np.inf
    damping = 1e-2
    slopes = np.zeros((SLOPE_ROWS, LANES))
    products = np.zeros((BLOCKS * LANES + 1, BLOCKS * LANES))
    a, step = np.zeros((size, size)), np.zeros(size)
    before = 0.0
    for done in range(ROUNDS):
        normal_equations(y, parameters, form, size, path, slopes, jacobian, products)
        moved, gain = False, 0.0
        for _ in range(6):
            for i in range(size):
                for j in range(i + 1):
                    a[i, j] = products[i, j]
                a[i, i] += damping * products[i, i] + 1e-9 * products[i, i] + 1e-300
                step[i] = -products[BLOCKS * LANES, i]
            if not _solve(a, step, size):
                damping = max(damping, 1e-6) * 10.0
                continue
            for i in range(size):
                trial[i] = free[i] + step[i]
            for i in range(size - (12 if form[2] != 0 else 1) - (1 if form[1] != 0 else 0)):
                trial[i] = min(max(trial[i], free[i] - 2.0), free[i] + 2.0)
                trial[i] = min(max(trial[i], -9.0), 9.0)
            unpack(trial, form, parameters)
            value = filter_states(y, parameters, form, state, path)
            if value < best:
                gain = (best - value) / n
                best = value
                free[:] = trial
                damping = max(damping * 0.2, 1e-7)
                moved = True
                break
            damping = max(damping, 1e-6) * 8.0
        if not moved or gain < TOLERANCE or best < n * math.log(1e-20 * n):
            break
        hoped = (ROUNDS - 1 - done) * n * max(gain, before)
        before = gain
        if best - hoped > enough:
            break
        # the path of the accepted point is in place
    unpack(free, form, parameters)
    return best


@kernel
def fit_ets(y: Vector) -> Vector:
    """The best few forms for y: rows of (weight, form number, parameters), weights by AICc.

    Returns shape (k, 2 + WIDTH), best first, k at most 4; one row without trend or season where
    nothing else can be estimated.
    """
    n = len(y)
    positive = True
    for t in range(n):
        if y[t] <= 0.0:
            positive = False
    path, jacobian = np.zeros((n, PATH)), np.zeros((n * BLOCKS, LANES))
    rows = np.zeros((len(FORMS), WIDTH))
    aicc = np.full(len(FORMS), np.inf)
    for f in range(len(FORMS) - 1, -1, -1):
        form = (FORMS[f, 0], FORMS[f, 1], FORMS[f, 2])
        size = free_size(form) + 1
        if n - size - 1 <= 0 or (not positive and (form[0] == 2 or form[2] == 2)):
            continue
        penalty = 2.0 * size + 2.0 * size * (size + 1) / (n - size - 1)
        enough = aicc.min() + FURTHEST - penalty
        aicc[f] = fit_form(y, form, enough, rows[f], path, jacobian) + penalty
    order = np.argsort(aicc)
    if not math.isfinite(aicc[order[0]]):
        alone = np.zeros((1, 2 + WIDTH))
        alone[0, 0] = 1.0
        alone[0, 2], alone[0, 5], alone[0, 6] = 0.3, 1.0, y.mean()
        return alone
    kept = 1
    while kept < KEPT and aicc[order[kept]] < aicc[order[0]] + FURTHEST:
        kept += 1
    answer = np.zeros((kept, 2 + WIDTH))
    total = 0.0
    for k in range(kept):
        answer[k, 0] = math.exp(-0.5 * (aicc[order[k]] - aicc[order[0]]))
        total += answer[k, 0]
        answer[k, 1] = order[k]
        answer[k, 2:] = rows[order[k]]
    answer[:, 0] /= total
    return answer


@kernel
def predict_ets(y: Vector, fitted: Vector, horizon: int) -> Vector:
    """The mean of the fitted forms' forecasts after y, by their weights; not below zero."""
    answer = np.zeros(horizon)
    path, state = np.zeros((len(y), PATH)), np.zeros(2 + SEASON)
    total = 0.0
    for k in range(len(fitted)):
        f = int(fitted[k, 1])
        form = (FORMS[f, 0], FORMS[f, 1], FORMS[f, 2])
        if not math.isfinite(filter_states(y, fitted[k, 2:], form, state, path)):
            continue
        phi = fitted[k, 5]
        total += fitted[k, 0]
        drift, power = 0.0, phi
        for h in range(horizon):
            drift += power
            power *= phi
            value = state[0] + drift * state[1]
            s = state[2 + (len(y) + h) % 12]
            if form[2] == 1:
                value += s
            elif form[2] == 2:
                value *= s
            answer[h] += fitted[k, 0] * max(value, 0.0)
    if total <= 0.0:
        answer[:] = y.mean()
        return answer
    return answer / total
