"""Products that sell in few months: what may be expected of them.

A race by absolute errors finds the middle, and the middle of months that mostly sell nothing is
nothing. What a shop must reckon with is the mean: the rate of the last year, times the chance that
the product is still on sale, in the shape of the year that its neighbours share. What the race
lacks of that is added to it.

Many slow movers are slow because they sell in their season alone, and are silent before it. So, of
a product that sold in three months of five at most, and for more than a year, the larger part of
what is expected is what it sold in the same months a year ago.

`SlowMovers` follows those of a fleet after earlier origins, and `forecasting/slow_spread.py` reads
off it how far sales spread around what was expected.

>>> expected_ahead(np.array([0.0, 6, 0, 0, 6, 0]), date(2025, 1, 1), FLAT, 2).round(2)
array([1.87, 1.87])
"""

from __future__ import annotations

import heapq
from datetime import date

import numpy as np

from forecasting.dormancy import chance_alive
from forecasting.forecaster import SEASON, Series, Vector, add_months
from forecasting.models.pooled import FLAT, Shape
from forecasting.ranks import rank_of
from forecasting.routing import NEW_MONTHS, route
from forecasting.slow_spread import Spread

__all__ = [
    "SlowMovers",
    "expected_ahead",
    "season_ahead",
    "topped_up",
    "usual_size",
]

ORIGINS = (3, 6, 9)
"""Months before the end from which the fleet's slow movers are followed."""

MOST_KEPT = 3000
"""Slow movers that are remembered, chosen by a hash of their key."""

FEWEST_SALES = 3

SEASON_SEEN = 18
"""Months from which a product's own season has a say."""

SELDOM = 0.6
"""Share of selling months up to which it has: what sells in more months and then no more, ended."""

OWN_SEASON = 0.8
"""Its share in what is expected."""

RETURNS = 0.9
"""Chance that what sold in these months a year ago sells again, however long it has been silent."""

NEAR = np.array([0.25, 0.5, 0.25])
"""Weights of a month and its neighbours: what sold in October may sell in September."""

BEST_MONTHS, MOST = 3, 4.0
"""Best months of the last year, and times their mean from which a month is cut."""


def usual_size(units: Vector) -> float:
    """Mean of the last twelve selling months; 0 for a history without a sale.

    >>> usual_size(np.array([0.0, 4, 0, 8]))
    6.0
    """
    selling = units[units > 0][-SEASON:]
    return float(selling.mean()) if len(selling) else 0.0


def expected_ahead(units: Vector, first_month: date, shape: Shape, horizon: int) -> Vector:
    """Mean units of each coming month."""
    freed = units / shape.over(first_month, len(units))
    rate = float(freed[-SEASON:].mean()) * chance_alive(units)
    expected: Vector = rate * shape.over(add_months(first_month, len(units)), horizon)
    if not _has_season(units):
        return expected
    return (1 - OWN_SEASON) * expected + season_ahead(units, horizon)


def season_ahead(units: Vector, horizon: int) -> Vector:
    """The part of what is expected that is the product's own season; 0 where none is seen.

    >>> season_ahead(np.array([0.0] * 12 + [8, 0, 0, 0, 0, 0, 0]), 7).round(2)
    array([0.  , 0.  , 0.  , 0.  , 1.44, 2.88, 1.44])
    """
    if not _has_season(units):
        return np.zeros(horizon)
    year = units[-SEASON:]
    year = np.minimum(year, MOST * np.sort(year)[-BEST_MONTHS:].mean())
    smooth = np.convolve(np.concatenate([year[-1:], year, year[:1]]), NEAR, "valid")
    chance = max(chance_alive(units), RETURNS)
    ahead: Vector = OWN_SEASON * chance * np.resize(smooth, horizon)
    return ahead


def _has_season(units: Vector) -> bool:
    """Whether the product sells so seldom, and is known so long, that its season may be seen."""
    return len(units) >= SEASON_SEEN and float((units > 0).mean()) <= SELDOM


def topped_up(units: Vector, expected: Vector) -> Vector:
    """`units` brought to the sum of `expected`: what is missing is added, what is over scaled down.

    >>> topped_up(np.array([0.0, 1.0]), np.array([2.0, 2.0]))
    array([1.5, 2.5])
    >>> topped_up(np.array([2.0, 6.0]), np.array([2.0, 2.0]))
    array([1., 3.])
    """
    lacks = float(expected.sum() - units.sum())
    if lacks <= 0:
        scaled: Vector = units * (expected.sum() / max(float(units.sum()), 1e-12))
        return scaled
    raised: Vector = units + lacks * expected / expected.sum()
    return raised


class SlowMovers:
    """The slow movers of a fleet; `add` every series, then take their `spread`."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str, Series]] = []

    def add(self, series: Series) -> None:
        """Remember one series, if it sells in few months and the hash of its key is small."""
        if series.months < NEW_MONTHS + min(ORIGINS) or not route(series.units).sparse:
            return
        key, rank = "\0".join(series.key), -rank_of(*series.key)
        if len(self._heap) < MOST_KEPT:
            heapq.heappush(self._heap, (rank, key, series))
        else:
            heapq.heappushpop(self._heap, (rank, key, series))

    def spread(self) -> Spread:
        """How the months after each origin spread around what was expected there."""
        kept = sorted(self._heap, key=lambda entry: entry[:2])
        rows = [
            (place, *seen)
            for place, (_, _, series) in enumerate(kept)
            for months in ORIGINS
            for seen in _followed(series, series.months - months)
        ]
        return Spread.of(rows)


def _followed(series: Series, known: int) -> list[tuple[str, Vector, Vector]]:
    """Class, expected and sold after the first `known` months, where they are a slow mover's."""
    units, later = series.units[:known], series.units[known:]
    few = np.count_nonzero(units) < FEWEST_SALES
    where = route(units)
    if known < NEW_MONTHS or few or not where.sparse:
        return []
    size, ahead = usual_size(units), len(later)
    return [
        (where.kind, expected_ahead(units, series.first_month, FLAT, ahead) / size, later / size)
    ]
