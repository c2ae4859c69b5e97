"""Exponential smoothing in state-space form, fitted by least squares with exact derivatives.

Fifteen forms (error, trend, season) are tried and averaged by their AICc. Each is fitted by
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
from forecasting.forecaster import Vector

__all__ = ["FORMS", "fit_ets", "predict_ets"]

SEASON = 12
NONE, ADDITIVE, MULTIPLICATIVE, DAMPED = 0, 1, 2, 3

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


@kernel
def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


@kernel
def _logit(p: float) -> float:
    p = min(max(p, 1e-6), 1.0 - 1e-6)
    return math.log(p / (1.0 - p))


@kernel
def _unpack(free: Vector, form: tuple[int, int, int], row: Vector) -> None:
    """Write the parameter row of the free vector; returns the positions of its parts."""
    _, trend, season = form
    at = 1
    alpha = 1e-4 + 0.9998 * _logistic(free[0])
    beta, gamma, phi = 0.0, 0.0, 1.0
    if trend != 0:
        beta = alpha * _logistic(free[at])
        at += 1
    if season != 0:
        gamma = (1.0 - alpha) * _logistic(free[at])
        at += 1
    if trend == 3:
        phi = 0.8 + 0.18 * _logistic(free[at])
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
def _free_size(form: tuple[int, int, int]) -> int:
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
def filter_states(
    y: Vector, row: Vector, form: tuple[int, int, int], state: Vector, errors: Vector
) -> float:
    """Run the recursion over y; leaves the final state and returns minus twice the log-likelihood.

    Up to a constant, as statsforecast counts it: n log(sum of squares), for multiplicative errors
    plus twice the sum of log expectations. Infinite where an expectation is not positive then.
    """
    error, _, season = form
    alpha, beta, gamma, phi = row[0], row[1], row[2], row[3]
    level, slope = row[4], row[5]
    seasonal = state[2:]
    seasonal[:] = row[6:]
    total, logs = 0.0, 0.0
    for t in range(len(y)):
        j = t % 12
        q = level + phi * slope
        s = seasonal[j]
        if season == 0:
            mu, u = q, y[t] - q
        elif season == 1:
            mu, u = q + s, y[t] - s - q
        else:
            mu = q * s
            if s <= 0.0 or q <= 0.0:
                return np.inf
            u = y[t] / s - q
        e = y[t] - mu
        if error == 2:
            if mu <= 1e-12:
                return np.inf
            e /= mu
            logs += math.log(mu)
        errors[t] = e
        total += e * e
        level = q + alpha * u
        slope = phi * slope + beta * u
        if season == 1:
            seasonal[j] = s + gamma * (y[t] - q - s)
        elif season == 2:
            seasonal[j] = s + gamma * (y[t] / q - s)
    state[0], state[1] = level, slope
    if not math.isfinite(total):
        return np.inf
    return len(y) * math.log(max(total, 1e-300)) + 2.0 * logs


@kernel
def _residuals_and_slopes(  # noqa: PLR0912, PLR0915  one recursion with its derivatives
    y: Vector,
    row: Vector,
    form: tuple[int, int, int],
    size: int,
    residual: Vector,
    jacobian: Vector,
    work: Vector,
) -> float:
    """Residuals whose squares add up to the (monotone) likelihood, with their derivatives.

    Returns the sum of squares, infinite where the parameters leave the model's domain. `work`
    holds the derivatives of level, slope, one-step level, update and the twelve seasonal states.
    """
    error, trend, season = form
    alpha, beta, gamma, phi = row[0], row[1], row[2], row[3]
    n = len(y)
    work[:, :size] = 0.0
    d_level, d_slope, d_q, d_u = work[0], work[1], work[2], work[3]
    d_seasonal = work[4:16]
    d_logs = work[16]
    d_alpha = alpha - 1e-4
    d_alpha = d_alpha * (1.0 - d_alpha / 0.9998)
    at = 1
    at_beta, at_gamma, at_phi = -1, -1, -1
    if trend != 0:
        at_beta = at
        at += 1
    if season != 0:
        at_gamma = at
        at += 1
    if trend == 3:
        at_phi = at
        at += 1
    ratio_beta = beta / alpha
    d_beta = beta * (1.0 - ratio_beta)
    ratio_gamma = gamma / (1.0 - alpha)
    d_gamma = gamma * (1.0 - ratio_gamma)
    d_phi = (phi - 0.8) * (1.0 - (phi - 0.8) / 0.18)
    d_level[at] = 1.0
    at += 1
    if trend != 0:
        d_slope[at] = 1.0
        at += 1
    if season != 0:
        for j in range(11):
            d_seasonal[j, at + j] = 1.0
            d_seasonal[11, at + j] = -1.0
    level, slope = row[4], row[5]
    seasonal = row[6:].copy()
    total, logs = 0.0, 0.0
    for t in range(n):
        j = t % 12
        q = level + phi * slope
        s = seasonal[j]
        d_s = d_seasonal[j]
        out = jacobian[t]
        for k in range(size):
            d_q[k] = d_level[k] + phi * d_slope[k]
        if trend == 3:
            d_q[at_phi] += d_phi * slope
        if season == 0:
            mu, u = q, y[t] - q
            for k in range(size):
                d_u[k] = -d_q[k]
                out[k] = d_q[k]
        elif season == 1:
            mu, u = q + s, y[t] - s - q
            for k in range(size):
                out[k] = d_q[k] + d_s[k]
                d_u[k] = -out[k]
        else:
            if s <= 1e-9 or q <= 1e-9:
                return np.inf
            mu, u = q * s, y[t] / s - q
            c = y[t] / (s * s)
            for k in range(size):
                out[k] = d_q[k] * s + q * d_s[k]
                d_u[k] = -c * d_s[k] - d_q[k]
        e = y[t] - mu
        if error == 2:
            if mu <= 1e-9:
                return np.inf
            e /= mu
            logs += math.log(mu)
            c = y[t] / (mu * mu)
            for k in range(size):
                d_logs[k] += out[k] / mu
                out[k] = -c * out[k]
        else:
            for k in range(size):
                out[k] = -out[k]
        residual[t] = e
        total += e * e
        level = q + alpha * u
        for k in range(size):
            d_level[k] = d_q[k] + alpha * d_u[k]
        d_level[0] += d_alpha * u
        if trend != 0:
            for k in range(size):
                d_slope[k] = phi * d_slope[k] + beta * d_u[k]
            d_slope[0] += ratio_beta * d_alpha * u
            d_slope[at_beta] += d_beta * u
            if trend == 3:
                d_slope[at_phi] += d_phi * slope
            slope = phi * slope + beta * u
        if season != 0:
            if season == 1:
                w = y[t] - q - s
                for k in range(size):
                    d_s[k] += gamma * (-d_q[k] - d_s[k])
            else:
                w = y[t] / q - s
                c = y[t] / (q * q)
                for k in range(size):
                    d_s[k] += gamma * (-c * d_q[k] - d_s[k])
            d_s[at_gamma] += d_gamma * w
            d_s[0] -= ratio_gamma * d_alpha * w
            seasonal[j] = s + gamma * w
    if not math.isfinite(total):
        return np.inf
    if error == 2:
        g = math.exp(logs / n)
        for t in range(n):
            for k in range(size):
                jacobian[t, k] = g * (jacobian[t, k] + residual[t] * d_logs[k] / n)
            residual[t] *= g
        total *= g * g
    return total


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
def _fit_form(  # noqa: PLR0912  Levenberg-Marquardt in one place
    y: Vector,
    form: tuple[int, int, int],
    row: Vector,
    jacobian: Vector,
    residual: Vector,
    work: Vector,
) -> float:
    """Fit one form; writes its parameter row and returns minus twice its log-likelihood."""
    n = len(y)
    size = _free_size(form)
    free, trial = np.zeros(size), np.zeros(size)
    _start(y, form, free)
    _unpack(free, form, row)
    best = _residuals_and_slopes(y, row, form, size, residual, jacobian, work)
    if not math.isfinite(best):
        return np.inf
    damping = 1e-2
    hessian, gradient = np.zeros((size, size)), np.zeros(size)
    a, step = np.zeros((size, size)), np.zeros(size)
    tiny = 1e-20 * n
    for _ in range(ROUNDS):
        hessian[:] = 0.0
        gradient[:] = 0.0
        for t in range(n):
            line = jacobian[t]
            r = residual[t]
            for i in range(size):
                v = line[i]
                gradient[i] += v * r
                for j in range(i + 1):
                    hessian[i, j] += v * line[j]
        moved, gain = False, 0.0
        for _ in range(6):
            for i in range(size):
                for j in range(i + 1):
                    a[i, j] = hessian[i, j]
                a[i, i] += damping * hessian[i, i] + 1e-9 * hessian[i, i] + 1e-300
                step[i] = -gradient[i]
            if not _solve(a, step, size):
                damping = max(damping, 1e-6) * 10.0
                continue
            for i in range(size):
                trial[i] = free[i] + step[i]
            for i in range(size - (12 if form[2] != 0 else 1) - (1 if form[1] != 0 else 0)):
                trial[i] = min(max(trial[i], free[i] - 2.0), free[i] + 2.0)
                trial[i] = min(max(trial[i], -9.0), 9.0)
            _unpack(trial, form, row)
            value = _residuals_and_slopes(y, row, form, size, residual, jacobian, work)
            if value < best:
                gain = (best - value) / max(best, 1e-300)
                best = value
                free[:] = trial
                damping = max(damping * 0.2, 1e-7)
                moved = True
                break
            damping = max(damping, 1e-6) * 8.0
        if not moved or gain < TOLERANCE or best < tiny:
            break
        # the Jacobian of the accepted point is in place
    _unpack(free, form, row)
    return n * math.log(max(best, 1e-300))


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
    jacobian, residual = np.zeros((n, 18)), np.zeros(n)
    work = np.zeros((17, 18))
    rows = np.zeros((len(FORMS), WIDTH))
    aicc = np.full(len(FORMS), np.inf)
    for f in range(len(FORMS)):
        form = (FORMS[f, 0], FORMS[f, 1], FORMS[f, 2])
        size = _free_size(form) + 1
        if n - size - 1 <= 0 or (not positive and (form[0] == 2 or form[2] == 2)):
            continue
        likelihood = _fit_form(y, form, rows[f], jacobian, residual, work)
        aicc[f] = likelihood + 2.0 * size + 2.0 * size * (size + 1) / (n - size - 1)
    order = np.argsort(aicc)
    if not math.isfinite(aicc[order[0]]):
        alone = np.zeros((1, 2 + WIDTH))
        alone[0, 0] = 1.0
        alone[0, 2], alone[0, 5], alone[0, 6] = 0.3, 1.0, y.mean()
        return alone
    kept = 1
    while kept < KEPT and aicc[order[kept]] < aicc[order[0]] + 6.0:
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
    errors, state = np.zeros(len(y)), np.zeros(14)
    total = 0.0
    for k in range(len(fitted)):
        f = int(fitted[k, 1])
        form = (FORMS[f, 0], FORMS[f, 1], FORMS[f, 2])
        if not math.isfinite(filter_states(y, fitted[k, 2:], form, state, errors)):
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
