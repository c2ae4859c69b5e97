"""The unlike models that race for a series: how each is fitted, and how it looks ahead.

A fit is a list of numbers (or the JSON of an ARIMA model), small enough to be kept by the
thousand; a candidate looks ahead from any history it is handed, so that last month's fit serves
the month after without being made again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from forecasting.arima.fitting import fit as fit_arima
from forecasting.arima.model import ArimaModel
from forecasting.calendar_effects import NO_CALENDAR, Calendar
from forecasting.forecaster import SEASON, Vector, add_months
from forecasting.models.ces import fit_ces, predict_ces
from forecasting.models.ets import fit_ets, predict_ets
from forecasting.models.intermittent import INTERMITTENT, intermittent_rates
from forecasting.models.pooled import Shape, level_ahead
from forecasting.models.seasonal_naive import seasonal_naive
from forecasting.models.theta import fit_theta, predict_theta
from forecasting.routing import Route

__all__ = ["CANDIDATES", "NAIVE", "Candidate", "History", "candidates_for"]

NAIVE = "seasonal_naive"
"""The candidate that every other has to beat."""

CEILING = 4.0
"""Times the largest month seen, above which no forecast is believed."""

POOLED_SMOOTHING = 0.3
RECENT_MONTHS = 6
DIGITS = 8


@dataclass(frozen=True, eq=False)
class History:
    """What a candidate learns from: the months as sold and corrected, and the shared shape.

    `units` are `demand`, the corrected months, freed from what the calendar does to them.
    """

    first_month: date
    sold: Vector
    demand: Vector
    shape: Shape
    calendar: Calendar = NO_CALENDAR

    @cached_property
    def units(self) -> Vector:
        """The months as they would have been in the calendar of a usual year."""
        if self.calendar is NO_CALENDAR:
            return self.demand
        freed: Vector = self.demand / self.calendar.over(self.first_month, len(self.demand))
        return freed

    def bent(self, units: Vector) -> Vector:
        """The `units` of the coming months with what the calendar does to them."""
        if self.calendar is NO_CALENDAR:
            return units
        coming = add_months(self.first_month, len(self.demand))
        bent: Vector = units * self.calendar.over(coming, len(units))
        return bent

    @property
    def positive(self) -> bool:
        """Whether every month sold something, so that logarithms exist."""
        return bool(self.units.min() > 0)

    @property
    def logarithm(self) -> Vector:
        """The logarithm of the months, moved so that the least is 1."""
        logs = np.log(self.units)
        moved: Vector = logs - logs.min() + 1.0
        return moved


@dataclass(frozen=True)
class Candidate:
    """One model of the race: its fit of a history, and its months ahead from a history and fit.

    `fitted_anew` is one whose parameters are so near the edge of stability that those of last month
    mislead with a month more. `refit` starts from the fit of an earlier origin of the same series,
    where that is quicker.
    """

    name: str
    fit: Callable[[History], Any]
    look_ahead: Callable[[History, Any, int], Vector]
    fewest_months: int = 4
    of_logarithm: bool = False
    fitted_anew: bool = False
    refit: Callable[[History, Any], Any] | None = None

    def fit_after(self, history: History, earlier: Any) -> Any:
        """The fit of a history that was fitted some months ago; `earlier` is None where not."""
        if self.refit is None or earlier is None:
            return self.fit(history)
        return self.refit(history, earlier)

    def forecast(self, history: History, fitted: Any, horizon: int) -> Vector:
        """Months ahead between zero and a ceiling; NaN where the model cannot serve."""
        if self.of_logarithm and not history.positive:
            return np.full(horizon, np.nan)
        units = self.look_ahead(history, fitted, horizon)
        units = units if self.name == NAIVE else history.bent(units)
        ceiling = CEILING * history.units.max(initial=0.0)
        bounded: Vector = np.clip(units, 0.0, ceiling)
        return bounded


def candidates_for(route: Route, history: History) -> list[Candidate]:
    """Who may race for a series of that route: the sparse models only for sparse sales."""
    months = len(history.units)
    return [
        candidate
        for name, candidate in CANDIDATES.items()
        if months >= candidate.fewest_months
        and (not candidate.of_logarithm or history.positive)
        and (route.sparse or name not in INTERMITTENT)
    ]


def _rounded(fitted: Vector) -> Any:
    """The numbers as JSON keeps them, so that a stored fit gives the very same forecast."""
    if fitted.ndim == 2:
        return [_rounded(row) for row in fitted]
    return [float(f"{value:.{DIGITS}g}") for value in fitted]


def _compiled(
    fit: Callable[[Vector], Vector], look_ahead: Callable[[Vector, Vector, int], Vector]
) -> tuple[Callable[[History], Any], Callable[[History, Any, int], Vector]]:
    """A compiled model of the corrected units."""
    return (
        lambda history: _rounded(fit(history.units)),
        lambda history, fitted, horizon: look_ahead(history.units, np.array(fitted), horizon),
    )


def _compiled_log(
    fit: Callable[[Vector], Vector], look_ahead: Callable[[Vector, Vector, int], Vector]
) -> tuple[Callable[[History], Any], Callable[[History, Any, int], Vector]]:
    """A compiled model of the logarithm of the corrected units."""

    def ahead(history: History, fitted: Any, horizon: int) -> Vector:
        moved = look_ahead(history.logarithm, np.array(fitted), horizon)
        lowest = np.log(history.units.min()) - 1.0
        units: Vector = np.exp(np.minimum(moved + lowest, np.log(history.units.max() * CEILING)))
        return units

    return lambda history: _rounded(fit(history.logarithm)), ahead


def _arima_after(history: History, earlier: Any) -> Any:
    return fit_arima(history.units, ArimaModel.from_json(earlier)).to_json()


def _arima_ahead(history: History, fitted: Any, horizon: int) -> Vector:
    return ArimaModel.from_json(fitted).forecast(history.units, horizon).units


def _seasonal_mean(history: History, _: Any, horizon: int) -> Vector:
    """The mean of the last two years' shapes at last year's level."""
    last, before = history.units[-SEASON:], history.units[-2 * SEASON : -SEASON]
    if before.sum() > 0:
        last = 0.5 * (last + before * (last.sum() / before.sum()))
    return np.resize(last, horizon)


def _pooled(history: History, _: Any, horizon: int) -> Vector:
    return level_ahead(history.units, history.first_month, history.shape, POOLED_SMOOTHING, horizon)


def _recent(history: History, _: Any, horizon: int) -> Vector:
    """The median of the last half year, freed from the shared shape, carried ahead in it."""
    return level_ahead(_typical(history), history.first_month, history.shape, 0.0, horizon)


def _typical(history: History) -> Vector:
    factors = history.shape.over(history.first_month, len(history.units))
    typical = np.median((history.units / factors)[-RECENT_MONTHS:])
    steady: Vector = factors * typical
    return steady


def _rate(name: str) -> Callable[[History, Any, int], Vector]:
    """An intermittent method's rate of sale in every coming month."""
    position = INTERMITTENT.index(name)
    return lambda history, _, horizon: np.full(horizon, intermittent_rates(history.units)[position])


def _nothing(_: History) -> list[float]:
    return []


_ALL = (
    Candidate(NAIVE, _nothing, lambda h, _, horizon: seasonal_naive(h.sold, horizon), 1),
    Candidate("arima", lambda h: fit_arima(h.units).to_json(), _arima_ahead, 8, refit=_arima_after),
    Candidate("ets", *_compiled(fit_ets, predict_ets)),
    Candidate("theta", *_compiled(fit_theta, predict_theta), 5),
    Candidate("ces", *_compiled(fit_ces, predict_ces), 6, fitted_anew=True),
    Candidate("log_ets", *_compiled_log(fit_ets, predict_ets), SEASON, True),
    Candidate("log_theta", *_compiled_log(fit_theta, predict_theta), SEASON, True),
    Candidate("seasonal_mean", _nothing, _seasonal_mean, 2 * SEASON),
    Candidate("pooled", _nothing, _pooled, 1),
    Candidate("recent", _nothing, _recent, 3),
    *(Candidate(name, _nothing, _rate(name), 3) for name in INTERMITTENT),
)

CANDIDATES = {candidate.name: candidate for candidate in _ALL}
"""Every candidate by name."""
