"""What a forecasting engine takes and gives: a batch of series in, a forecast for each out.

>>> series = Series("M1", "S1", "P1", date(2025, 1, 1), np.array([3.0, 0.0, 2.0]))
>>> series.months, series.cutoff_month
(3, datetime.date(2025, 3, 1))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LEVELS",
    "SEASON",
    "Forecast",
    "Forecaster",
    "Series",
    "SurveyingForecaster",
    "WarmForecaster",
    "add_months",
]

LEVELS = (50, 80, 95)
"""Coverage in percent of the intervals that every forecast carries, narrow to wide."""

SEASON = 12
"""Months in a season."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Series:
    """The gap-free monthly history of one product in one store.

    `units` has shape (n,), oldest first, finite and not negative; `days_out_of_stock` likewise,
    NaN where the marketplace does not tell, or None where it tells nothing.
    """

    merchant_id: str
    store_id: str
    product_id: str
    first_month: date
    units: Vector
    category: str = "unknown"
    country: str = ""
    days_out_of_stock: Vector | None = None
    active: bool = True

    @property
    def key(self) -> tuple[str, str, str]:
        """Merchant, store and product."""
        return self.merchant_id, self.store_id, self.product_id

    @property
    def months(self) -> int:
        """Length of the history."""
        return len(self.units)

    @property
    def cutoff_month(self) -> date:
        """Last month of the history; horizon 1 is the month after it."""
        return add_months(self.first_month, self.months - 1)

    def until(self, months: int) -> Series:
        """The same series as it was known after its first `months` months (a rolling origin)."""
        days = None if self.days_out_of_stock is None else self.days_out_of_stock[:months]
        return Series(
            *self.key,
            self.first_month,
            self.units[:months],
            self.category,
            self.country,
            days,
            self.active,
        )


@dataclass(frozen=True, eq=False)
class Forecast:
    """What an engine says of one series.

    `units` has shape (horizon,); `lower` and `upper` have shape (3, horizon), a row for each of
    `LEVELS`. All are finite and not negative, and wider levels contain narrower ones. `reason` is a
    code with parameters where the engine asked for could not serve, or had something to say.
    """

    units: Vector
    lower: Vector
    upper: Vector
    model: str
    reason: str = field(default="")


class Forecaster(Protocol):
    """An engine: it answers for every series of a batch, in order, and never raises for one."""

    @property
    def name(self) -> str:
        """The name that `--engine` and the column `model` know it by."""

    def forecast(self, batch: Sequence[Series], horizon: int) -> list[Forecast]:
        """One `Forecast` of `horizon` months for each series of `batch`, in its order."""


@runtime_checkable
class WarmForecaster(Forecaster, Protocol):
    """An engine that also gives its fitted models as JSON, and can start from last month's."""

    def forecast_warm(
        self, batch: Sequence[Series], horizon: int, previous: Sequence[str | None]
    ) -> list[tuple[Forecast, str | None]]:
        """Like `forecast`, with last month's model of each series in and this month's out."""


@runtime_checkable
class SurveyingForecaster(Forecaster, Protocol):
    """An engine that must have seen all series of a run before it forecasts any."""

    def survey(self, everything: Iterable[Series]) -> dict[str, Any]:
        """What it needs to know of all series: small, and JSON."""

    def informed(self, findings: dict[str, Any]) -> Forecaster:
        """The engine that has those findings; what it then says of a series needs no other."""


def add_months(month: date, count: int) -> date:
    """The first day of the month `count` months after `month`.

    >>> add_months(date(2025, 11, 1), 3)
    datetime.date(2026, 2, 1)
    """
    months = month.year * 12 + month.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)
