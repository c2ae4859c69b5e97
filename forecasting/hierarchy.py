"""Totals of a run: product → store → merchant, and category within either, with honest intervals.

Points are sums of the products' points, so every level adds up. Bounds are not sums of bounds:
products miss partly together and partly not. Each product's interval gives the standard deviation
of its miss; how much misses go together within a store, between the stores of a merchant, and from
month to month is measured on scored months (`dependence.py`). A total's miss then has the variance

    Σₛ [(1 − aₛ) Σᵢ∈ₛ σᵢ² + (aₛ − bₛ) (Σᵢ∈ₛ σᵢ)²] + (Σₛ √bₛ Σᵢ∈ₛ σᵢ)²

with aₛ the correlation within store s and bₛ the lesser of aₛ and that between stores. Bounds are
those of the gamma distribution with the total's mean and variance: never negative, skewed where
little is sold, normal where much is; they hold the point. A gamma variable is never zero, a store
that sells nothing for a month is: a lower bound next to nothing is nothing. Horizon 0 is the sum of
all months ahead.
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

from etl.tables import TOTALS
from forecasting.dependence import Dependence, spread_of
from forecasting.forecaster import LEVELS, Vector

__all__ = ["Totals"]

Key = tuple[str, str, str]

_NEXT_TO_NOTHING = 0.03
"""Share of what is expected below which a lower bound is zero."""


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
        first = rows.iloc[::horizon]
        owners = list(zip(first["merchant_id"], first["store_id"], strict=True))
        wider = np.array([self._dependence.in_store(*owner).spread for owner in owners])
        spread = wider[:, np.newaxis] * spread_of(numbers["lo95"], numbers["hi95"])
        sums = _with_sum(numbers["units_forecast"], numbers["units_forecast"].sum(axis=1))
        spreads = _with_sum(spread, self._spread_of_sum(spread))
        for place, (owner, category) in enumerate(
            zip(owners, categories.iloc[::horizon], strict=True)
        ):
            key = (*owner, category)
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
        together = [self._dependence.in_store(key[0], store).correlation for store in stores]
        bounds = self._bounds(units, np.array(together), list(stores.values()))
        if series == 1:
            # One product is its own total, and keeps its own bounds.
            bounds[:, :-1] = np.array(next(iter(stores.values())).own)
        order = [len(units) - 1, *range(len(units) - 1)]
        for horizon, place in enumerate(order):
            month = self._months[max(horizon - 1, 0)]
            yield (*key, month, horizon, series, units[place], *bounds[:, place])

    def _bounds(self, units: Vector, together: Vector, stores: list[_Sum]) -> Vector:
        """Bounds of a total by month, shape (6, months + 1), in the order of `_BOUNDS`.

        `together` are the correlations within each of the stores.
        """
        a = together[:, np.newaxis]
        b = np.minimum(a, self._dependence.between_stores)
        spreads = np.array([one.spreads for one in stores])
        variances = np.array([one.variances for one in stores])
        variance = ((1 - a) * variances + (a - b) * spreads**2).sum(axis=0)
        variance += (np.sqrt(b) * spreads).sum(axis=0) ** 2
        return np.array([_bound(units, variance, share) for share in _SHARES])


_BOUNDS = tuple(f"{side}{level}" for level in LEVELS for side in ("lo", "hi"))
_SHARES = tuple(0.5 + sign * level / 200 for level in LEVELS for sign in (-1, 1))


def _with_sum(by_month: Vector, sums: Vector) -> Vector:
    return np.concatenate([by_month, sums[:, np.newaxis]], axis=1)


def _bound(mean: Vector, variance: Vector, share: float) -> Vector:
    """The quantile as a bound: on its side of the mean, and zero where it is next to nothing."""
    quantile = _quantile(mean, variance, share)
    if share > 0.5:
        upper: Vector = np.maximum(quantile, mean)
        return upper
    lower: Vector = np.where(quantile < _NEXT_TO_NOTHING * mean, 0.0, np.minimum(quantile, mean))
    return lower


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
