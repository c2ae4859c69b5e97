"""Whether a product that has not sold lately has ended, though nobody said so.

A product ends with a small chance each month; while it lives it sells in its usual share of the
months, but months without a sale come in runs (an empty shelf, a pause), so that its usual share
is discounted. Bayes' rule then tells from the months since its last sale how likely it still
lives, after Schmittlein, Morrison and Colombo (1987), "Counting your customers".

>>> selling = np.array([3.0, 5, 4, 6, 5, 4, 3, 5, 6, 4])
>>> round(chance_alive(selling), 2), dormant(np.append(selling, [0.0, 0, 0, 0]))
(1.0, True)
"""

from __future__ import annotations

import numpy as np

from forecasting.forecaster import LEVELS, Vector

__all__ = ["chance_alive", "dormant", "dormant_upper", "months_since_sale"]

HAZARD = 0.05
"""Chance that a product on sale ends in a month."""

DISCOUNT = 0.6
"""What is left of the usual share of selling months where months without a sale come in runs."""

FEWEST_SILENT = 3
"""Months without a sale below which no product is called dormant."""

LEAST_CHANCE = 0.5
LEAST_CHANCE_SPARSE = 0.1
"""The same for a product that never sold in most months: its pauses say little."""

REGULAR = 0.75
"""Share of selling months, before the silence, from which a product sold regularly."""


def months_since_sale(units: Vector) -> int:
    """Months at the end of the history in which nothing was sold."""
    sold = np.flatnonzero(units > 0)
    return len(units) - 1 - int(sold[-1]) if len(sold) else len(units)


def chance_alive(units: Vector) -> float:
    """Chance that the product is still on sale, 0 to 1."""
    silent = months_since_sale(units)
    if silent == 0:
        return 1.0
    before = units[: len(units) - silent]
    if not len(before):
        return 0.0
    misses = 1.0 - DISCOUNT * float((before > 0).mean())
    months = np.arange(silent)
    ended = HAZARD * ((1.0 - HAZARD) * misses) ** months
    lives = ((1.0 - HAZARD) * misses) ** silent
    return float(lives / (lives + ended.sum()))


def dormant(units: Vector) -> bool:
    """Whether the product has very likely ended, after three silent months at least."""
    silent = months_since_sale(units)
    before = units[: len(units) - silent]
    if silent < FEWEST_SILENT or not len(before):
        return silent >= FEWEST_SILENT
    regular = float((before > 0).mean()) >= REGULAR
    return chance_alive(units) < (LEAST_CHANCE if regular else LEAST_CHANCE_SPARSE)


def dormant_upper(upper: Vector, chance: float) -> Vector:
    """Upper bounds (levels, horizon) of a product that sells on with that `chance`, else nothing.

    An interval from zero holds 80 % where one of a living product would hold what is then left to
    hold; it is zero where the product has ended with 80 % or more.

    >>> dormant_upper(np.array([[2.0], [5.0], [9.0]]), 0.25)
    array([[0. ],
           [0.8],
           [5. ]])
    """
    known = np.array([0.0, *LEVELS]) / 100
    heights = np.vstack([np.zeros(upper.shape[1]), upper])
    shares = [max(1 - (1 - level / 100) / max(chance, 1e-9), 0.0) for level in LEVELS]
    columns = [np.interp(shares, known, column) for column in heights.T]
    bounds: Vector = np.array(columns).T
    return bounds
