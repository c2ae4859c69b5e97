"""How far the sales of slow movers spread around what is expected of them, and so their intervals.

It is read off what slow movers of the fleet really sold after earlier origins, as
`forecasting/slow_movers.py` follows them, in units of their usual selling month, among those of
which about as much was expected, and then among those of the same Syntetos-Boylan class. It
tells how months lie around what is expected, not that more was sold than that: what is in a fleet
today did sell since those origins, and what did not is gone from it. An interval that zero cuts
spends above what it saves below.

Without a fleet, of what sells 0.35 of a usual month, a month sells with that chance, and then
exponentially: 0.2 = 0.35 exp(-0.56).

>>> lower, upper = Spread.usual().interval(np.array([0.35]), np.array([0.35]), 1.0)
>>> lower[1], upper[1].round(2)
(array([0.]), array([0.56]))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.forecaster import LEVELS, Vector
from forecasting.intervals import independent, outward

__all__ = ["Spread"]

EDGES = np.array([0.03, 0.06, 0.1, 0.15, 0.22, 0.3, 0.4, 0.55, 0.75])
"""Expected units a month, in usual selling months, between which products are alike."""

MIDDLES = (*((np.append(0.0, EDGES[:-1]) + EDGES) / 2), 1.0)
"""The expected units that stand for each cell."""

QUANTILES = tuple(
    sorted({share / 200 for level in LEVELS for share in (100 - level, 2 * level, 100 + level)})
)

BULK = 4.0
"""Usual selling months as which a bulk order counts at most."""

FARTHEST_BROUGHT = 3.0
"""Times that what a fleet sold is raised, or lowered, at most to the mean of what was expected."""

GRID = (np.arange(200) + 0.5) / 200
"""Shares whose quantiles stand for a distribution."""

PRIOR_SERIES = 50
"""Independent slow movers at which what was seen counts as much as the expected rate alone says.

Those of one class count so beside all slow movers.
"""


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


def _usual(rate: float, shares: Vector) -> Vector:
    """Quantiles of months that sell with the chance `rate`, then exponentially with mean 1."""
    chance = min(rate, 0.999)
    left = 1 - shares
    quantiles: Vector = np.where(left >= chance, 0.0, -np.log(np.minimum(left / chance, 1.0)))
    return quantiles


def _around(expected: Vector, sold: Vector) -> Vector:
    """What was sold, brought to the mean of what was expected; bulk orders count as `BULK` months.

    >>> _around(np.array([0.5, 0.5]), np.array([0.0, 2.0]))
    array([0., 1.])
    """
    mean = max(float(np.minimum(sold, BULK).mean()), 1e-9)
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
