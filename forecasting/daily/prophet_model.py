"""A fitted Prophet as a few numbers: trend, weekly and yearly shape, and the effects of events.

Prophet (Taylor and Letham 2018) with a linear trend and additive terms is a sum that numpy
evaluates in microseconds; nothing of the history is needed. A test holds `expected` to
`Prophet.predict`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from forecasting.daily.calendar import day_events
from forecasting.daily.series import DailySeries, Promotion
from forecasting.forecaster import Vector

__all__ = ["PERIODS", "ProphetModel", "fourier"]

PERIODS = {"weekly": (7.0, 3), "yearly": (365.25, 10)}
"""Days in a period and the order of its Fourier terms, as Prophet has them by default."""

LEAST_LIFT, MOST_LIFT = 1 / 3, 4.0
LEAST_USUAL = 0.3
"""Share of the mean day below which no day is taken to be when its lift is told."""

_EPOCH = date(1970, 1, 1)
_DIGITS = 8


@dataclass(frozen=True)
class ProphetModel:
    """The parameters of a Prophet: trend in scaled time and units, coefficients, event effects."""

    start: date
    t_scale: float
    y_scale: float
    k: float
    m: float
    changepoints: tuple[float, ...]
    delta: tuple[float, ...]
    weekly: tuple[float, ...] = ()
    yearly: tuple[float, ...] = ()
    events: Mapping[str, float] | None = None

    def expected(
        self, country: str, first: date, days: int, promotions: Sequence[Promotion] = ()
    ) -> Vector:
        """Expected units of `days` days from `first`, as `Prophet.predict` gives `yhat`."""
        usual = self.without_events(first, days)
        return usual + self.of_events(country, first, days, promotions)

    def without_events(self, first: date, days: int) -> Vector:
        """The trend with its seasons, in units."""
        t = ((first - self.start).days + np.arange(days)) / self.t_scale
        scaled = self.k * t + self.m
        if self.delta:
            hinges = np.maximum(t[:, np.newaxis] - np.array(self.changepoints), 0.0)
            scaled = scaled + hinges @ np.array(self.delta)
        number = (first - _EPOCH).days + np.arange(days, dtype=np.float64)
        for name, coefficients in (("weekly", self.weekly), ("yearly", self.yearly)):
            if coefficients:
                scaled = scaled + fourier(number, name) @ np.array(coefficients)
        units: Vector = scaled * self.y_scale
        return units

    def of_events(
        self, country: str, first: date, days: int, promotions: Sequence[Promotion]
    ) -> Vector:
        """What holidays, sales days and promotions add to each day, in units."""
        added = np.zeros(days)
        if self.events:
            for name, amount in day_events(country, first, days, promotions).items():
                added += amount * self.events.get(name, 0.0)
        return added * self.y_scale

    def lift(self, country: str, first: date, days: int, promotions: Sequence[Promotion]) -> Vector:
        """Times by which events raise or lower each day, between a third and fourfold."""
        usual = self.without_events(first, days)
        floor = LEAST_USUAL * max(float(usual.mean()), 1e-9)
        usual = np.maximum(usual, floor)
        lift: Vector = 1.0 + self.of_events(country, first, days, promotions) / usual
        return np.clip(lift, LEAST_LIFT, MOST_LIFT)

    def ahead(self, series: DailySeries, horizon: int) -> Vector:
        """Expected units after the cutoff of `series`, not below zero."""
        first = series.dates_ahead(1)[0]
        units = self.expected(series.country, first, horizon, series.promotions)
        return np.maximum(units, 0.0)

    def to_json(self) -> dict[str, Any]:
        """The parameters as JSON, eight digits each."""
        value = asdict(self)
        value["start"] = self.start.isoformat()
        return {name: _rounded(part) for name, part in value.items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ProphetModel:
        """The parameters that `to_json` wrote."""
        told: dict[str, Any] = {
            name: tuple(part) if isinstance(part, list) else part for name, part in value.items()
        }
        return cls(**{**told, "start": date.fromisoformat(value["start"])})

    def text(self) -> str:
        """`to_json` as a string."""
        return json.dumps(self.to_json(), separators=(",", ":"))


def fourier(day_numbers: Vector, name: str) -> Vector:
    """Prophet's Fourier terms (days, 2 × order) of days counted from 1970-01-01."""
    period, order = PERIODS[name]
    angles = 2.0 * np.pi * day_numbers[:, np.newaxis] * np.arange(1, order + 1) / period
    terms: Vector = np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(-1, 2 * order)
    return terms


def _rounded(part: Any) -> Any:
    if isinstance(part, float):
        return float(f"{part:.{_DIGITS}g}")
    if isinstance(part, tuple):
        return [_rounded(value) for value in part]
    if isinstance(part, dict):
        return {name: _rounded(value) for name, value in part.items()}
    return part
