"""The recursion of exponential smoothing, and the derivatives of its residuals, eight at a time.

A *path* has a row for each month: the level expected of it (q), its seasonal state, the slope
before it, the update of the level (u) and the residual. The derivatives run through the recursion
beside these numbers, `LANES` parameters in a register; those past the last parameter stay zero.
"""

from __future__ import annotations

import math

import numpy as np

from forecasting.arima.compiled import kernel
from forecasting.arima.lanes import LANES, fill, plus, put, row, times
from forecasting.forecaster import Vector

__all__ = [
    "ADDITIVE",
    "BLOCKS",
    "DAMPED",
    "LOWEST_ALPHA",
    "LOWEST_PHI",
    "MULTIPLICATIVE",
    "NONE",
    "PATH",
    "RESIDUAL",
    "SEASON",
    "SLOPE_ROWS",
    "SPAN_ALPHA",
    "SPAN_PHI",
    "filter_states",
    "normal_equations",
]

SEASON = 12
NONE, ADDITIVE, MULTIPLICATIVE, DAMPED = 0, 1, 2, 3
LEVEL_AHEAD, SEASONAL, SLOPE, UPDATE, RESIDUAL = range(5)
PATH = 5
"""Numbers of a month in a path."""

BLOCKS = 3
"""Registers that the derivatives of the largest form fill."""

SLOPE_ROWS = (3 + SEASON) * BLOCKS
"""Registers of the derivatives of all states."""

LOWEST_ALPHA, SPAN_ALPHA = 1e-4, 0.9998
LOWEST_PHI, SPAN_PHI = 0.8, 0.18
"""Where the smoothing of the level and the damping of the slope may be."""

_LEAST = 1e-9
_MONTHS_A_LOGARITHM = 4
_IDENTITY = np.eye(LANES)
_TOGETHER = 4


@kernel
def filter_states(
    y: Vector, parameters: Vector, form: tuple[int, int, int], state: Vector, path: Vector
) -> float:
    """Run the recursion over y; leaves the final state and the path (months, 5).

    Returns minus twice the log-likelihood up to a constant, as statsforecast counts it: n log(sum
    of squares), for multiplicative errors plus twice the sum of log expectations. Infinite where an
    expectation is not positive then.
    """
    error, _, season = form
    alpha, beta, gamma, phi = parameters[0], parameters[1], parameters[2], parameters[3]
    level, slope = parameters[4], parameters[5]
    seasonal = state[2:]
    seasonal[:] = parameters[6:]
    total, logs, product = 0.0, 0.0, 1.0
    for t in range(len(y)):
        j = t % SEASON
        q = level + phi * slope
        s = seasonal[j]
        if season == NONE:
            mu = q
            u = y[t] - q
        elif season == ADDITIVE:
            mu = q + s
            u = y[t] - s - q
        else:
            mu = q * s
            if s <= _LEAST or q <= _LEAST:
                return np.inf
            u = y[t] / s - q
        e = y[t] - mu
        if error == MULTIPLICATIVE:
            if mu <= _LEAST:
                return np.inf
            e /= mu
            product *= mu
            if t % _MONTHS_A_LOGARITHM == 0:
                logs += math.log(product)
                product = 1.0
        path[t, LEVEL_AHEAD], path[t, SEASONAL], path[t, SLOPE] = q, s, slope
        path[t, UPDATE], path[t, RESIDUAL] = u, e
        total += e * e
        level = q + alpha * u
        slope = phi * slope + beta * u
        if season == ADDITIVE:
            seasonal[j] = s + gamma * (y[t] - q - s)
        elif season == MULTIPLICATIVE:
            seasonal[j] = s + gamma * (y[t] / q - s)
    state[0], state[1] = level, slope
    if not math.isfinite(total):
        return np.inf
    return len(y) * math.log(max(total, 1e-300)) + 2.0 * (logs + math.log(product))


@kernel
def _first_slopes(form: tuple[int, int, int], blocks: int, slopes: Vector) -> None:
    """The derivatives of the initial states: each of itself, December of all other months."""
    _, trend, season = form
    slopes[:] = 0.0
    width = blocks * LANES
    flat = slopes.ravel()
    at = 1 + (trend != NONE) + (season != NONE) + (trend == DAMPED)
    flat[at] = 1.0
    at += 1
    if trend != NONE:
        flat[width + at] = 1.0
        at += 1
    if season != NONE:
        for j in range(SEASON - 1):
            flat[(2 + j) * width + at + j] = 1.0
            flat[(1 + SEASON) * width + at + j] = -1.0


@kernel
def _run_slopes(  # noqa: PLR0912, PLR0915  one recursion, whose parts the forms share
    y: Vector,
    parameters: Vector,
    form: tuple[int, int, int],
    path: Vector,
    blocks: int,
    slopes: Vector,
    jacobian: Vector,
) -> None:
    """Derivatives of the residuals along a path, `blocks` rows a month.

    `slopes` holds those of level, slope, the twelve seasonal states and the sum of the logarithms
    of the expectations, `blocks` rows each.
    """
    error, trend, season = form
    alpha, beta, gamma, phi = parameters[0], parameters[1], parameters[2], parameters[3]
    from_lowest = alpha - LOWEST_ALPHA
    d_alpha = from_lowest * (1.0 - from_lowest / SPAN_ALPHA)
    ratio_beta, ratio_gamma = beta / alpha, gamma / (1.0 - alpha)
    d_beta, d_gamma = beta * (1.0 - ratio_beta), gamma * (1.0 - ratio_gamma)
    d_phi = (phi - LOWEST_PHI) * (1.0 - (phi - LOWEST_PHI) / SPAN_PHI)
    of_gamma = 1 + (trend != NONE)
    of_alpha, of_beta = row(_IDENTITY, 0), row(_IDENTITY, 1)
    of_season, of_phi = row(_IDENTITY, of_gamma), row(_IDENTITY, of_gamma + (season != NONE))
    _first_slopes(form, blocks, slopes)
    one = fill(1.0)
    for t in range(len(y)):
        q, s, slope, u = path[t, 0], path[t, 1], path[t, 2], path[t, 3]
        month = (2 + t % SEASON) * blocks
        mu, w = q, 0.0
        by_seasonal, by_level = 1.0, 1.0
        if season == ADDITIVE:
            mu, w = q + s, u
        elif season == MULTIPLICATIVE:
            mu, w = q * s, y[t] / q - s
            by_seasonal, by_level = y[t] / (s * s), y[t] / (q * q)
        by_mean, by_log = -1.0, 0.0
        if error == MULTIPLICATIVE:
            by_log = 1.0 / mu
            by_mean = -y[t] * by_log * by_log
        for block in range(blocks):
            of_q = row(slopes, block)
            of_slope = row(slopes, blocks + block)
            if trend != NONE:
                of_q = plus(of_q, fill(phi), of_slope)
                if trend == DAMPED and block == 0:
                    of_q = plus(of_q, fill(d_phi * slope), of_phi)
            of_mu = of_q
            of_u = times(fill(-1.0), of_q)
            if season != NONE:
                of_s = row(slopes, month + block)
                if season == ADDITIVE:
                    of_mu = plus(of_q, one, of_s)
                else:
                    of_mu = plus(times(of_q, fill(s)), fill(q), of_s)
                of_u = plus(of_u, fill(-by_seasonal), of_s)
                moved = plus(times(of_s, fill(1.0 - gamma)), fill(-gamma * by_level), of_q)
                if block == 0:
                    moved = plus(moved, fill(d_gamma * w), of_season)
                    moved = plus(moved, fill(-ratio_gamma * d_alpha * w), of_alpha)
                put(slopes, month + block, moved)
            put(jacobian, t * blocks + block, times(of_mu, fill(by_mean)))
            if error == MULTIPLICATIVE:
                logs = (2 + SEASON) * blocks + block
                put(slopes, logs, plus(row(slopes, logs), fill(by_log), of_mu))
            of_level = plus(of_q, fill(alpha), of_u)
            if block == 0:
                of_level = plus(of_level, fill(d_alpha * u), of_alpha)
            put(slopes, block, of_level)
            if trend != NONE:
                of_slope = plus(times(of_slope, fill(phi)), fill(beta), of_u)
                if block == 0:
                    of_slope = plus(of_slope, fill(ratio_beta * d_alpha * u), of_alpha)
                    of_slope = plus(of_slope, fill(d_beta * u), of_beta)
                    if trend == DAMPED:
                        of_slope = plus(of_slope, fill(d_phi * slope), of_phi)
                put(slopes, blocks + block, of_slope)


@kernel
def _multiply(jacobian: Vector, path: Vector, blocks: int, size: int, products: Vector) -> None:
    """Sums over the months of the derivatives' products, and in the last row with the residual.

    `products` has rows of `BLOCKS * LANES`; of those of the derivatives the lower half is right.
    """
    flat, rows = jacobian.ravel(), products.reshape(-1, LANES)
    width = blocks * LANES
    for block in range(blocks):
        for i in range(block * LANES, size, _TOGETHER):
            a, b, c, d = fill(0.0), fill(0.0), fill(0.0), fill(0.0)
            for t in range(len(path)):
                line, at = row(jacobian, t * blocks + block), t * width + i
                a = plus(a, fill(flat[at]), line)
                b = plus(b, fill(flat[at + 1]), line)
                c = plus(c, fill(flat[at + 2]), line)
                d = plus(d, fill(flat[at + 3]), line)
            put(rows, i * BLOCKS + block, a)
            put(rows, (i + 1) * BLOCKS + block, b)
            put(rows, (i + 2) * BLOCKS + block, c)
            put(rows, (i + 3) * BLOCKS + block, d)
        a, b = fill(0.0), fill(0.0)
        for t in range(0, len(path) - 1, 2):
            a = plus(a, fill(path[t, RESIDUAL]), row(jacobian, t * blocks + block))
            b = plus(b, fill(path[t + 1, RESIDUAL]), row(jacobian, (t + 1) * blocks + block))
        if len(path) % 2:
            t = len(path) - 1
            a = plus(a, fill(path[t, RESIDUAL]), row(jacobian, t * blocks + block))
        put(rows, BLOCKS * LANES * BLOCKS + block, plus(a, fill(1.0), b))


@kernel
def normal_equations(
    y: Vector,
    parameters: Vector,
    form: tuple[int, int, int],
    size: int,
    path: Vector,
    slopes: Vector,
    jacobian: Vector,
    products: Vector,
) -> None:
    """JᵀJ, its lower half, and in the last row of `products` Jᵀe, of residuals that make up S.

    S, the sum of their squares, gives the likelihood as n log S: residuals of multiplicative errors
    are those of the path times the geometric mean of the expectations, which is left out here, as
    it scales both. `products` has `BLOCKS * LANES` rows and one.
    """
    blocks = (size + LANES - 1) // LANES
    _run_slopes(y, parameters, form, path, blocks, slopes, jacobian)
    _multiply(jacobian, path, blocks, size, products)
    if form[0] != MULTIPLICATIVE:
        return
    squares = 0.0
    for t in range(len(path)):
        squares += path[t, RESIDUAL] ** 2
    logs = slopes.ravel()[(2 + SEASON) * blocks * LANES :]
    gradient, n = products[BLOCKS * LANES], len(path)
    for i in range(size):
        for j in range(i + 1):
            products[i, j] += (gradient[i] * logs[j] + logs[i] * gradient[j]) / n
            products[i, j] += squares * logs[i] * logs[j] / n**2
    for i in range(size):
        gradient[i] += squares * logs[i] / n
