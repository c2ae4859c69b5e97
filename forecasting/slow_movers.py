"""Products that sell in few months: what may be expected of them, and how far sales spread.

A race by absolute errors finds the middle, and the middle of months that mostly sell nothing is
nothing. What a shop must reckon with is the mean: the rate of the last year, times the chance that
the product is still on sale, in the shape of the year that its neighbours share. What the race
lacks of that is added to it.

Many slow movers are slow because they sell in their season alone, and are silent before it. So, of
a product that sold in three months of five at most, and for more than a year, the larger part of
what is expected is what it sold in the same months a year ago.

The spread is read off what slow movers of the fleet really sold after earlier origins, in units of
their usual selling month, among those of which about as much was expected, and then among those of
the same Syntetos-Boylan class. It tells how months lie around what is expected, not that more was
sold than that: what is in a fleet today did sell since those origins, and what did not is gone from
it. An interval that zero cuts spends above what it saves below.

>>> expected_ahead(np.array([0.0, 6, 0, 0, 6, 0]), date(2025, 1, 1), FLAT, 2).round(2)
array([1.87, 1.87])
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.dormancy import chance_alive
from forecasting.forecaster import LEVELS, SEASON, Series, Vector, add_months
from forecasting.intervals import independent, outward
from forecasting.models.pooled import FLAT, Shape
from forecasting.ranks import rank_of
from forecasting.routing import NEW_MONTHS, route

__all__ = [
    "SlowMovers",
    "Spread",
    "expected_ahead",
    "season_ahead",
    "topped_up",
    "usual_size",
]

EDGES = np.array([0.03, 0.06, 0.1, 0.15, 0.22, 0.3, 0.4, 0.55, 0.75])
"""Expected units a month, in usual selling months, between which products are alike."""

MIDDLES = (*((np.append(0.0, EDGES[:-1]) + EDGES) / 2), 1.0)
"""The expected units that stand for each cell."""

QUANTILES = tuple(
    sorted({share / 200 for level in LEVELS for share in (100 - level, 2 * level, 100 + level)})
)
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

FARTHEST_BROUGHT = 3.0
"""Times that what a fleet sold is raised, or lowered, at most to the mean of what was expected."""

GRID = (np.arange(200) + 0.5) / 200
"""Shares whose quantiles stand for a distribution."""

PRIOR_SERIES = 50
"""Independent slow movers at which what was seen counts as much as the expected rate alone says.

Those of one class count so beside all slow movers.
"""


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


@dataclass(frozen=True, eq=False)
class Spread:
    """What slow movers sell in a month: `QUANTILES` by cell of `EDGES`, in usual selling months.

    `by_kind` has the same of the Syntetos-Boylan classes that were seen.
    """

    sold: Vector
    by_kind: Mapping[str, Vector] = field(default_factory=dict)

    @classmethod
    def usual(cls) -> Spread:
        """The spread of a product that sells with the chance expected, and then exponentially."""
        return cls(np.array([_usual(rate, np.array(QUANTILES)) for rate in MIDDLES]))

    @classmethod
    def of(cls, rows: Sequence[tuple[int, str, Vector, Vector]]) -> Spread:
        """The spread over rows of (series, class, expected, sold), by month, in selling months."""
        if not rows:
            return cls.usual()
        lengths = [len(sold) for *_, sold in rows]
        owner = np.repeat([series for series, *_ in rows], lengths)
        kinds = np.repeat([kind for _, kind, *_ in rows], lengths)
        expected = np.concatenate([expected for *_, expected, _ in rows])
        sold = _around(expected, np.concatenate([sold for *_, sold in rows]))
        cells = np.searchsorted(EDGES, expected)
        found = cls.usual().sold
        by_kind = {str(kind): cls.usual().sold for kind in np.unique(kinds)}
        for cell in np.unique(cells):
            inside = cells == cell
            alike = _Mixture.of(sold[inside], owner[inside], _usual(MIDDLES[cell], GRID))
            found[cell] = alike.quantiles()
            for kind, own in by_kind.items():
                mine = inside & (kinds == kind)
                own[cell] = _Mixture.of(sold[mine], owner[mine], alike.at(GRID)).quantiles()
        return cls(np.round(found, 4), {kind: np.round(own, 4) for kind, own in by_kind.items()})

    def interval(
        self, units: Vector, expected: Vector, size: float, kind: str = ""
    ) -> tuple[Vector, Vector]:
        """Lower and upper bounds (levels, horizon) that also hold `units`."""
        if size <= 0:
            return np.zeros((len(LEVELS), len(units))), np.tile(units, (len(LEVELS), 1))
        own = self.by_kind.get(kind, self.sold)
        sold = size * own[np.searchsorted(EDGES, expected / size)]
        lower, upper = [], []
        for level in LEVELS:
            low = _at(sold, (1 - level / 100) / 2)
            high = np.where(low > 0, _at(sold, (1 + level / 100) / 2), _at(sold, level / 100))
            lower.append(low)
            upper.append(high)
        below = np.minimum(np.minimum.accumulate(np.array(lower), axis=0), units)
        above = np.maximum(np.maximum.accumulate(np.array(upper), axis=0), units)
        return below, above

    def to_json(self) -> dict[str, Any]:
        """The spread as JSON."""
        by_kind = {kind: own.tolist() for kind, own in self.by_kind.items()}
        return {"all": self.sold.tolist(), "by_kind": by_kind}

    @classmethod
    def from_json(cls, value: dict[str, Any] | list[Any]) -> Spread:
        """The spread that `to_json` wrote, or the rows of all that surveys kept before classes."""
        if isinstance(value, list):
            return cls(np.array(value))
        by_kind = {kind: np.array(own) for kind, own in value["by_kind"].items()}
        return cls(np.array(value["all"]), by_kind)


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


def _usual(rate: float, shares: Vector) -> Vector:
    """Quantiles of months that sell with the chance `rate`, then exponentially with mean 1."""
    chance = min(rate, 0.999)
    left = 1 - shares
    quantiles: Vector = np.where(left >= chance, 0.0, -np.log(np.minimum(left / chance, 1.0)))
    return quantiles


def _around(expected: Vector, sold: Vector) -> Vector:
    """What was sold, brought to the mean of what was expected; bulk orders count as `MOST` months.

    >>> _around(np.array([0.5, 0.5]), np.array([0.0, 2.0]))
    array([0., 1.])
    """
    mean = max(float(np.minimum(sold, MOST).mean()), 1e-9)
    times = float(np.clip(expected.mean() / mean, 1 / FARTHEST_BROUGHT, FARTHEST_BROUGHT))
    brought: Vector = times * sold
    return brought


@dataclass(frozen=True, eq=False)
class _Mixture:
    """What `count` series sold, mixed with what was to be expected of them."""

    values: Vector
    reached: Vector
    count: int

    @classmethod
    def of(cls, sold: Vector, owner: NDArray[np.int_], prior: Vector) -> _Mixture:
        """However many the series are, what they sold is of the same few months."""
        count = len(np.unique(owner))
        values = np.concatenate([sold, prior])
        seen = independent(count) / max(len(sold), 1)
        weights = np.repeat([seen, PRIOR_SERIES / len(prior)], [len(sold), len(prior)])
        order = np.argsort(values, kind="stable")
        return cls(values[order], np.cumsum(weights[order]) / weights.sum(), count)

    def at(self, shares: Vector) -> Vector:
        """The quantiles of those shares."""
        places = np.minimum(np.searchsorted(self.reached, shares), len(self.values) - 1)
        quantiles: Vector = self.values[places]
        return quantiles

    def quantiles(self) -> Vector:
        """`QUANTILES`, each as far out as the number of series asks."""
        return self.at(np.array([outward(share, self.count + PRIOR_SERIES) for share in QUANTILES]))


def _at(sold: Vector, share: float) -> Vector:
    """The quantile `share` of each row."""
    return sold[:, int(np.argmin(np.abs(np.array(QUANTILES) - share)))]
