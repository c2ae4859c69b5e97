"""The Gaussian likelihood of a seasonal ARMA model, conditional and exact, eight at a time.

The exact one runs the Kalman filter in the form of Chandrasekhar (Morf, Sidhu and Kailath 1974;
Mélard 1984, AS 197): from a stationary start the state's covariance changes by a matrix of rank
one each month, so that a month costs a few operations per state instead of their square. For one
series observed alone the recursion closes to

    F' = F (1 − g0²)    k' = (k − g0·Tg) / (1 − g0²)    g' = Tg − g0·k'

with F the variance of the innovation over σ², k the gain and T the transition; both vectors start
at cov(next state, observation) / var(observation).
"""

from __future__ import annotations

import math

import numpy as np

from forecasting.arima.compiled import Floats, Integers, kernel
from forecasting.arima.lanes import LANES, Row, fill, minus, over, plus, put, root, row, times
from forecasting.arima.polynomials import ar_lags, expand, ma_lags, parameter_count

__all__ = ["conditional_pass", "exact_pass", "rotate"]

_STEADY = 1e-6
"""Change of the gain below which gain and F stay: they would move by its square."""


@kernel
def _centred(w: Floats, order: Integers, x: Floats) -> Floats:
    """The series less each lane's mean, shape (n, LANES)."""
    centred = np.empty((w.size, LANES))
    means, one = fill(0.0), fill(1.0)
    if order[4]:
        means = row(x, parameter_count(order) - 1)
    for t in range(w.size):
        put(centred, t, minus(fill(w[t]), means, one))
    return centred


@kernel
def conditional_pass(w: Floats, order: Integers, x: Floats) -> Floats:
    """Residuals given that everything before the first month was at its mean, shape (n, LANES).

    `w` is the differenced series (n,), `x` the parameters (k, LANES).
    """
    ar, ma = expand(order, x)
    past_w, past_e = ar_lags(order), ma_lags(order)
    centred = _centred(w, order, x)
    residuals = np.empty((w.size, LANES))
    for t in range(w.size):
        e = row(centred, t)
        for lag in past_w:
            if lag <= t:
                e = minus(e, row(ar, lag), row(centred, t - lag))
        for lag in past_e:
            if lag <= t:
                e = minus(e, row(ma, lag), row(residuals, t - lag))
        put(residuals, t, e)
    return residuals


@kernel
def _ar_autocovariances(ar: Floats, lags: Integers, count: int) -> Floats:
    """Autocovariances 0…count of 1/φ(B) ε, (count + 1, LANES); NaN where it is not stationary."""
    size = ar.shape[0] - 1
    steps = np.empty((size + 1, size + 1, LANES))
    steps[size] = ar
    g = np.zeros((count + 1, LANES))
    one = fill(1.0)
    rest = np.ones((1, LANES))
    kept = np.empty((1, LANES))
    for k in range(size, 0, -1):
        above, below = steps[k], steps[k - 1]
        r = row(above, k)
        left = minus(one, r, r)
        put(rest, 0, times(row(rest, 0), left))
        scale = over(one, left)
        for j in range(1, k):
            put(below, j, times(plus(row(above, j), r, row(above, k - j)), scale))
        put(kept, 0, left)
        for lane in range(LANES):
            if not kept[0, lane] > 0.0:
                rest[0, lane] = np.nan
    put(g, 0, over(one, row(rest, 0)))
    for k in range(1, count + 1):
        total = fill(0.0)
        if k <= size:
            step = steps[k]
            for j in range(1, k + 1):
                total = plus(total, row(step, j), row(g, k - j))
        else:
            for lag in lags:
                total = plus(total, row(ar, lag), row(g, k - lag))
        put(g, k, total)
    return g


@kernel
def _autocovariances(ar: Floats, ma: Floats, past_w: Integers, count: int) -> Floats:
    """Autocovariances 0…count of θ(B)/φ(B) ε for σ² = 1, shape (count + 1, LANES)."""
    reach = ma.shape[0] - 1
    g = _ar_autocovariances(ar, past_w, count + reach)
    if reach == 0:
        return g
    one = fill(1.0)
    products = np.empty((reach + 1, LANES))
    for j in range(reach + 1):
        total = fill(0.0)
        for i in range(reach + 1 - j):
            total = plus(total, row(ma, i), row(ma, i + j))
        put(products, j, total)
    gamma = np.empty((count + 1, LANES))
    for k in range(count + 1):
        total = times(row(products, 0), row(g, k))
        for j in range(1, reach + 1):
            both = plus(row(g, k + j), row(g, abs(k - j)), one)
            total = plus(total, row(products, j), both)
        put(gamma, k, total)
    return gamma


@kernel
def _psi_weights(ar: Floats, ma: Floats, past_w: Integers) -> Floats:
    """Weights of θ(B)/φ(B) at lags 0…q*, shape (q* + 1, LANES)."""
    psi = ma.copy()
    for k in range(1, ma.shape[0]):
        total = row(ma, k)
        for lag in past_w:
            if lag <= k:
                total = plus(total, row(ar, lag), row(psi, k - lag))
        put(psi, k, total)
    return psi


@kernel
def _initial_gain(
    ar: Floats, ma: Floats, past_w: Integers, past_e: Integers
) -> tuple[Floats, Floats]:
    """cov(next state, observation) / var(observation), and that variance, for σ² = 1."""
    reach_w, reach_e = ar.shape[0] - 1, ma.shape[0] - 1
    states = max(reach_w, reach_e + 1)
    gamma = _autocovariances(ar, ma, past_w, max(reach_w - 1, 0))
    psi = _psi_weights(ar, ma, past_w)
    scale = over(fill(1.0), row(gamma, 0))
    gain = np.empty((states, LANES))
    for i in range(states):
        total = fill(0.0)
        for lag in past_w:
            if lag > i:
                total = plus(total, row(ar, lag), row(gamma, lag - i - 1))
        for lag in past_e:
            if lag > i:
                total = plus(total, row(ma, lag), row(psi, lag - i - 1))
        put(gain, i, times(total, scale))
    return gain, gamma[:1].copy()


@kernel
def exact_pass(
    w: Floats, order: Integers, x: Floats
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """Standardised one-step errors and what it takes to go on from them.

    Returns `(errors (n, LANES), log_det (LANES,), state, gain, change, variance)`: errors over the
    root of their variance (σ² = 1), the sum of the log variances, and for month n + 1 the
    predicted state (states + 1, LANES), the gain, the change g of the gain and F.
    NaN where a lane is not stationary.
    """
    ar, ma = expand(order, x)
    past_w, past_e = ar_lags(order), ma_lags(order)
    centred = _centred(w, order, x)
    gain, variance = _initial_gain(ar, ma, past_w, past_e)
    states = gain.shape[0]
    change = np.zeros((states + 1, LANES))
    change[:states] = gain
    state = np.zeros((states + 1, LANES))
    errors = np.empty((w.size, LANES))
    log_det = np.zeros(LANES)
    product = np.ones((1, LANES))
    zero, one = fill(0.0), fill(1.0)
    weight = over(one, root(row(variance, 0)))
    steady = False
    for t in range(w.size):
        seen, f = row(state, 0), row(variance, 0)
        v = minus(row(centred, t), seen, one)
        put(errors, t, times(v, weight))
        put(product, 0, times(row(product, 0), f))
        for lag in past_w:
            put(state, lag, plus(row(state, lag), row(ar, lag), seen))
        if steady:
            for i in range(states):
                put(state, i, plus(row(state, i + 1), row(gain, i), v))
        else:
            first = row(change, 0)
            rest = minus(one, first, first)
            scale = over(one, rest)
            put(variance, 0, times(f, rest))
            weight = over(one, root(row(variance, 0)))
            for lag in past_w:
                put(change, lag, plus(row(change, lag), row(ar, lag), first))
            for i in range(states):
                before, moved = row(gain, i), row(change, i + 1)
                put(state, i, plus(row(state, i + 1), before, v))
                turned = times(minus(before, first, moved), scale)
                put(gain, i, turned)
                put(change, i, minus(moved, first, turned))
            put(change, states, zero)
        put(state, states, zero)
        if t % 12 == 11:
            for lane in range(LANES):
                log_det[lane] += math.log(product[0, lane])
            put(product, 0, one)
            if not steady:
                steady = np.max(np.abs(change)) < _STEADY
    for lane in range(LANES):
        log_det[lane] += math.log(product[0, lane])
    return errors, log_det, state, gain, change, variance


@kernel
def rotate(gain: Floats, change: Floats, ar: Floats, past_w: Integers) -> Row:
    """One month's recursion of gain and change; gives the factor F shrinks by."""
    one = fill(1.0)
    first = row(change, 0)
    rest = minus(one, first, first)
    scale = over(one, rest)
    for lag in past_w:
        put(change, lag, plus(row(change, lag), row(ar, lag), first))
    for i in range(gain.shape[0]):
        moved = row(change, i + 1)
        turned = times(minus(row(gain, i), first, moved), scale)
        put(gain, i, turned)
        put(change, i, minus(moved, first, turned))
    put(change, gain.shape[0], fill(0.0))
    return rest
