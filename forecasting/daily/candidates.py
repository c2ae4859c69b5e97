"""The unlike models that race for a daily series: how each is fitted, and how it looks ahead.

A fit is a few numbers, small enough to be kept by the thousand. Most learn from the usual sales:
a one-off bulk order is damped to one and a half times what a good selling day sold, because it
says little of the days to come, and the mean that it leaves is worse for weeks too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.daily.prophet_fit import ProphetPriors, fit_prophet
from forecasting.daily.prophet_model import ProphetModel
from forecasting.daily.series import WEEK, DailySeries
from forecasting.daily.smoothing import (
    fit_weekly_ets,
    fit_weekly_theta,
    predict_weekly_ets,
    predict_weekly_theta,
    smoothed_level,
    week_profile,
)
from forecasting.daily.weekday_naive import weekday_naive
from forecasting.forecaster import Vector
from forecasting.models.intermittent import INTERMITTENT, intermittent_rates

__all__ = ["CANDIDATES", "NAIVE", "Candidate", "DailyHistory", "calendar_of", "usual_units"]

NAIVE = "weekday_naive"
"""The candidate that every other has to beat."""

GOOD_DAY, BULK = 0.9, 1.5
"""The quantile of selling days that is a good one, and times of it above which an order is bulk."""

BULK_DAYS = 365
FEWEST_SELLING = 10
CEILING = 4.0
"""Times the largest day seen, above which no forecast is believed."""

STEADY, QUICK = 0.05, 0.15
RECENT_DAYS = 28
LEVEL_DAYS = 60
LEVEL_DECAY = 0.94
LEVEL_PRIOR = 8.0
"""Days, of the usual height of the model, by which its recent level is drawn to what it says."""

PRIORS = ProphetPriors(changepoint=0.05, season=10.0, event=0.3)
TIMID = ProphetPriors(changepoint=0.02, season=0.1, event=0.1)
YEARLY_DAYS = 730
CALENDAR_DAYS = 56
"""Days on sale from which Prophet is fitted."""

DIGITS = 8


@dataclass(frozen=True, eq=False)
class DailyHistory:
    """What a candidate learns from: the days as sold, bulk orders damped, and freed from events.

    `calendar` tells what events do; without one, nothing.
    """

    series: DailySeries
    calendar: ProphetModel | None = None

    @property
    def sold(self) -> Vector:
        """Units by day, as sold."""
        return self.series.units

    @cached_property
    def told(self) -> NDArray[np.bool_]:
        """Which days say something about demand."""
        return self.series.on_sale

    @cached_property
    def usual(self) -> DailySeries:
        """The series with bulk orders damped."""
        return replace(self.series, units=usual_units(self.series.units, self.told))

    @cached_property
    def units(self) -> Vector:
        """Units by day, bulk orders damped, freed from what events do."""
        return self.usual.units / self._lift(self.series.first_date, self.series.days)

    @cached_property
    def profile(self) -> Vector:
        """The shape of the week in usual units."""
        return week_profile(self.units, self.told)

    def lift_ahead(self, horizon: int) -> Vector:
        """What events do to the days ahead."""
        return self._lift(self.series.dates_ahead(1)[0], horizon)

    def in_week(self, level: float, horizon: int) -> Vector:
        """A level carried ahead in the week's shape."""
        places = (self.series.days + np.arange(horizon)) % WEEK
        ahead: Vector = level * self.profile[places]
        return ahead

    def _lift(self, first: date, days: int) -> Vector:
        if self.calendar is None:
            return np.ones(days)
        series = self.series
        return self.calendar.lift(series.country, first, days, series.promotions)


def calendar_of(series: DailySeries) -> ProphetModel | None:
    """Prophet of the usual units, which tells what events do; None for a short history."""
    history = DailyHistory(series)
    if int(history.told.sum()) < CALENDAR_DAYS:
        return None
    return fit_prophet(history.usual, PRIORS, series.days >= YEARLY_DAYS)


def usual_units(units: Vector, told: Any) -> Vector:
    """Units with bulk orders damped; as they are where too few days sold.

    >>> units = np.array([2.0] * 19 + [90.0])
    >>> usual_units(units, np.ones(20, bool))[-1]
    np.float64(3.0)
    """
    recent = units[-BULK_DAYS:][told[-BULK_DAYS:]]
    selling = recent[recent > 0]
    if len(selling) < FEWEST_SELLING:
        return units
    return np.minimum(units, max(BULK * float(np.quantile(selling, GOOD_DAY)), 1.0))


@dataclass(frozen=True)
class Candidate:
    """One model of the race: its fit of a history, and its days ahead from a history and fit."""

    name: str
    fit: Callable[[DailyHistory], Any]
    look_ahead: Callable[[DailyHistory, Any, int], Vector]
    fewest_days: int = 1
    sparse_only: bool = False
    knows_events: bool = False

    def forecast(self, history: DailyHistory, fitted: Any, horizon: int) -> Vector:
        """Days ahead between zero and a ceiling."""
        units = self.look_ahead(history, fitted, horizon)
        if not self.knows_events:
            units = units * history.lift_ahead(horizon)
        return np.clip(units, 0.0, CEILING * history.sold.max(initial=0.0))


def _nothing(_: DailyHistory) -> list[float]:
    return []


def _rounded(fitted: Vector) -> list[float]:
    """The numbers as JSON keeps them, so that a stored fit gives the very same forecast."""
    return [float(f"{value:.{DIGITS}g}") for value in fitted]


def _naive(history: DailyHistory, _: Any, horizon: int) -> Vector:
    return weekday_naive(history.sold, history.told, horizon)


def _level(alpha: float) -> Callable[[DailyHistory, Any, int], Vector]:
    def ahead(history: DailyHistory, _: Any, horizon: int) -> Vector:
        level = smoothed_level(history.units, history.told, history.profile, alpha)[0]
        return history.in_week(level, horizon)

    return ahead


def _level_as_sold(history: DailyHistory, _: Any, horizon: int) -> Vector:
    """The steady level of all that was sold, bulk orders too."""
    freed = history.units * (history.sold / np.maximum(history.usual.units, 1e-9))
    level = smoothed_level(freed, history.told, history.profile, STEADY)[0]
    return history.in_week(level, horizon)


def _recent(history: DailyHistory, _: Any, horizon: int) -> Vector:
    told = history.told[-RECENT_DAYS:]
    last = history.units[-RECENT_DAYS:][told]
    share = history.profile[np.arange(history.series.days)[-RECENT_DAYS:] % WEEK][told].sum()
    return history.in_week(float(last.sum() / max(share, 1.0)), horizon)


def _tsb(history: DailyHistory, _: Any, horizon: int) -> Vector:
    rate = intermittent_rates(history.units[history.told])[INTERMITTENT.index("tsb")]
    return history.in_week(float(rate), horizon)


def _calendar(history: DailyHistory, _: Any, horizon: int) -> Vector:
    if history.calendar is None:
        return np.full(horizon, np.nan)
    return _brought_up_to_date(history.calendar, history, horizon)


def _fit_yearly(history: DailyHistory) -> Any:
    return fit_prophet(history.usual, TIMID, True).to_json()


def _yearly(history: DailyHistory, fitted: Any, horizon: int) -> Vector:
    return _brought_up_to_date(ProphetModel.from_json(fitted), history, horizon)


def _brought_up_to_date(model: ProphetModel, history: DailyHistory, horizon: int) -> Vector:
    """What Prophet expects, times how the last weeks went beside what it expected of them."""
    series, days = history.series, min(LEVEL_DAYS, history.series.days)
    first = series.cutoff_date - timedelta(days=days - 1)
    told = model.expected(series.country, first, days + horizon, series.promotions)
    told = np.maximum(told, 0.0)
    weights = np.where(history.told[-days:], LEVEL_DECAY ** np.arange(days)[::-1], 0.0)
    prior = LEVEL_PRIOR * float(told[:days].mean())
    sold, expected = weights @ history.usual.units[-days:], weights @ told[:days]
    scale = (sold + prior) / (expected + prior) if expected + prior > 0 else 1.0
    return np.asarray(told[days:] * scale, dtype=np.float64)


_ALL = (
    Candidate(NAIVE, _nothing, _naive, 0, knows_events=True),
    Candidate("level", _nothing, _level(STEADY)),
    Candidate("quick_level", _nothing, _level(QUICK)),
    Candidate("level_as_sold", _nothing, _level_as_sold),
    Candidate("recent", _nothing, _recent),
    Candidate(
        "ets",
        lambda history: _rounded(fit_weekly_ets(history.units, history.told)),
        lambda h, fitted, n: predict_weekly_ets(h.units, h.told, np.array(fitted), n),
        21,
    ),
    Candidate(
        "theta",
        lambda history: _rounded(fit_weekly_theta(history.units, history.told)),
        lambda h, fitted, n: predict_weekly_theta(h.units, h.told, np.array(fitted), n),
        21,
    ),
    Candidate("tsb", _nothing, _tsb, 14, True),
    Candidate("prophet", _nothing, _calendar, CALENDAR_DAYS, knows_events=True),
    Candidate("prophet_yearly", _fit_yearly, _yearly, 330, knows_events=True),
)

CANDIDATES = {candidate.name: candidate for candidate in _ALL}
"""Every candidate by name."""
