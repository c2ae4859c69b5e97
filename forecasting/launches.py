"""The launches of a fleet, by merchant, store and category, and what new products borrow of them.

Four things are lent: how launches of each group go on (`courses`, for `forecasting/cold_start.py`),
how they begin and how soon (`starts` and `first_sales`, for `forecasting/never_sold.py`), and which
store already sold the product of a new series (`elsewhere`). A merchant's launches are lent within
the merchant alone. What is remembered is bounded, and chosen by hashes, so that the order of the
series has no say.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

import numpy as np

from forecasting.cold_start import FOLLOWED, OLDEST, Courses, courses_of
from forecasting.corrections import with_full_shelf
from forecasting.donors import FEWEST_LAUNCHES, KNOWN, groups
from forecasting.forecaster import Series, Vector
from forecasting.models.pooled import Shapes
from forecasting.never_sold import AGES, FirstSales, Starts
from forecasting.ranks import rank_of
from forecasting.routing import NEW_MONTHS
from forecasting.series import months_between

__all__ = ["Donors", "Launches", "every_launch"]

MOST_KEPT = 3000
"""Launches of a store and category that are remembered, chosen by a hash of their key."""

MOST_PRODUCTS = 200_000
"""Products of which the store that sold them first is remembered, chosen by a hash."""


@dataclass
class _FirstStores:
    """The two stores of a merchant that sold a product first, for a bounded number of products."""

    first: dict[tuple[str, str], list[tuple[date, str]]] = field(default_factory=dict)
    limit: int = 2**64

    def add(self, series: Series) -> None:
        product = (series.merchant_id, series.product_id)
        if rank_of(*product) >= self.limit:
            return
        entry = (series.first_month, series.store_id)
        self.first[product] = sorted([*self.first.get(product, []), entry])[:2]
        while len(self.first) > MOST_PRODUCTS:
            self.limit //= 2
            self.first = {key: v for key, v in self.first.items() if rank_of(*key) < self.limit}

    def before(self, merchant: str, store: str, product: str, month: date) -> str | None:
        """Another store that sold the product before that month."""
        for first, other in self.first.get((merchant, product), []):
            if other != store and first < month:
                return other
        return None


@dataclass
class Launches:
    """The launches of every merchant, by store and category.

    A history that begins with the merchant's first month of data is no launch: nobody knows when
    it began. Nor is one without a sale, which waits for its launch.
    """

    begun: dict[str, date] = field(default_factory=dict)
    cutoffs: dict[str, date] = field(default_factory=dict)
    sold: dict[str, list[int]] = field(default_factory=dict)
    waiting: dict[str, list[int]] = field(default_factory=dict)
    stores: _FirstStores = field(default_factory=_FirstStores)
    new: list[tuple[str, str, str, date]] = field(default_factory=list)
    kept: dict[tuple[str, str, str], list[tuple[int, str, date, Vector]]] = field(
        default_factory=dict
    )

    @classmethod
    def of(cls, everything: Iterable[Series]) -> Launches:
        """The launches among those series."""
        launches = cls()
        for series in everything:
            launches.add(series)
        return launches

    def add(self, series: Series) -> None:
        """Remember one series, if the hash of its key is among the least."""
        merchant = series.merchant_id
        first = min(series.first_month, self.begun.get(merchant, series.first_month))
        self.begun[merchant] = first
        self._count(series)
        if series.months < NEW_MONTHS:
            self.new.append((*series.key, series.first_month))
        if not series.units.any():
            return
        self.stores.add(series)
        if series.months < 2:
            return
        key, rank = "\0".join(series.key), -rank_of(*series.key)
        heap = self.kept.setdefault((merchant, series.store_id, series.category), [])
        demand = with_full_shelf(series.units, series.days_out_of_stock)
        entry = (rank, key, series.first_month, demand[: OLDEST + FOLLOWED].copy())
        if len(heap) < MOST_KEPT:
            heapq.heappush(heap, entry)
        else:
            heapq.heappushpop(heap, entry)

    def _count(self, series: Series) -> None:
        """How long ago a first sale was, or since when a listing on sale waits for one."""
        merchant = series.merchant_id
        self.cutoffs[merchant] = max(
            series.cutoff_month, self.cutoffs.get(merchant, series.cutoff_month)
        )
        sold = np.flatnonzero(series.units > 0)
        months = series.months - int(sold[0]) if len(sold) else series.months
        if 1 <= months <= AGES and (len(sold) or series.active):
            counts = self.sold if len(sold) else self.waiting
            counts.setdefault(merchant, [0] * AGES)[months - 1] += 1

    def first_sales(self) -> dict[str, FirstSales]:
        """By merchant the first sales and the listings that wait, from its second month on."""
        found = {}
        for merchant in sorted({*self.sold, *self.waiting}):
            known = months_between(self.begun[merchant], self.cutoffs[merchant])
            told = [each.get(merchant, [0] * AGES)[:known] for each in (self.sold, self.waiting)]
            found[merchant] = FirstSales(*(tuple(counts) for counts in told))
        return found

    def by_group(self, shapes: Shapes) -> dict[str, list[Vector]]:
        """Launches by store and category, by store and by merchant, as `groups` names them.

        Those of products that another store already sold stand beside them once more. Histories
        are freed from the shape of the year that `shapes` gives them. Groups of few are left out.
        """
        launched: dict[str, list[Vector]] = {}
        for (merchant, store, category), heap in sorted(self.kept.items()):
            shape = shapes.shape(merchant, category)
            for _, key, first, units in sorted(heap, key=lambda entry: entry[:2]):
                if first > self.begun[merchant]:
                    freed = units / shape.over(first, len(units))
                    product = key.rpartition("\0")[2]
                    known = self.stores.before(merchant, store, product, first)
                    for group in groups(merchant, store, category):
                        launched.setdefault(group, []).append(freed)
                        if known:
                            launched.setdefault(KNOWN + group, []).append(freed)
        return {group: own for group, own in launched.items() if len(own) >= FEWEST_LAUNCHES}

    def elsewhere(self) -> dict[str, str]:
        """For each new series, by the JSON of its key, the store that sold its product before."""
        told = {
            json.dumps((merchant, store, product)): self.stores.before(
                merchant, store, product, month
            )
            for merchant, store, product, month in sorted(self.new)
        }
        return {key: store for key, store in told.items() if store}


@dataclass(frozen=True)
class Donors:
    """What new products borrow, courses and starts by the groups of `Launches.by_group`."""

    courses: dict[str, Courses] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)
    starts: dict[str, Starts] = field(default_factory=dict)
    first_sales: dict[str, FirstSales] = field(default_factory=dict)

    @classmethod
    def of(cls, launches: Launches, shapes: Shapes) -> Donors:
        """What those launches lend: how they go on, how they begin, and how soon."""
        launched = launches.by_group(shapes)
        courses: dict[str, Courses] = {}
        for group in sorted(launched, key=_wider_first):
            courses[group] = courses_of(launched[group], courses.get(group.rpartition("|")[0]))
        starts = {group: Starts.of(launched[group]) for group in sorted(launched)}
        return cls(courses, launches.elsewhere(), starts, launches.first_sales())

    def add(self, other: Donors) -> None:
        """Take in what launches of other merchants lend."""
        self.courses.update(other.courses)
        self.elsewhere.update(other.elsewhere)
        self.starts.update(other.starts)
        self.first_sales.update(other.first_sales)

    def in_order(self) -> Donors:
        """The same whatever the order in which merchants came; courses of wider groups first."""
        return Donors(
            {group: self.courses[group] for group in sorted(self.courses, key=_wider_first)},
            dict(sorted(self.elsewhere.items())),
            dict(sorted(self.starts.items())),
            dict(sorted(self.first_sales.items())),
        )


def every_launch(everything: Iterable[Series], shapes: Shapes) -> Donors:
    """What the launches of every merchant lend.

    One merchant's launches are in memory at a time where its series come together, as in shards;
    where a merchant comes back, all are.
    """
    found = Donors()
    seen = set()
    for merchant, own in groupby(everything, key=lambda series: series.merchant_id):
        if merchant in seen:
            found = Donors.of(Launches.of(everything), shapes)
            break
        seen.add(merchant)
        found.add(Donors.of(Launches.of(own), shapes))
    return found.in_order()


def _wider_first(group: str) -> tuple[int, str]:
    return group.count("|"), group
