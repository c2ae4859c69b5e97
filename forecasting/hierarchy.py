"""Totals of a run: product → store → merchant, and category within either, with honest intervals.

Points are sums of the products' points, so every level adds up. Bounds are not sums of bounds:
products miss partly together and partly not. Each product's interval gives the standard deviation
of its miss; how much misses go together within a store, between the stores of a merchant, and from
month to month is measured on scored months (`Dependence`). A total's miss then has the variance

    (1 − a) Σσᵢ² + (a − b) Σₛ(Σᵢ∈ₛ σᵢ)² + b (Σσᵢ)²

with a the correlation within a store and b between stores. Bounds are those of the gamma
distribution with the total's mean and variance: never negative, skewed where little is sold, normal
where much is. Horizon 0 is the sum of all months ahead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.special import gammaincinv

from etl.tables import SERIES_KEY, TOTALS
from forecasting.forecaster import LEVELS, Vector

__all__ = ["Dependence", "Totals", "measure_dependence", "spread_of"]

Key = tuple[str, str, str]

_WIDTH95 = 2 * NormalDist().inv_cdf(0.975)
_BLOCKS_OF_PRIOR = 12
_FEWEST_PAIRS = 30
_LARGEST_MISS = 10.0


@dataclass(frozen=True)
class Dependence:
    """Correlation of misses of two products of a store, of two stores, and of two months ahead.

    `spread` is the standard deviation of misses in those that their intervals stand for: rare
    large misses, which a 95 % interval leaves out, weigh in a total. The defaults are what Online
    Retail II showed (docs/forecasting.md).
    """

    within_store: float = 0.07
    between_stores: float = 0.03
    between_months: float = 0.25
    spread: float = 1.5


@dataclass(eq=False)
class _Sum:
    """What the products of one store and category add up to, by month and, last, over all."""

    series: int
    units: Vector
    variances: Vector
    spreads: Vector
    own: tuple[Vector, ...]

    def plus(self, other: _Sum) -> _Sum:
        return _Sum(
            self.series + other.series,
            self.units + other.units,
            self.variances + other.variances,
            self.spreads + other.spreads,
            self.own,
        )


class Totals:
    """Running totals of a run: `add` the forecasts of each shard, then take the `table`."""

    def __init__(self, dependence: Dependence | None = None) -> None:
        self._dependence = dependence or Dependence()
        self._leaves: dict[Key, _Sum] = {}
        self._months: list[Any] = []

    def add(self, rows: pd.DataFrame, categories: pd.Series[str]) -> None:
        """Take in PREDICTIONS of one cutoff, each series whole, with the category of each row."""
        horizon = int(rows["horizon"].max())
        self._months = list(rows["month"].iloc[:horizon])
        numbers = {
            name: rows[name].to_numpy(float).reshape(-1, horizon)
            for name in ("units_forecast", *_BOUNDS)
        }
        spread = self._dependence.spread * spread_of(numbers["lo95"], numbers["hi95"])
        sums = _with_sum(numbers["units_forecast"], numbers["units_forecast"].sum(axis=1))
        spreads = _with_sum(spread, self._spread_of_sum(spread))
        first = rows.iloc[::horizon]
        keys = zip(first["merchant_id"], first["store_id"], categories.iloc[::horizon], strict=True)
        for place, key in enumerate(keys):
            own = tuple(numbers[name][place] for name in _BOUNDS)
            one = _Sum(1, sums[place], spreads[place] ** 2, spreads[place], own)
            self._leaves[key] = self._leaves[key].plus(one) if key in self._leaves else one

    def table(self, run_id: str) -> pa.Table:
        """TOTALS of every merchant, store, and category within either; '' stands for all."""
        rows = [row for level in sorted(self._levels().items()) for row in self._rows(*level)]
        columns = dict(zip(TOTALS.names[1:], zip(*rows, strict=True), strict=True)) if rows else {}
        table = pd.DataFrame(columns, columns=TOTALS.names[1:]).assign(run_id=run_id)
        return TOTALS.conform(table)

    def _spread_of_sum(self, spread: Vector) -> Vector:
        """Standard deviation of the miss of the sum of a series' months."""
        together = self._dependence.between_months
        variance = (1 - together) * (spread**2).sum(axis=1) + together * spread.sum(axis=1) ** 2
        found: Vector = np.sqrt(variance)
        return found

    def _levels(self) -> dict[Key, dict[str, _Sum]]:
        """For each key of a total, its sums by store."""
        levels: dict[Key, dict[str, _Sum]] = {}
        for (merchant, store, category), leaf in self._leaves.items():
            for key in {
                (merchant, store, category),
                (merchant, store, ""),
                (merchant, "", category),
                (merchant, "", ""),
            }:
                stores = levels.setdefault(key, {})
                stores[store] = stores[store].plus(leaf) if store in stores else leaf
        return levels

    def _rows(self, key: Key, stores: dict[str, _Sum]) -> Iterator[tuple[Any, ...]]:
        series = sum(one.series for one in stores.values())
        units = np.sum([one.units for one in stores.values()], axis=0)
        bounds = self._bounds(units, list(stores.values()))
        if series == 1:
            # One product is its own total, and keeps its own bounds.
            bounds[:, :-1] = np.array(next(iter(stores.values())).own)
        order = [len(units) - 1, *range(len(units) - 1)]
        for horizon, place in enumerate(order):
            month = self._months[max(horizon - 1, 0)]
            yield (*key, month, horizon, series, units[place], *bounds[:, place])

    def _bounds(self, units: Vector, stores: list[_Sum]) -> Vector:
        """Bounds of a total by month, shape (6, months + 1), in the order of `_BOUNDS`."""
        a, b = self._dependence.within_store, self._dependence.between_stores
        spreads = np.array([one.spreads for one in stores])
        variance = (
            (1 - a) * np.sum([one.variances for one in stores], axis=0)
            + (a - b) * (spreads**2).sum(axis=0)
            + b * spreads.sum(axis=0) ** 2
        )
        return np.array([_quantile(units, variance, share) for share in _SHARES])


_BOUNDS = tuple(f"{side}{level}" for level in LEVELS for side in ("lo", "hi"))
_SHARES = tuple(0.5 + sign * level / 200 for level in LEVELS for sign in (-1, 1))


def spread_of(lower95: Vector, upper95: Vector) -> Vector:
    """Standard deviation of the miss that a 95 % interval stands for.

    >>> spread_of(np.array([0.0]), np.array([3.92])).round(2)
    array([1.])
    """
    return (upper95 - lower95) / _WIDTH95


def measure_dependence(scores: pd.DataFrame, prior: Dependence | None = None) -> Dependence:
    """How much misses went together in SCORES, drawn to `prior` where little was scored.

    Misses are divided by the standard deviation that was promised for them, and cut at ten of it.
    Within a run and month
    the mean product of two misses is measured over all pairs of a store, and of two stores; within
    a run, over months next to each other of one product.
    """
    prior = prior or Dependence()
    told = scores[scores["hi95"] > scores["lo95"]]
    miss = (told["units_sold"] - told["units_forecast"]) / spread_of(
        told["lo95"].to_numpy(float), told["hi95"].to_numpy(float)
    )
    told = told.assign(miss=miss.clip(-_LARGEST_MISS, _LARGEST_MISS))
    in_store = _pairs(told, ["store_id"])
    in_merchant = _pairs(told, [])
    months = told.sort_values("month").groupby(["cutoff_month", *SERIES_KEY])["miss"]
    neighbours = (months.shift() * told["miss"]).dropna()
    square = float((told["miss"] ** 2).mean())
    blocks = told[["cutoff_month", "month"]].drop_duplicates().shape[0]
    in_months = np.array([neighbours.sum(), len(neighbours)])
    a = _drawn(in_store, square, prior.within_store, blocks)
    b = _drawn(in_merchant - in_store, square, prior.between_stores, blocks)
    c = _drawn(in_months, square, prior.between_months, blocks)
    weight = _weight(blocks) if len(told) >= _FEWEST_PAIRS else 0.0
    spread = np.sqrt(weight * square + (1 - weight) * prior.spread**2) if weight else prior.spread
    return Dependence(a, min(a, b), c, float(spread))


def _pairs(told: pd.DataFrame, by: list[str]) -> Vector:
    """Sum of the products of all pairs of a run, month and merchant, and the number of pairs."""
    misses = told.groupby(["cutoff_month", "month", "merchant_id", *by])["miss"]
    squares = misses.agg(lambda group: float((group**2).sum()))
    count = misses.size()
    products = float((misses.sum() ** 2 - squares).sum())
    return np.array([products, float((count * (count - 1)).sum())])


def _drawn(pairs_of: Vector, square: float, prior: float, blocks: int) -> float:
    """The correlation that a sum of products and its number of pairs say, drawn to the prior."""
    products, pairs = pairs_of
    if pairs < _FEWEST_PAIRS or not square > 0:
        return prior
    found = products / pairs / square
    weight = _weight(blocks)
    return float(np.clip(weight * found + (1 - weight) * prior, 0.0, 1.0))


def _weight(blocks: int) -> float:
    """How far the measured is believed: half after twelve scored months."""
    return blocks / (blocks + _BLOCKS_OF_PRIOR)


def _with_sum(by_month: Vector, sums: Vector) -> Vector:
    return np.concatenate([by_month, sums[:, np.newaxis]], axis=1)


def _quantile(mean: Vector, variance: Vector, share: float) -> Vector:
    """The quantile of the gamma distribution of that mean and variance.

    Where the mean is zero or nothing spreads, that of the normal distribution, cut at zero.
    """
    known = (mean > 0) & (variance > 0)
    safe_mean, safe_variance = np.where(known, mean, 1.0), np.where(known, variance, 1.0)
    quantile = gammaincinv(safe_mean**2 / safe_variance, share) * safe_variance / safe_mean
    normal = np.maximum(mean + NormalDist().inv_cdf(share) * np.sqrt(variance), 0.0)
    found: Vector = np.where(known, quantile, normal)
    return found
