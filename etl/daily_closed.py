"""On which days a store was closed, told from the orders that it had.

No order at all is a closed day where that is the rule for its weekday and not for the others, or
where the store is so busy on that weekday that a day without an order is no chance (a holiday). A
quiet day of a small store stays a day on which it sold nothing.

>>> orders = np.array([9.0, 8, 7, 9, 8, 6, 0] * 6)
>>> orders[9] = 0.0  # a Thursday
>>> np.flatnonzero(closed_days(orders)).tolist()
[6, 9, 13, 20, 27, 34, 41]
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

__all__ = ["closed_days"]

WEEK = 7
WEEKS_AROUND = 8
"""Weeks before and after a day that tell what is usual for its weekday."""

FEWEST_WEEKS = 3
"""Other days of the same weekday that must be known before any rule is believed."""

CLOSED_SHARE = 0.75
"""Share of the same weekdays around without an order from which that weekday is closed."""

MOST_CHANCE = 0.01
"""Chance, by how often the other weekdays are idle, above which idle ones prove nothing."""

BUSY_ORDERS = 5.0
"""Usual orders of a weekday above which none at all means closed: a chance of one in 150."""


def closed_days(orders: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which days the store was closed, from its orders by day; NaN where a day is not known."""
    known = _around(np.isfinite(orders))
    idle = _around(orders == 0)
    days, idle_days = known.sum(axis=1), idle.sum(axis=1)
    same_days, idle_same = known[:, ::WEEK].sum(axis=1) - 1, idle[:, ::WEEK].sum(axis=1) - 1
    others = np.maximum(days - same_days - 1, 1)
    usual_idle = (idle_days - idle_same - 1) / others
    by_chance = np.maximum(usual_idle, 1e-9) ** idle_same
    weekday = (idle_same >= CLOSED_SHARE * same_days) & (by_chance <= MOST_CHANCE)
    busy = _usual(orders) >= BUSY_ORDERS
    closed: npt.NDArray[np.bool_] = (orders == 0) & (same_days >= FEWEST_WEEKS) & (weekday | busy)
    return closed


def _around(told: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The days around each day (days, window); the same weekdays stand seven apart."""
    edge = np.zeros(WEEKS_AROUND * WEEK, dtype=bool)
    return sliding_window_view(np.concatenate([edge, told, edge]), 2 * WEEKS_AROUND * WEEK + 1)


def _usual(orders: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The median orders of the same weekdays around each day, itself apart; 0 where none is known.

    What is not known counts as endless, stands last when sorted, and is not looked at.
    """
    edge = np.full(WEEKS_AROUND * WEEK, np.inf)
    told = np.concatenate([edge, np.where(np.isfinite(orders), orders, np.inf), edge])
    same = sliding_window_view(told, 2 * WEEKS_AROUND * WEEK + 1)[:, ::WEEK]
    others = np.sort(np.delete(same, WEEKS_AROUND, axis=1), axis=1)
    known = np.isfinite(others).sum(axis=1)
    median = others[np.arange(len(orders)), np.maximum(known - 1, 0) // 2]
    return np.where(known > 0, median, 0.0)
