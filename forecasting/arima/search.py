"""The search for good orders: stepwise by conditional sum of squares, the finalists exactly.

The steps are those of Hyndman and Khandakar (2008). A candidate is estimated by its conditional
sum of squares and ranked by the AICc of its *exact* likelihood at that estimate, which one pass
gives; the best of the ranking are then estimated exactly and ranked again.
"""

from __future__ import annotations

import numpy as np

from forecasting.arima.compiled import Floats, Integers, kernel
from forecasting.arima.estimate import FEASIBLE_ROOT, ROOT_LIMIT, estimate
from forecasting.arima.lanes import LANES
from forecasting.arima.likelihood import exact_pass
from forecasting.arima.polynomials import is_feasible, parameter_count

__all__ = ["MAX_PARAMETERS", "aicc", "refine", "renew", "search", "standardised_errors"]

MAX_PARAMETERS = 15
MAX_CANDIDATES = 94
_ROUNDS = 4
_DRAWN_IN_FROM = 24
_DRAWN_IN = FEASIBLE_ROOT / 1.0101
_SEARCH_TOLERANCE = 0.05
_FINAL_TOLERANCE = 1e-3
_MOVES = np.array(
    [
        (0, 0, -1, 0),
        (0, 0, 0, -1),
        (0, 0, 1, 0),
        (0, 0, 0, 1),
        (0, 0, -1, -1),
        (0, 0, -1, 1),
        (0, 0, 1, -1),
        (0, 0, 1, 1),
        (-1, 0, 0, 0),
        (0, -1, 0, 0),
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (-1, -1, 0, 0),
        (-1, 1, 0, 0),
        (1, -1, 0, 0),
        (1, 1, 0, 0),
    ],
    dtype=np.int64,
)
_NEXT_DOOR = _MOVES[np.abs(_MOVES).sum(axis=1) == 1]
_FIRST_GUESSES = np.array(
    [
        (0.1, 0.1, 0.1, 0.1),
        (0.5, -0.3, 0.3, -0.5),
        (0.8, -0.6, 0.7, -0.3),
        (-0.3, -0.4, -0.3, -0.3),
        (0.2, -0.7, 0.6, -0.7),
        (-0.4, 0.2, -0.1, -0.6),
        (0.4, 0.4, 0.7, -0.3),
    ]
)


@kernel
def aicc(deviance: float, count: int, n: int) -> float:
    """Corrected Akaike criterion of `count` parameters, σ² among them, on n months."""
    left = n - count - 1
    if left <= 0:
        return np.inf
    return deviance + 2.0 * count + 2.0 * count * (count + 1.0) / left


@kernel
def _starts(order: Integers, parent: Integers, parent_x: Floats, mean: float) -> Floats:
    """Eight places to start from: the parent's estimate, and guesses for what it lacks."""
    k = parameter_count(order)
    starts = np.zeros((k, LANES))
    at, parent_at = 0, 0
    for part in range(4):
        for i in range(order[part]):
            if i < parent[part]:
                starts[at + i, 0] = parent_x[parent_at + i]
                starts[at + i, 1] = 0.8 * parent_x[parent_at + i]
            else:
                starts[at + i, 1] = _FIRST_GUESSES[1, part] * 0.5
        if order[part] > 0:
            for lane in range(2, LANES):
                starts[at, lane] = _FIRST_GUESSES[lane - 1, part]
        at += order[part]
        parent_at += parent[part]
    if order[4]:
        for lane in range(LANES):
            starts[at, lane] = mean
        if parent[4]:
            starts[at, 0] = parent_x[parent_at]
    return starts


@kernel
def _around(order: Integers, x: Floats) -> Floats:
    """Eight places on the way from an estimate towards white noise."""
    starts = np.empty((x.size, LANES))
    for lane in range(LANES):
        shrink = 1.0 - 0.04 * lane * lane / (LANES - 1)
        for i in range(x.size):
            starts[i, lane] = x[i] * shrink
        if order[4]:
            starts[x.size - 1, lane] = x[x.size - 1]
    return starts


@kernel
def _within_roots(order: Integers, x: Floats) -> bool:
    lanes = np.empty((x.size, LANES))
    for i in range(x.size):
        lanes[i, 0] = x[i]
    return is_feasible(order, lanes, 0, ROOT_LIMIT)


@kernel
def _draw_in(order: Integers, x: Floats) -> None:
    """Move the roots of the non-seasonal moving average out, from the unit circle beyond 1.01."""
    factor = 1.0
    for i in range(order[0], order[0] + order[1]):
        factor *= _DRAWN_IN
        x[i] *= factor


@kernel
def standardised_errors(w: Floats, order: Integers, x: Floats) -> Floats:
    """One-step errors (n,) of the exact filter, over the root of their variance for σ² = 1."""
    lanes = np.empty((x.size, LANES))
    for i in range(x.size):
        lanes[i] = x[i]
    return exact_pass(w, order, lanes)[0][:, 0].copy()


@kernel
def refine(w: Floats, order: Integers, x: Floats) -> tuple[Floats, float, float]:
    """Exact estimate from `x` on, its AICc, infinite where a root is within 1.01, and σ².

    A moving average whose roots came too near is drawn in to where they may be, from two years
    on: fewer months tell no such model from chance. σ² is the sum of squares over the months less
    the parameters.
    """
    x, deviance = estimate(w, order, _around(order, x), True, _FINAL_TOLERANCE, 40)
    if w.size >= _DRAWN_IN_FROM and not _within_roots(order, x):
        _draw_in(order, x)
        x, deviance = estimate(w, order, _around(order, x), True, 0.0, 0)
    if deviance == np.inf or not _within_roots(order, x):
        return x, np.inf, np.nan
    errors = standardised_errors(w, order, x)
    sigma2 = np.dot(errors, errors) / (w.size - x.size)
    return x, aicc(deviance, x.size + 1, w.size), sigma2


@kernel
def _quick(w: Floats, order: Integers, parent: Integers, parent_x: Floats) -> tuple[Floats, float]:
    """Conditional estimate and the AICc of the exact likelihood there."""
    starts = _starts(order, parent, parent_x, float(np.mean(w)))
    x, deviance = estimate(w, order, starts, False, _SEARCH_TOLERANCE, 12)
    if deviance == np.inf:
        return x, np.inf
    x, deviance = estimate(w, order, _around(order, x), True, 0.0, 0)
    if not _within_roots(order, x):
        # the conditional sum of squares runs to the unit circle where the likelihood need not
        x, deviance = estimate(w, order, _around(order, x), True, _SEARCH_TOLERANCE, 12)
        if not _within_roots(order, x):
            return x, np.inf
    return x, aicc(deviance, x.size + 1, w.size)


@kernel
def _try(
    w: Floats,
    order: Integers,
    parent: Integers,
    parent_x: Floats,
    orders: Integers,
    parameters: Floats,
    scores: Floats,
    count: int,
) -> int:
    """Add a candidate to the table unless it is there; gives the table's new length."""
    for i in range(count):
        if np.all(orders[i] == order):
            return count
    if count == len(scores) or parameter_count(order) + 3 > w.size:
        return count
    x, score = _quick(w, order, parent, parent_x)
    orders[count] = order
    parameters[count, : x.size] = x
    scores[count] = score
    return count + 1


@kernel
def _first_models(
    w: Floats, limits: Integers, season: int, orders: Integers, parameters: Floats, scores: Floats
) -> int:
    """Put the models that the walk starts from into the table; gives its length."""
    c = limits[4]
    short, seasonal = min(1, limits[0]), min(1, limits[2])
    first = np.array([0, 0, 0, 0, c, season])
    nothing = np.zeros(MAX_PARAMETERS)
    count = 0
    for order in (
        first,
        np.array([short, 0, seasonal, 0, c, season]),
        np.array([0, min(1, limits[1]), 0, min(1, limits[3]), c, season]),
        np.array([short, 0, 0, min(1, limits[3]), c, season]),
        np.array([min(2, limits[0]), 0, seasonal, 0, c, season]),
        np.array([0, 0, 0, 0, 0, season]),
    ):
        count = _try(w, order, first, nothing, orders, parameters, scores, count)
    best = int(np.argmin(scores[:count]))
    start = np.array([min(2, limits[0]), min(2, limits[1]), seasonal, min(1, limits[3]), c, season])
    return _try(w, start, orders[best], parameters[best], orders, parameters, scores, count)


@kernel
def _walk(
    w: Floats, limits: Integers, orders: Integers, parameters: Floats, scores: Floats, count: int
) -> int:
    """From the best model of the table to better neighbours, as long as there are; its length."""
    moved = True
    while moved:
        moved = False
        best = int(np.argmin(scores[:count]))
        for move in range(len(_MOVES) + 1):
            order = orders[best].copy()
            if move < len(_MOVES):
                order[:4] += _MOVES[move]
            else:
                order[4] = 1 - order[4]
            if np.any(order[:5] < 0) or np.any(order[:5] > limits):
                continue
            before = count
            count = _try(
                w, order, orders[best], parameters[best], orders, parameters, scores, count
            )
            if count > before and scores[count - 1] < scores[best]:
                moved = True
                break
    return count


@kernel
def _refine_best(
    w: Floats,
    keep: int,
    orders: Integers,
    parameters: Floats,
    scores: Floats,
    sigma2: Floats,
) -> None:
    """Estimate the table's best rows exactly, until `keep` of the best have been.

    `sigma2` is NaN in the rows that are still to do.
    """
    done = 0
    for i in np.argsort(scores):
        if done == keep or scores[i] == np.inf:
            break
        if np.isnan(sigma2[i]):
            size = parameter_count(orders[i])
            x, scores[i], sigma2[i] = refine(w, orders[i], parameters[i, :size])
            parameters[i, :size] = x
        if scores[i] < np.inf:
            done += 1


@kernel
def _ranked(
    keep: int, orders: Integers, parameters: Floats, scores: Floats, sigma2: Floats
) -> tuple[Integers, Floats, Floats, Floats, int]:
    """The `keep` best of the rows that were estimated exactly."""
    exact = np.where(np.isnan(sigma2), np.inf, scores)
    found = min(keep, int(np.sum(exact < np.inf)))
    rows = np.argsort(exact)[:found]
    return orders[rows], parameters[rows], exact[rows], sigma2[rows], len(scores)


@kernel
def search(
    w: Floats, limits: Integers, season: int, keep: int
) -> tuple[Integers, Floats, Floats, Floats, int]:
    """The `keep` best models of a differenced series, best first.

    `limits` are the largest p, q, P, Q and 1 where a mean may be estimated. Returns orders
    (found, 6), parameters (found, 15), AICc and σ² (found,), and how many candidates were tried.
    One more than `keep` are estimated exactly, as the ranking before that is a rough one.
    Where the exact estimate takes the place of the best from the model at which the walk ended
    (its roots came too near, say), the walk goes on from the one that has it now.
    """
    orders = np.zeros((MAX_CANDIDATES, 6), dtype=np.int64)
    parameters = np.zeros((MAX_CANDIDATES, MAX_PARAMETERS))
    scores = np.full(MAX_CANDIDATES, np.inf)
    sigma2 = np.full(MAX_CANDIDATES, np.nan)
    count = _first_models(w, limits, season, orders, parameters, scores)
    for _ in range(_ROUNDS):
        count = _walk(w, limits, orders, parameters, scores, count)
        end = np.argmin(scores[:count])
        _refine_best(
            w, keep + 1, orders[:count], parameters[:count], scores[:count], sigma2[:count]
        )
        if np.argmin(scores[:count]) == end:
            break
    return _ranked(keep, orders[:count], parameters[:count], scores[:count], sigma2[:count])


@kernel
def renew(
    w: Floats, known: Integers, known_parameters: Floats, limits: Integers, keep: int
) -> tuple[Integers, Floats, Floats, Floats, int]:
    """Like `search`, from the models `known` (k, 6), (k, 15) and the neighbours of the first."""
    room = len(known) + len(_NEXT_DOOR) + 1
    orders = np.zeros((room, 6), dtype=np.int64)
    parameters = np.zeros((room, MAX_PARAMETERS))
    scores = np.full(room, np.inf)
    count = 0
    for i in range(len(known)):
        size = parameter_count(known[i])
        if np.all(known[i, :5] <= limits) and size + 3 <= w.size:
            orders[count] = known[i]
            x, deviance = estimate(
                w, known[i], _around(known[i], known_parameters[i, :size]), True, 0.0, 0
            )
            parameters[count, :size] = x
            scores[count] = aicc(deviance, size + 1, w.size)
            count += 1
    best = int(np.argmin(scores[:count])) if count else -1
    for move in range(len(_NEXT_DOOR) + 1 if count else 0):
        order = orders[best].copy()
        if move < len(_NEXT_DOOR):
            order[:4] += _NEXT_DOOR[move]
        else:
            order[4] = 1 - order[4]
        if np.all(order[:5] >= 0) and np.all(order[:5] <= limits):
            count = _try(
                w, order, orders[best], parameters[best], orders, parameters, scores, count
            )
    sigma2 = np.full(count, np.nan)
    _refine_best(w, keep, orders[:count], parameters[:count], scores[:count], sigma2)
    return _ranked(keep, orders[:count], parameters[:count], scores[:count], sigma2)
