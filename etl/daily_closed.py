"""On which days a store was closed, told from the orders that it had.

No order at all is a closed day where that is the rule for its weekday, or where the store is so
busy on that weekday that a day without an order is no chance (a holiday). A quiet day of a small
store stays a day on which it sold nothing.

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

BUSY_ORDERS = 5.0
"""Usual orders of a weekday above which none at all means closed: a chance of one in 150."""


def closed_days(orders: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which days the store was closed, from its orders by day; NaN where a day is not known."""
    closed = np.zeros(len(orders), dtype=bool)
    for weekday in range(min(WEEK, len(orders))):
        closed[weekday::WEEK] = _closed(orders[weekday::WEEK])
    return closed


def _closed(orders: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """The same for the days of one weekday."""
    edge = np.full(WEEKS_AROUND, np.nan)
    around = sliding_window_view(np.concatenate([edge, orders, edge]), 2 * WEEKS_AROUND + 1)
    others = np.delete(around, WEEKS_AROUND, axis=1)
    known = np.isfinite(others).sum(axis=1)
    idle = (others == 0).sum(axis=1) / np.maximum(known, 1)
    # The median by hand: what is not known counts as endless, and is not looked at.
    ordered = np.sort(np.where(np.isfinite(others), others, np.inf), axis=1)
    usual = ordered[np.arange(len(orders)), np.maximum(known - 1, 0) // 2]
    rule = (idle >= CLOSED_SHARE) | (usual >= BUSY_ORDERS)
    closed: npt.NDArray[np.bool_] = (orders == 0) & (known >= FEWEST_WEEKS) & rule
    return closed
