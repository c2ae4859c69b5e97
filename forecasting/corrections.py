"""What sales hide: months with an empty shelf become demand, one-off bulk orders are damped.

The models learn from the corrected history; the raw one stays beside it, with a mark on each month
that was changed.

>>> usual = np.array([10.0, 12, 11, 9, 95, 10, 12, 11, 10, 9, 11, 10])
>>> corrected = correct(usual)
>>> corrected.units[4], corrected.spikes
(np.float64(31.5), (4,))
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.arima.compiled import kernel
from forecasting.forecaster import SEASON, Vector

__all__ = ["Corrected", "correct", "with_full_shelf"]

SPIKE = 3.0
"""Times the usual month from which a month counts as a one-off."""

NEIGHBOURS = 6
"""Months to either side that say what is usual."""

FEWEST_SALES = 4
"""Selling months from which anything is called usual."""

DAYS = 30.4
MOST_DAYS_OUT = 20.0
"""Days out of stock above which a month's own sales say nothing of its demand."""


@dataclass(frozen=True, eq=False)
class Corrected:
    """A history as sold and as demanded; `spikes` and `stockouts` are the months changed."""

    raw: Vector
    units: Vector
    spikes: tuple[int, ...]
    stockouts: tuple[int, ...]


def correct(units: Vector, days_out_of_stock: Vector | None = None) -> Corrected:
    """The history with empty-shelf months raised to demand and one-off spikes damped."""
    demand = with_full_shelf(units, days_out_of_stock)
    damped = damp_spikes(demand)
    spikes = tuple(int(month) for month in np.flatnonzero(damped < demand))
    stockouts = tuple(int(month) for month in np.flatnonzero(demand > units))
    return Corrected(units, damped, spikes, stockouts)


def with_full_shelf(units: Vector, days: Vector | None) -> Vector:
    """Sales per day on the shelf, times the month; a month mostly empty takes the usual rate.

    The usual rate is the mean of the full months within half a year to either side; no month is
    put below what it sold.
    """
    if days is None or not np.nansum(days):
        return units
    out = np.nan_to_num(days)
    demand = units.astype(np.float64)
    short = (out >= 1) & (out <= MOST_DAYS_OUT)
    demand[short] *= DAYS / (DAYS - out[short])
    empty = out > MOST_DAYS_OUT
    for month in np.flatnonzero(empty):
        near = slice(max(month - NEIGHBOURS, 0), month + NEIGHBOURS + 1)
        told = demand[near][~empty[near]]
        if len(told):
            demand[month] = max(demand[month], told.mean())
    return demand


@kernel
def damp_spikes(units: Vector) -> Vector:
    """`units` with one-off months cut to three times the usual.

    Usual is the median selling month of the half year to either side. What comes again a year
    later, or stays for three months, is no one-off and is kept.
    """
    n = len(units)
    damped = units.astype(np.float64)
    selling = units[units > 0.0]
    if len(selling) < FEWEST_SALES:
        return damped
    overall = np.median(selling)
    limit = np.empty(n)
    for t in range(n):
        first = max(0, min(t - NEIGHBOURS, n - 2 * NEIGHBOURS - 1))
        near = units[first : first + 2 * NEIGHBOURS + 1]
        near = near[near > 0.0]
        limit[t] = SPIKE * (np.median(near) if len(near) >= FEWEST_SALES else overall)
    for t in range(n):
        if units[t] <= limit[t]:
            continue
        before = t >= 1 and units[t - 1] > limit[t - 1]
        after = t + 1 < n and units[t + 1] > limit[t + 1]
        stays = before and (after or (t >= 2 and units[t - 2] > limit[t - 2]))
        stays = stays or (after and t + 2 < n and units[t + 2] > limit[t + 2])
        again = t >= SEASON and units[t - SEASON] > limit[t - SEASON]
        again = again or (t + SEASON < n and units[t + SEASON] > limit[t + SEASON])
        if not stays and not again:
            damped[t] = limit[t]
    return damped
