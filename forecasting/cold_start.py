"""Products with less than seven months borrow from named donors how launches go on.

What a launch sells later, in units of what it sold so far, depends on its age, its size and how
long ago it last sold. That is read off earlier launches of the same store and category, of the
store, or of the merchant, whichever are near and enough: the share that is kept is the point, its
spread the interval. A product that another store of the merchant already sells is no news there:
it goes on as earlier launches of such products did. The forecast says who lent, and which store
sold it first. Months with an empty shelf count as what a full one would have sold. Listings that
have not sold yet borrow by `forecasting/never_sold.py`, from the launches gathered here.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np

from forecasting.corrections import with_full_shelf
from forecasting.donors import FEWEST_LAUNCHES, KNOWN, NO_DONOR, donor_text, groups, nearest
from forecasting.forecaster import LEVELS, Forecast, Series, Vector, add_months
from forecasting.models.pooled import Shape, Shapes
from forecasting.never_sold import AGES, FirstSales, Starts
from forecasting.ranks import rank_of
from forecasting.routing import NEW_MONTHS, route
from forecasting.series import months_between

__all__ = ["Course", "Courses", "Donors", "Launches", "every_launch", "forecast_launch"]

OLDEST = NEW_MONTHS - 1
FOLLOWED = 12
"""Months after each age for which a launch is followed."""

MOST_KEPT = 3000
"""Launches of a store and category that are remembered, chosen by a hash of their key."""

SIZES = (0.25, 0.5, 0.75, 0.95)
"""Shares of launches that part small ones from large ones."""

MOST_PRODUCTS = 200_000
"""Products of which the store that sold them first is remembered, chosen by a hash."""

LEAST_SHARE = 0.02
QUANTILES = tuple(
    sorted(
        {(1 - level / 100) / 2 for level in LEVELS}
        | {level / 100 for level in LEVELS}
        | {(1 + level / 100) / 2 for level in LEVELS}
    )
)
PRIOR_SHARE = 0.6
PRIOR_LAUNCHES = 30.0
"""Launches at which a group's own share counts as much as that of the wider group."""


@dataclass(frozen=True)
class Course:
    """How launches of one age and silence go on: the share kept, and quantiles of a month's share.

    `launches` is how many were seen.
    """

    share: float
    quantiles: tuple[float, ...]
    launches: int

    def at(self, probability: float) -> float:
        """The share that a month stays below with that probability."""
        return float(np.interp(probability, QUANTILES, self.quantiles))


@dataclass(frozen=True)
class Courses:
    """Courses by state; `sizes` are the mean months that part small launches from large ones."""

    sizes: tuple[float, ...]
    by_state: dict[str, Course]

    def of(self, units: Vector) -> Course | None:
        """The course for a history in its state, if enough launches were in it."""
        course = self.by_state.get(_state(units, self.sizes))
        return course if course is not None and course.launches >= FEWEST_LAUNCHES else None

    def to_json(self) -> list[Any]:
        """The courses as JSON."""
        rows = [[s, c.share, c.quantiles, c.launches] for s, c in self.by_state.items()]
        return [self.sizes, rows]

    @classmethod
    def from_json(cls, value: list[Any]) -> Courses:
        """The courses that `to_json` wrote."""
        sizes, rows = value
        return cls(tuple(sizes), {s: Course(share, tuple(q), n) for s, share, q, n in rows})


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
        entry = (rank, key, series.first_month, _demand(series)[: OLDEST + FOLLOWED].copy())
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

    def starts(self, shapes: Shapes) -> dict[str, Starts]:
        """What launches sell in their first year, by the same groups as `courses`."""
        return {
            group: Starts.of(launched)
            for group, launched in sorted(self._launched(shapes).items())
            if len(launched) >= FEWEST_LAUNCHES
        }

    def courses(self, shapes: Shapes) -> dict[str, Courses]:
        """Courses by store and category, by store and by merchant, as `groups` names them.

        Those of products that another store already sold stand beside them once more. Histories
        are freed from the shape of the year that `shapes` gives them.
        """
        launched = self._launched(shapes)
        found: dict[str, Courses] = {}
        for group in sorted(launched, key=lambda name: (name.count("|"), name)):
            if len(launched[group]) >= FEWEST_LAUNCHES:
                found[group] = _courses(launched[group], found.get(group.rpartition("|")[0]))
        return found

    def _launched(self, shapes: Shapes) -> dict[str, list[Vector]]:
        """The launches of each group, freed from the shape of the year."""
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
        return launched

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
    """What new products borrow: what `Launches` finds, by the same names."""

    courses: dict[str, Courses] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)
    starts: dict[str, Starts] = field(default_factory=dict)
    first_sales: dict[str, FirstSales] = field(default_factory=dict)

    @classmethod
    def of(cls, launches: Launches, shapes: Shapes) -> Donors:
        """What those launches lend."""
        return cls(
            launches.courses(shapes),
            launches.elsewhere(),
            launches.starts(shapes),
            launches.first_sales(),
        )

    def add(self, other: Donors) -> None:
        """Take in what launches of other merchants lend."""
        self.courses.update(other.courses)
        self.elsewhere.update(other.elsewhere)
        self.starts.update(other.starts)
        self.first_sales.update(other.first_sales)

    def in_order(self) -> Donors:
        """The same whatever the order in which merchants came; courses of wider groups first."""
        courses = sorted(self.courses.items(), key=lambda item: (item[0].count("|"), item[0]))
        return Donors(
            dict(courses),
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


def forecast_launch(
    series: Series,
    horizon: int,
    courses: dict[str, Courses],
    shape: Shape,
    sold_in: str | None = None,
) -> Forecast:
    """What becomes of a new product, as its donors' launches went on, with their names.

    `sold_in` is another store of the merchant that already sold the product.
    """
    demand = _demand(series)
    donor, course = _donor(series, demand, courses, sold_in)
    freed = demand / shape.over(series.first_month, series.months)
    factors = freed.mean() * shape.over(add_months(series.cutoff_month, 1), horizon)
    units = course.share * factors
    lower, upper = _interval(course, factors, units)
    changed = np.count_nonzero(demand != series.units)
    corrected = f" corrected={changed}" if changed else ""
    where = route(series.units).text
    reason = f"short_history months={series.months} {where} {donor}{corrected}"
    return Forecast(units, lower, upper, "launch", reason)


def _interval(course: Course, factors: Vector, units: Vector) -> tuple[Vector, Vector]:
    """Bounds from the quantiles; where the lower is zero, all the rest is spent above."""
    lower, upper = [], []
    for level in LEVELS:
        tail = (1 - level / 100) / 2
        low = course.at(tail)
        high = course.at(1 - tail if low > 0 else level / 100)
        lower.append(low * factors)
        upper.append(high * factors)
    below = np.minimum(np.minimum.accumulate(np.array(lower), axis=0), units)
    above = np.maximum(np.maximum.accumulate(np.array(upper), axis=0), units)
    return below, above


def _demand(series: Series) -> Vector:
    return with_full_shelf(series.units, series.days_out_of_stock)


def _donor(
    series: Series, demand: Vector, courses: dict[str, Courses], sold_in: str | None
) -> tuple[str, Course]:
    """The nearest launches that were in its state, or a plain rule."""
    for group in nearest(series, sold_in):
        known = courses.get(group)
        course = known.of(demand) if known else None
        if course is not None:
            return donor_text(group, course.launches, sold_in), course
    spread = tuple(-PRIOR_SHARE * np.log(1 - np.array(QUANTILES)))
    return NO_DONOR, Course(PRIOR_SHARE, spread, 0)


def _state(units: Vector, sizes: tuple[float, ...]) -> str:
    """Age up to six months, months since the last sale up to three, and size."""
    sold = np.flatnonzero(units > 0)
    silence = len(units) - 1 - int(sold[-1]) if len(sold) else len(units)
    return (
        f"{min(len(units), OLDEST)}:{min(silence, 3)}:{int(np.searchsorted(sizes, units.mean()))}"
    )


def _courses(launched: list[Vector], wider: Courses | None) -> Courses:
    """The course of launches by state, drawn toward that of the wider group."""
    means = [units[:OLDEST].mean() for units in launched]
    sizes = tuple(round(float(size), 6) for size in np.quantile(means, SIZES))
    seen: dict[str, list[tuple[float, Vector]]] = {}
    for units in launched:
        for age in range(1, min(OLDEST, len(units) - 1) + 1):
            mean = float(units[:age].mean())
            if mean > 0:
                later = units[age : age + FOLLOWED]
                seen.setdefault(_state(units[:age], sizes), []).append((mean, later))
    usual = {state: course.share for state, course in wider.by_state.items()} if wider else {}
    return Courses(
        sizes,
        {
            state: _course(rows, usual.get(state, PRIOR_SHARE))
            for state, rows in sorted(seen.items())
        },
    )


def _course(rows: list[tuple[float, Vector]], usual: float) -> Course:
    """Share and spread over launches; the share is of all units, so that totals come out right."""
    sold = sum(mean for mean, _ in rows)
    later = sum(float(units.mean()) for _, units in rows)
    share = (len(rows) * later / sold + PRIOR_LAUNCHES * usual) / (len(rows) + PRIOR_LAUNCHES)
    shares = np.concatenate([units / mean for mean, units in rows])
    quantiles = np.quantile(shares, QUANTILES)
    return Course(
        round(max(share, LEAST_SHARE), 5),
        tuple(round(float(value), 5) for value in quantiles),
        len(rows),
    )
