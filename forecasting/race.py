"""A race: every candidate forecasts months that the series has since seen, and the months to come.

The origins are few: 3, 6, 12 and 24 months before the end, so that two different years and every
month ahead up to two years are judged; 3, 6 and 9 for a history shorter than four years. At each,
a candidate is fitted anew to what was known then, and to nothing else; ARIMA starts from its fit
of the origin before, which saves its search where that is less than a year ago.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecasting.calendar_effects import NO_CALENDAR, CalendarEffects
from forecasting.candidates import CANDIDATES, Candidate, History, candidates_for
from forecasting.corrections import correct
from forecasting.forecaster import SEASON, Series, Vector
from forecasting.models.pooled import FLAT, Shapes
from forecasting.routing import Route, route

__all__ = ["ALL_ORIGINS", "Race", "Trial", "history_of", "run_race"]

ORIGINS = (3, 6, 9)
LONG_ORIGINS = (3, 6, 12, 24)
"""Months before the end at which candidates are tried, of short and of long histories."""

ALL_ORIGINS = tuple(sorted({*ORIGINS, *LONG_ORIGINS}))
LONG_MONTHS = 48
_NO_EFFECTS: Mapping[int, CalendarEffects] = {}
FEWEST_TRAINING = 8
"""Months that must be left before an origin."""

MOST_DAYS_OUT = 3
"""Days with an empty shelf from which a month's sales do not judge a forecast."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What the candidates said of the months after one origin, and what was sold.

    `forecasts` has shape (candidates, months); `sold` and `usual` (the same with one-off bulk
    orders damped) are NaN where the shelf was empty.
    """

    forecasts: Vector
    sold: Vector
    usual: Vector


@dataclass(frozen=True, eq=False)
class Race:
    """The candidates of one series by name, their fits, months ahead and trials."""

    route: Route
    names: tuple[str, ...]
    fitted: tuple[Any, ...]
    ahead: Vector
    trials: tuple[Trial, ...]


def history_of(
    series: Series, shapes: Shapes | None, effects: CalendarEffects | None = None
) -> History:
    """The corrected history of a series with the shape and calendar that its neighbours share."""
    corrected = correct(series.units, series.days_out_of_stock)
    shape = FLAT if shapes is None else shapes.shape(series.merchant_id, series.category)
    calendar = NO_CALENDAR if effects is None else effects.of(series)
    return History(series.first_month, corrected.raw, corrected.units, shape, calendar)


def run_race(
    series: Series,
    shapes: Mapping[int, Shapes],
    horizon: int = SEASON,
    effects: Mapping[int, CalendarEffects] = _NO_EFFECTS,
) -> Race:
    """The race of one series; `shapes`, `effects` have what was known months before the end."""
    history = history_of(series, shapes.get(0), effects.get(0))
    where = route(series.units)
    racing = candidates_for(where, history)
    back = [
        months
        for months in (LONG_ORIGINS if series.months >= LONG_MONTHS else ORIGINS)
        if series.months - months >= FEWEST_TRAINING and series.units[:-months].any()
    ]
    trials: list[Trial] = []
    fits: list[Any] = [None] * len(racing)
    for months in reversed(back):
        known = series.until(series.months - months)
        earlier = history_of(known, shapes.get(months), effects.get(months))
        fits, forecasts = _look_ahead(racing, earlier, months, fits)
        trials.insert(0, _trial(series, history.demand, forecasts))
    fits, ahead = _look_ahead(racing, history, horizon, fits)
    return Race(where, tuple(c.name for c in racing), tuple(fits), ahead, tuple(trials))


def _look_ahead(
    racing: list[Candidate], history: History, horizon: int, earlier: list[Any]
) -> tuple[list[Any], Vector]:
    """The fits and the forecasts (candidates, horizon), NaN for who cannot serve this history.

    `earlier` are the fits of the origin before.
    """
    fits: list[Any] = []
    ahead = np.full((len(racing), horizon), np.nan)
    able = (
        set(CANDIDATES)
        if history.positive
        else {name for name, one in CANDIDATES.items() if not one.of_logarithm}
    )
    for i, candidate in enumerate(racing):
        fitted = None
        if candidate.name in able and len(history.units) >= candidate.fewest_months:
            fitted = candidate.fit_after(history, earlier[i])
            ahead[i] = candidate.forecast(history, fitted, horizon)
        fits.append(fitted)
    return fits, ahead


def _trial(series: Series, usual: Vector, forecasts: Vector) -> Trial:
    """What the candidates said of the last months, beside what was sold."""
    months = forecasts.shape[1]
    known = series.months - months
    judged = np.ones(months, bool)
    if series.days_out_of_stock is not None:
        judged = ~(np.nan_to_num(series.days_out_of_stock[known:]) > MOST_DAYS_OUT)
    sold = np.where(judged, series.units[known:], np.nan)
    return Trial(forecasts, sold, np.where(judged, np.minimum(usual[known:], sold), np.nan))
