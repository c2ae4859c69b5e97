"""What the shelf lets through: stock is ordered ahead, sometimes comes late, and sales are lost.

Each listing is reviewed once a week and ordered up to some weeks of expected demand. Deliveries
take days, now and then weeks. Demand beyond the stock is lost, not kept for later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["Shelf", "stock_shelf"]

_REVIEW_DAYS = 7
_SHARE_LATE = 0.10
_COVER_DAYS = (14, 32)


@dataclass(frozen=True)
class Shelf:
    """By listing and day: units sold, units left in the evening, whether it was empty all day."""

    sold: np.ndarray
    left: np.ndarray
    empty: np.ndarray


def stock_shelf(
    listings: pd.DataFrame, expected: np.ndarray, wanted: np.ndarray, rng: np.random.Generator
) -> Shelf:
    """Sales as far as the stock goes, day by day."""
    count, days = wanted.shape
    cover = np.asarray(rng.integers(*_COVER_DAYS, size=count))
    targets = _order_up_to(listings, expected, cover, rng)
    review = rng.integers(0, _REVIEW_DAYS, count)
    first, last = listings["first"].to_numpy(), listings["last"].to_numpy()
    # What is about to go is not ordered any more.
    last_order = np.where(last < days, last - 30, days)
    late = rng.random((count, days)) < _SHARE_LATE
    lead = np.where(late, rng.integers(30, 75, late.shape), rng.integers(4, 13, late.shape))

    stock = np.zeros(count, dtype=np.int64)
    on_order = np.zeros(count, dtype=np.int64)
    arriving = np.zeros((count, days + 1), dtype=np.int64)
    sold, left = np.zeros_like(wanted), np.zeros_like(wanted)
    empty = np.zeros(wanted.shape, dtype=bool)
    rows = np.arange(count)
    for day in range(days):
        on_sale = (first <= day) & (day < last)
        stock += np.where(first == day, targets[:, day], 0) + arriving[:, day]
        on_order -= arriving[:, day]
        empty[:, day] = on_sale & (stock == 0)
        sold[:, day] = np.minimum(wanted[:, day], stock)
        stock -= sold[:, day]
        left[:, day] = np.where(on_sale, stock, 0)
        due = on_sale & ((day + review) % _REVIEW_DAYS == 0) & (day < last_order)
        units = np.where(due, np.maximum(targets[:, day] - stock - on_order, 0), 0)
        arriving[rows, np.minimum(day + lead[:, day], days)] += units
        on_order += units
    return Shelf(sold, left, empty)


def _order_up_to(
    listings: pd.DataFrame, expected: np.ndarray, cover: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Units on hand and on order that the merchant aims at: the next weeks, as he sees them."""
    days = expected.shape[1]
    # Beyond the end of the history the last days stand for what comes.
    ahead = np.concatenate([expected, np.repeat(expected[:, -28:], 3, axis=1)], axis=1)
    total = np.concatenate([np.zeros((len(expected), 1)), np.cumsum(ahead, axis=1)], axis=1)
    day = np.arange(days)
    coming = np.take_along_axis(total, day[None, :] + cover[:, None], axis=1) - total[:, :days]
    eye = np.exp(rng.normal(0.0, 0.15, (len(expected), 1)))
    least = np.where(listings["intermittent"].to_numpy(bool), 4, 6)[:, None]
    return np.asarray(np.ceil(coming * eye + least), dtype=np.int64)
