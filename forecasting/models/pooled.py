"""The shape of a year that a merchant's products share, and forecasts that borrow it.

A product with 18 months has seen most months of the year once; what its neighbours in the same
shop and category do from month to month tells more. Shapes never cross merchants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from forecasting.forecaster import SEASON, Series, Vector, add_months

__all__ = ["FLAT", "Pool", "Shape", "Shapes", "level_ahead"]

WINDOW = 3 * SEASON
"""Months of each history that the shape is learned from."""

FEWEST_MONTHS = SEASON
FEWEST_SALES = 4
CLIP = 4.0
"""Times its level from which one product's month is cut, so that no bulk order makes a shape."""

FEWEST_OF_CATEGORY = 5
"""Products below which a category takes its merchant's shape as it is."""

CATEGORY_PRIOR = 30.0
"""Products at which a category's own shape counts as much as its merchant's."""

TREND_KEPT = 0.5
"""Share of the pooled yearly growth that is believed when the shape is freed from it."""

TREND_AHEAD = 0.5
"""Share of that growth that is carried ahead, damped by `DAMPING` a month."""

DAMPING = 0.9
STEEPEST = 0.05


@dataclass(frozen=True, eq=False)
class Shape:
    """Factors by calendar month (January first), mean 1, and the growth a month in logarithms."""

    factors: Vector
    growth: float = 0.0

    def over(self, first_month: date, months: int) -> Vector:
        """The factor of each of `months` months from `first_month` on."""
        return self.factors[(first_month.month - 1 + np.arange(months)) % SEASON]

    def ahead(self, first_month: date, horizon: int) -> Vector:
        """The factors of the months to be forecast, with the damped growth."""
        drift = self.growth * TREND_AHEAD * np.cumsum(DAMPING ** np.arange(horizon))
        factors: Vector = self.over(first_month, horizon) * np.exp(drift)
        return factors


FLAT = Shape(np.ones(SEASON))
"""No month differs from another."""


@dataclass(frozen=True)
class Shapes:
    """Shapes by "merchant|category", an empty category for the whole merchant: growth, factors."""

    rows: Mapping[str, list[float]]

    def shape(self, merchant_id: str, category: str) -> Shape:
        """The category's shape, else its merchant's, else flat."""
        for group in (f"{merchant_id}|{category}", f"{merchant_id}|"):
            if group in self.rows:
                growth, *factors = self.rows[group]
                return Shape(np.array(factors), growth)
        return FLAT


@dataclass
class Pool:
    """Sums over a merchant's products from which shapes are read; small, however many there are.

    `sums` maps (merchant, category) to calendar month to [weighted units, weighted level]; the
    category "" stands for the whole merchant.
    """

    sums: dict[tuple[str, str], dict[str, list[float]]] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, everything: Iterable[Series]) -> Pool:
        """The pool of those series."""
        pool = cls()
        for series in everything:
            pool.add(series)
        return pool

    def add(self, series: Series) -> None:
        """Count one series in, if it is long enough to tell."""
        units = series.units[-WINDOW:]
        if series.months < FEWEST_MONTHS or np.count_nonzero(units) < FEWEST_SALES:
            return
        units = np.minimum(units, CLIP * units.mean())
        level = units.mean()
        first = add_months(series.first_month, series.months - len(units))
        for group in ((series.merchant_id, ""), (series.merchant_id, series.category)):
            self.counts[group] = self.counts.get(group, 0) + 1
            months = self.sums.setdefault(group, {})
            for i, value in enumerate(units):
                month = add_months(first, i).isoformat()
                total = months.setdefault(month, [0.0, 0.0])
                total[0] += float(value / np.sqrt(level))
                total[1] += float(np.sqrt(level))

    def shape(self, merchant_id: str, category: str) -> Shape:
        """The category's shape drawn toward the merchant's; flat where too little is known."""
        whole = self._index(merchant_id, "")
        if whole is None:
            return FLAT
        months, index = whole
        part = self._index(merchant_id, category)
        if part is not None and part[0] == months:
            count = self.counts[merchant_id, category]
            share = count / (count + CATEGORY_PRIOR)
            index = share * part[1] + (1 - share) * index
        return _shape(date.fromisoformat(months[0]), index)

    def shapes(self) -> Shapes:
        """The shapes of all groups that have one, small enough to be kept for a whole fleet."""
        rows = {}
        for (merchant, category), count in sorted(self.counts.items()):
            if not category or count >= FEWEST_OF_CATEGORY:
                shape = self.shape(merchant, category)
                if shape is not FLAT:
                    rows[f"{merchant}|{category}"] = _row(shape)
        return Shapes(rows)

    def _index(self, merchant_id: str, category: str) -> tuple[list[str], Vector] | None:
        """The group's months, without gaps, and the logarithm of its level in each."""
        months = self.sums.get((merchant_id, category))
        if months is None:
            return None
        names = sorted(months)[-WINDOW:]
        sums = np.array([months[name] for name in names])
        known = bool((sums[:, 0] > 0).all())
        return (names, np.log(sums[:, 0] / sums[:, 1])) if known else None


def _shape(first_month: date, index: Vector) -> Shape:
    """Factors and growth of a logarithmic index over a year at least."""
    if len(index) <= SEASON:
        return FLAT
    growth = TREND_KEPT * float(np.median(index[SEASON:] - index[:-SEASON])) / SEASON
    growth = float(np.clip(growth, -STEEPEST, STEEPEST))
    level = index - growth * np.arange(len(index))
    calendar = (first_month.month - 1 + np.arange(len(index))) % SEASON
    factors = np.array([level[calendar == month].mean() for month in range(SEASON)])
    return Shape(np.exp(factors - factors.mean()), growth)


def _row(shape: Shape) -> list[float]:
    """Growth and factors without the last digits, in which the order of the series shows."""
    return [round(float(value), 6) for value in (shape.growth, *shape.factors)]


def level_ahead(
    units: Vector, first_month: date, shape: Shape, smoothing: float, horizon: int
) -> Vector:
    """The smoothed level of the history freed from `shape`, carried ahead in that shape."""
    freed = units / shape.over(first_month, len(units))
    start = freed[: min(6, len(freed))].mean()
    decay = (1 - smoothing) ** np.arange(len(freed))[::-1]
    level = start * (1 - smoothing) ** len(freed) + smoothing * (decay * freed).sum()
    ahead: Vector = level * shape.ahead(add_months(first_month, len(units)), horizon)
    return ahead
