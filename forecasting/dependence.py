"""How much the misses of products go together: in a store, between stores, from month to month.

Misses are divided by the standard deviation that was promised for them. What goes together differs
most from store to store: the thousand products of a shop in a large town hardly miss together, the
thirty that one wholesale customer orders all sell in a month or none does. So each store has its
own correlation and spread, drawn toward those of all where little of it was scored.

>>> Dependence().in_store("M", "S")
InStore(correlation=0.07, spread=1.5)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import NormalDist

import numpy as np
import pandas as pd

from etl.tables import SERIES_KEY
from forecasting.forecaster import Vector

__all__ = [
    "Dependence",
    "InStore",
    "measure_dependence",
    "spread_of",
    "store_sums",
    "with_stores",
]

_WIDTH95 = 2 * NormalDist().inv_cdf(0.975)
_BLOCKS_OF_PRIOR = 12
"""Scored run-months at which a fleet counts as much as the defaults, a store as its fleet."""

_FEWEST_PAIRS = 30
_LARGEST_MISS = 10.0
_BLOCK = ["merchant_id", "cutoff_month", "month"]


@dataclass(frozen=True)
class InStore:
    """Correlation of misses of two products of one store, and their `spread` as in `Dependence`."""

    correlation: float
    spread: float


@dataclass(frozen=True)
class Dependence:
    """Correlation of misses of two products of a store, of two stores, and of two months ahead.

    `spread` is the standard deviation of misses in those that their intervals stand for: rare
    large misses, which a 95 % interval leaves out, weigh in a total. `stores` has those that were
    measured, by merchant and store. The defaults are what Online Retail II showed
    (docs/forecasting.md).
    """

    within_store: float = 0.07
    between_stores: float = 0.03
    between_months: float = 0.25
    spread: float = 1.5
    stores: Mapping[tuple[str, str], InStore] = field(default_factory=dict, repr=False)

    def in_store(self, merchant_id: str, store_id: str) -> InStore:
        """What holds in that store."""
        usual = InStore(self.within_store, self.spread)
        return self.stores.get((merchant_id, store_id), usual)


def spread_of(lower95: Vector, upper95: Vector) -> Vector:
    """Standard deviation of the miss that a 95 % interval stands for.

    >>> spread_of(np.array([0.0]), np.array([3.92])).round(2)
    array([1.])
    """
    return (upper95 - lower95) / _WIDTH95


def measure_dependence(scores: pd.DataFrame, prior: Dependence | None = None) -> Dependence:
    """How much misses of all stores went together in SCORES, drawn to `prior` where they are few.

    Misses are cut at ten of what was promised. Within a run and month the mean product of two
    misses is measured over all pairs of a store, and of two stores; within a run, over months next
    to each other of one product.
    """
    prior = prior or Dependence()
    told = _with_miss(scores).reset_index(drop=True)  # months are paired by row
    in_store = _pairs(_sums(told, ["store_id"]))
    in_merchant = _pairs(_sums(told, []))
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


def store_sums(scores: pd.DataFrame) -> pd.DataFrame:
    """Products, sum of misses and of their squares by merchant, store, run and month of SCORES."""
    told = scores[[*_BLOCK, "store_id", "units_sold", "units_forecast", "lo95", "hi95"]]
    return _sums(_with_miss(told), ["store_id"]).reset_index()


def with_stores(fleet: Dependence, sums: pd.DataFrame) -> Dependence:
    """`fleet` with what `store_sums` say of each store, drawn to what holds for all."""
    stores = {}
    for (merchant, store), rows in sums.groupby(["merchant_id", "store_id"]):
        products, pairs = _pairs(rows)
        if pairs < _FEWEST_PAIRS:
            continue
        square = float(rows["squares"].sum() / rows["products"].sum())
        weight = _weight(len(rows))
        found = np.clip(products / pairs / square, 0.0, 1.0) if square > 0 else 0.0
        stores[str(merchant), str(store)] = InStore(
            float(weight * found + (1 - weight) * fleet.within_store),
            float(np.sqrt(weight * square + (1 - weight) * fleet.spread**2)),
        )
    return replace(fleet, stores=stores)


def _with_miss(scores: pd.DataFrame) -> pd.DataFrame:
    """The rows that promised an interval, with their miss in what was promised."""
    told = scores[scores["hi95"] > scores["lo95"]]
    promised = spread_of(told["lo95"].to_numpy(float), told["hi95"].to_numpy(float))
    miss = (told["units_sold"] - told["units_forecast"]) / promised
    return told.assign(miss=miss.clip(-_LARGEST_MISS, _LARGEST_MISS))


def _sums(told: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Products, their sum of misses and of squares, by run and month and what `by` names."""
    found = told.assign(square=told["miss"] ** 2).groupby([*_BLOCK, *by])
    return found.agg(products=("miss", "size"), misses=("miss", "sum"), squares=("square", "sum"))


def _pairs(sums: pd.DataFrame) -> Vector:
    """Sum of the products of all pairs within each of `sums`, and the number of pairs."""
    products = float((sums["misses"] ** 2 - sums["squares"]).sum())
    return np.array([products, float((sums["products"] * (sums["products"] - 1)).sum())])


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
