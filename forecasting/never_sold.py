"""Listings that have not sold yet: the chance that they will, times what launches near them sold.

How many of a merchant's listings still wait for their first sale, by the months that they are on
sale, beside how many had it in each month, tells how soon waiting ends. Some listings never sell;
those that do sell at rates that differ as a gamma, so that the share that still waits falls as a
power of time, and who has waited long waits on (Lomax 1954; as in Schmittlein, Morrison and
Colombo 1987). All of it is drawn to a prior, since most merchants have few such listings. Of many
that wait beside few that ever sell, as in a catalogue that nobody buys from, few will sell.

What is sold then is what named launches sold in a month of their first year. Each counts by the
chance that it would have been silent for as long: who sells daily does not wait for months. The
chance is that of a month of the next year; it is the same for near and far ones, because those
that sell first sell most.

>>> [round(FirstSales().chance(months), 2) for months in (1, 2, 6)]
[0.39, 0.31, 0.18]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecasting.corrections import DAYS, correct
from forecasting.donors import FEWEST_LAUNCHES, NO_DONOR, donor_text, nearest
from forecasting.forecaster import LEVELS, SEASON, Forecast, Series, Vector, add_months
from forecasting.models.pooled import Shape
from forecasting.routing import NEW_MONTHS, route

__all__ = ["AGES", "FirstSales", "Start", "Starts", "forecast_never_sold"]

AGES = SEASON
"""Months on sale up to which listings that wait, and first sales, are counted."""

PARTIAL = 0.5
"""Share of its first month that a listing is on sale, as it begins on any day."""

USUAL_POWER, POWER_SPREAD = 0.5, 0.7
"""Median of the prior of the power, and its spread in logarithms."""

USUAL_NEVER = 0.2
"""Mean of the prior of the share of listings that never sell, which falls exponentially."""

MOST_COUNTED = 400.0
"""Listings, sold or waiting, that count at most, as many begin and sell together."""

FEWEST_BEGUN = 0.1
"""First sales a month that are reckoned with where there was none."""

SHARES = (*np.round(np.arange(0, 0.96, 0.05), 2).tolist(), 0.975, 0.99, 1.0)
"""Probabilities at which the months of launches are kept."""

LEAST_UNIT = 1.0
"""Mean units a month that bounds reckon with where no launch tells any."""

_POWERS, _NEVER, _LATE = (
    grid.ravel()
    for grid in np.meshgrid(
        np.arange(0.2, 3.01, 0.2),
        [*(np.arange(10) / 10), 0.95, 0.98, 0.99],
        [0.2, 0.4, 0.6, 0.8, 1],
    )
)
"""What is reckoned with: powers, shares that never sell, and shares of the others that wait at all
rather than sell at once."""


@dataclass(frozen=True)
class FirstSales:
    """By months on sale, 1 to 12: first sales that long ago, and listings that wait since then."""

    sold: tuple[int, ...] = ()
    waiting: tuple[int, ...] = ()

    def chance(self, months: float) -> float:
        """Chance that a listing unsold for so many months has sold by a month of the next year."""
        waits = _waiting_for_each_sold(max(months, PARTIAL) + np.arange(SEASON + 1.0))
        return float((1 - waits[1:] / waits[0]).mean(axis=0) @ self._belief())

    def _belief(self) -> Vector:
        """How likely each of `_POWERS`, `_NEVER` and `_LATE` together is."""
        belief = -0.5 * (np.log(_POWERS / USUAL_POWER) / POWER_SPREAD) ** 2 - np.log(_POWERS)
        belief -= _NEVER / USUAL_NEVER
        sold, waiting = (np.array(each, dtype=np.float64) for each in (self.sold, self.waiting))
        counted = sold.sum() + waiting.sum()
        if counted > 0:
            # Of so many that sold in a month, so many more began with them and wait.
            begun = np.maximum((sold + sold.mean()) / 2, FEWEST_BEGUN)
            waits = begun[:, np.newaxis] * _waiting_for_each_sold(np.arange(1.0, len(sold) + 1))
            likelihood = (waiting[:, np.newaxis] * np.log(waits) - waits).sum(axis=0)
            belief += min(MOST_COUNTED / counted, 1.0) * likelihood
        likely = np.exp(belief - belief.max())
        found: Vector = likely / likely.sum()
        return found

    def to_json(self) -> list[Any]:
        """The counts as JSON."""
        return [self.sold, self.waiting]

    @classmethod
    def from_json(cls, value: list[Any]) -> FirstSales:
        """The counts that `to_json` wrote."""
        return cls(*(tuple(counts) for counts in value))


@dataclass(frozen=True)
class Start:
    """What launches sell in a month of their first year: mean, and quantiles at `SHARES`."""

    mean: float
    quantiles: tuple[float, ...]

    def below(self, probability: float) -> float:
        """What a month stays below with that probability; 0 with one of 0 or less."""
        return float(np.interp(probability, SHARES, self.quantiles)) if probability > 0 else 0.0


@dataclass(frozen=True)
class Starts:
    """The start of `launches` donors, as a listing unsold for one month, for two, … has it."""

    by_months: tuple[Start, ...]
    launches: int

    @classmethod
    def of(cls, launched: Sequence[Vector]) -> Starts:
        """The start of launches, each freed from the shape of the year."""
        years = [correct(_first_year(units)).units for units in launched]
        lengths = [len(year) for year in years]
        silent = [(np.sum(year[1:] == 0) + 0.5) / len(year) for year in years]
        values = np.concatenate(years)
        order = np.argsort(values, kind="stable")
        chance = np.repeat(np.log(silent), lengths)[order]
        found = []
        for months in range(1, NEW_MONTHS):
            log_weights = (months - PARTIAL) * chance
            weights = np.exp(log_weights - log_weights.max())
            found.append(_start(values[order], weights / weights.sum()))
        return cls(tuple(found), len(launched))

    def after(self, months: float) -> Start:
        """The start that a listing unsold for so many months may have."""
        return self.by_months[min(max(round(months), 1), len(self.by_months)) - 1]

    def to_json(self) -> list[Any]:
        """The starts as JSON."""
        return [self.launches, [[start.mean, start.quantiles] for start in self.by_months]]

    @classmethod
    def from_json(cls, value: list[Any]) -> Starts:
        """The starts that `to_json` wrote."""
        launches, rows = value
        return cls(tuple(Start(mean, tuple(quantiles)) for mean, quantiles in rows), launches)


def forecast_never_sold(
    series: Series,
    horizon: int,
    starts: Mapping[str, Starts],
    first_sales: Mapping[str, FirstSales],
    shape: Shape,
    sold_in: str | None = None,
) -> Forecast:
    """Nothing, or what its donors' launches sold, by the chance of either, with their names.

    `sold_in` is another store of the merchant that already sold the product. Without donors the
    point is zero; the bounds then reckon with a unit a month, since one sale may come.
    """
    months = _months_on_shelf(series)
    start, donor = _donor(series, starts, months, sold_in)
    chance = first_sales.get(series.merchant_id, FirstSales()).chance(months)
    factors = shape.over(add_months(series.cutoff_month, 1), horizon)
    units = chance * start.mean * factors
    # Nothing is always among what may come, so that all the rest is spent above.
    bounds = [start.below(1 - (1 - level / 100) / chance) for level in LEVELS]
    upper = np.maximum(np.outer(bounds, factors), units)
    if donor == NO_DONOR:
        units = np.zeros(horizon)
    where = route(series.units).text
    reason = f"never_sold months={series.months} {where} {donor}"
    return Forecast(units, np.zeros_like(upper), upper, "launch", reason)


def _donor(
    series: Series, starts: Mapping[str, Starts], months: float, sold_in: str | None
) -> tuple[Start, str]:
    """The start of the nearest launches, and their name."""
    for group in nearest(series, sold_in):
        known = starts.get(group)
        if known is not None and known.launches >= FEWEST_LAUNCHES:
            return known.after(months), donor_text(group, known.launches, sold_in)
    spread = -LEAST_UNIT * np.log(1 - np.minimum(SHARES, 0.999))
    return Start(0.0, tuple(spread.tolist())), NO_DONOR


def _months_on_shelf(series: Series) -> float:
    """Months in which it could have sold: an empty shelf is no silence."""
    days = series.days_out_of_stock
    return series.months - (0.0 if days is None else float(np.nansum(days)) / DAYS)


def _waiting_for_each_sold(months: Vector) -> Vector:
    """Listings without a sale after so many months for each that sells some day, by the grid."""
    late = _LATE * (months[:, np.newaxis] + PARTIAL) ** -_POWERS
    listings: Vector = _NEVER / (1 - _NEVER) + late
    return listings


def _first_year(units: Vector) -> Vector:
    """The twelve months from the first sale on, or as many as there are."""
    return units[int(np.argmax(units > 0)) :][:SEASON]


def _start(values: Vector, weights: Vector) -> Start:
    """Mean and quantiles of sorted values."""
    places = np.cumsum(weights) - weights / 2
    quantiles = np.interp(SHARES, places, values)
    return Start(
        round(float(weights @ values), 5), tuple(round(float(value), 5) for value in quantiles)
    )
