"""Estimation of one order: Levenberg and Marquardt on residuals whose squares are the likelihood.

With σ² concentrated out, −2 log L = n log S − const for S = Σ e² · (Π F)^(1/n), a sum of squares
(Box, Jenkins and Reinsel; Mélard 1984), so that Gauss-Newton steps apply to the exact likelihood
as to the conditional. One pass over the series evaluates a step together with the derivatives of
seven parameters where it leads; a step that does not gain is tried in eight lengths at once.
"""

from __future__ import annotations

import math

import numpy as np

from forecasting.arima.compiled import Floats, Integers, kernel
from forecasting.arima.lanes import LANES, fill, minus, plus, put, row
from forecasting.arima.likelihood import conditional_pass, exact_pass
from forecasting.arima.polynomials import is_feasible

__all__ = [
    "FEASIBLE_ROOT",
    "ROOT_LIMIT",
    "deviance",
    "estimate",
    "normal_equations",
    "residuals",
    "slopes",
]

FEASIBLE_ROOT = 1.0005
"""Modulus that every root keeps while parameters are estimated."""

ROOT_LIMIT = 1.01
"""Modulus that every root of a model must have in the end, the seasonal ones in B^s."""

_STEP = 1e-6
_FIRST_DAMPING = 1e-4
_DAMPING = np.array([1e-2, 1e-1, 0.5, 2.0, 10.0, 1e2, 1e3, 1e5])
_PATIENCE = 3
_OTHERS = np.array([[0.0] + [1.0] * (LANES - 1)])
_TOGETHER = 4


@kernel
def residuals(w: Floats, order: Integers, x: Floats, exact: bool) -> Floats:
    """Residuals whose sum of squares S gives −2 log L = n log S + const, shape (n, LANES)."""
    if not exact:
        return conditional_pass(w, order, x)
    errors, log_det = exact_pass(w, order, x)[:2]
    scale = np.empty((1, LANES))
    for lane in range(LANES):
        scale[0, lane] = math.exp(0.5 * log_det[lane] / w.size) - 1.0
    factor = row(scale, 0)
    for t in range(w.size):
        e = row(errors, t)
        put(errors, t, plus(e, e, factor))
    return errors


@kernel
def _sums_of_squares(errors: Floats) -> Floats:
    sums: Floats = np.empty((1, LANES))
    total = fill(0.0)
    for t in range(errors.shape[0]):
        e = row(errors, t)
        total = plus(total, e, e)
    put(sums, 0, total)
    return sums.ravel()


@kernel
def deviance(n: int, sum_of_squares: float) -> float:
    """−2 log L with σ² concentrated out; infinity where the sum is not a positive number."""
    if not (sum_of_squares > 0.0 and sum_of_squares < np.inf):
        return np.inf
    return n * (math.log(2.0 * math.pi * sum_of_squares / n) + 1.0)


@kernel
def slopes(w: Floats, order: Integers, x: Floats, exact: bool) -> Floats:
    """Residuals at x and what a small step along each parameter adds, shape (passes, n, LANES).

    The first lane of each pass holds the residuals, the others the additions of the next seven
    parameters.
    """
    passes = max(1, (x.size + LANES - 2) // (LANES - 1))
    found = np.empty((passes, w.size, LANES))
    lanes = np.empty((x.size, LANES))
    others = row(_OTHERS, 0)
    for number in range(passes):
        for i in range(x.size):
            put(lanes, i, fill(x[i]))
        first = number * (LANES - 1)
        for lane in range(1, min(LANES, x.size - first + 1)):
            lanes[first + lane - 1, lane] += _STEP
        errors = residuals(w, order, lanes, exact)
        for t in range(w.size):
            put(found[number], t, minus(row(errors, t), fill(errors[t, 0]), others))
    return found


@kernel
def _solve(matrix: Floats, vector: Floats, damping: float, solution: Floats) -> bool:
    """Solve (A + damping·diag A) s = b by Cholesky; False where that is not positive definite."""
    k = vector.size
    lower = np.empty((k, k))
    for i in range(k):
        for j in range(i + 1):
            total = matrix[i, j]
            if i == j:
                total = total * (1.0 + damping) + 1e-12
            for m in range(j):
                total -= lower[i, m] * lower[j, m]
            if i == j:
                if not total > 1e-13 * matrix[i, i]:
                    return False
                lower[i, i] = math.sqrt(total)
            else:
                lower[i, j] = total / lower[j, j]
    for i in range(k):
        total = vector[i]
        for m in range(i):
            total -= lower[i, m] * solution[m]
        solution[i] = total / lower[i, i]
    for i in range(k - 1, -1, -1):
        total = solution[i]
        for m in range(i + 1, k):
            total -= lower[m, i] * solution[m]
        solution[i] = total / lower[i, i]
    return True


@kernel
def _best_lane(w: Floats, order: Integers, lanes: Floats, exact: bool) -> tuple[int, float]:
    """Lane with the smallest sum of squares among the feasible ones, and that sum."""
    allowed = np.empty(LANES, dtype=np.bool_)
    for lane in range(LANES):
        allowed[lane] = is_feasible(order, lanes, lane, FEASIBLE_ROOT)
    sums = _sums_of_squares(residuals(w, order, lanes, exact))
    best, smallest = -1, np.inf
    for lane in range(LANES):
        if allowed[lane] and sums[lane] < smallest:
            best, smallest = lane, sums[lane]
    return best, smallest


@kernel
def _products(left: Floats, right: Floats, width: int) -> Floats:
    """Sums over the months of each of the first `width` lanes of one times the other's."""
    products = np.empty((LANES, LANES))
    for lane in range(0, width, _TOGETHER):
        a, b, c, d = fill(0.0), fill(0.0), fill(0.0), fill(0.0)
        for t in range(left.shape[0]):
            line = row(right, t)
            a = plus(a, fill(left[t, lane]), line)
            b = plus(b, fill(left[t, lane + 1]), line)
            c = plus(c, fill(left[t, lane + 2]), line)
            d = plus(d, fill(left[t, lane + 3]), line)
        put(products, lane, a)
        put(products, lane + 1, b)
        put(products, lane + 2, c)
        put(products, lane + 3, d)
    return products


@kernel
def normal_equations(found: Floats, k: int) -> tuple[Floats, Floats, float]:
    """JᵀJ, its lower half, −Jᵀe and eᵀe, of what `slopes` found for k parameters."""
    matrix = np.empty((k, k))
    vector = np.empty(k)
    sum_of_squares = 0.0
    for number in range(found.shape[0]):
        first = number * (LANES - 1) - 1
        width = min(LANES, k - first)
        for other in range(number + 1):
            other_first = other * (LANES - 1) - 1
            other_width = min(LANES, k - other_first)
            products = _products(found[other], found[number], other_width)
            sum_of_squares = products[0, 0]
            for lane in range(1, width):
                vector[first + lane] = -products[0, lane] / _STEP
                for i in range(1, other_width):
                    matrix[first + lane, other_first + i] = products[i, lane] / _STEP**2
    return matrix, vector, sum_of_squares


@kernel
def _shorter_steps(
    w: Floats, order: Integers, x: Floats, matrix: Floats, vector: Floats, exact: bool
) -> tuple[Floats, float]:
    """The best of x + s over eight dampings, and its sum of squares; infinite if none serves."""
    k = x.size
    lanes = np.empty((k, LANES))
    step = np.zeros(k)
    for lane in range(LANES):
        solved = _solve(matrix, vector, _DAMPING[lane], step)
        for i in range(k):
            lanes[i, lane] = x[i] + (step[i] if solved else 0.0)
    best, smallest = _best_lane(w, order, lanes, exact)
    return lanes[:, max(best, 0)].copy(), smallest


@kernel
def _shorten(order: Integers, x: Floats, matrix: Floats, vector: Floats, lanes: Floats) -> bool:
    """Put x + s of the least damping that is feasible into the first lane; False if none is."""
    step = np.zeros(x.size)
    for damping in _DAMPING:
        if _solve(matrix, vector, damping, step):
            lanes[:, 0] = x + step
            if is_feasible(order, lanes, 0, FEASIBLE_ROOT):
                return True
    return False


@kernel
def estimate(
    w: Floats,
    order: Integers,
    starts: Floats,
    exact: bool,
    tolerance: float,
    most: int,
) -> tuple[Floats, float]:
    """Parameters that maximise the likelihood of an order, and −2 log L there.

    `starts` (k, LANES) are tried side by side and the best is taken; it stops where a step can
    gain no more than `tolerance` in −2 log L, after `most` steps, or after three in a row that
    ended with a root within 1.01. Infinity where no start serves.
    """
    n, k = w.size, starts.shape[0]
    best, smallest = _best_lane(w, order, starts, exact)
    x = starts[:, max(best, 0)].copy()
    if best < 0 or k == 0 or most == 0:
        return x, deviance(n, smallest)
    matrix, vector, _ = normal_equations(slopes(w, order, x, exact), k)
    step = np.zeros(k)
    lanes = np.empty((k, LANES))
    outside = 0
    for _ in range(most):
        solved = _solve(matrix, vector, _FIRST_DAMPING, step)
        if solved and n * np.dot(vector, step) < tolerance * smallest:
            break
        sum_now = np.inf
        lanes[:, 0] = x + step
        if (solved and is_feasible(order, lanes, 0, FEASIBLE_ROOT)) or _shorten(
            order, x, matrix, vector, lanes
        ):
            ahead = slopes(w, order, lanes[:, 0].copy(), exact)
            next_matrix, next_vector, sum_now = normal_equations(ahead, k)
        if not sum_now < smallest:
            lanes[:, 0], sum_now = _shorter_steps(w, order, x, matrix, vector, exact)
            if not sum_now < smallest:
                break
            ahead = slopes(w, order, lanes[:, 0].copy(), exact)
            next_matrix, next_vector, sum_now = normal_equations(ahead, k)
        matrix, vector = next_matrix, next_vector
        gain = n * math.log(smallest / sum_now)
        x[:] = lanes[:, 0]
        smallest = sum_now
        outside = 0 if is_feasible(order, lanes, 0, ROOT_LIMIT) else outside + 1
        if gain < tolerance or outside == _PATIENCE:
            break
    return x, deviance(n, smallest)
