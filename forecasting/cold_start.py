"""Products with less than seven months borrow from named donors how launches go on.

What a launch sells later, in units of what it sold so far, depends on its age, its size and how
long ago it last sold. That is read off earlier launches of the same store and category, of the
store, or of the merchant, whichever are near and enough (`forecasting/launches.py` gathers them):
the share that is kept is the point, its spread the interval. A product that another store of the
merchant already sells is no news there: it goes on as earlier launches of such products did. The
forecast says who lent, and which store sold it first. Months with an empty shelf count as what a
full one would have sold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecasting.corrections import with_full_shelf
from forecasting.donors import FEWEST_LAUNCHES, NO_DONOR, donor_text, nearest
from forecasting.forecaster import LEVELS, Forecast, Series, Vector, add_months
from forecasting.models.pooled import Shape
from forecasting.routing import NEW_MONTHS, route

__all__ = ["FOLLOWED", "OLDEST", "Course", "Courses", "courses_of", "forecast_launch"]

OLDEST = NEW_MONTHS - 1
"""Months up to which a product is new."""

FOLLOWED = 12
"""Months after each age for which a launch is followed."""

SIZES = (0.25, 0.5, 0.75, 0.95)
"""Shares of launches that part small ones from large ones."""

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


def courses_of(launched: list[Vector], wider: Courses | None) -> Courses:
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
    demand = with_full_shelf(series.units, series.days_out_of_stock)
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
