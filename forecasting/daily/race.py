"""A race: every candidate forecasts weeks that the series has since seen, and the days to come.

The origins are the last eight week ends. At each, a candidate is fitted anew to what was known
then, and to nothing else; days that were not on sale judge nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecasting.daily.candidates import CANDIDATES, Candidate, DailyHistory, calendar_of
from forecasting.daily.prophet_model import ProphetModel
from forecasting.daily.series import WEEK, DailySeries
from forecasting.forecaster import Vector
from forecasting.routing import route

__all__ = ["DailyRace", "DailyTrial", "candidates_for", "kind_of", "run_race"]

ORIGINS = 8
FEWEST_TRAINING = 28
"""Days that must be left before an origin."""

KIND_DAYS = 182
SPARSE = ("intermittent", "lumpy")


@dataclass(frozen=True, eq=False)
class DailyTrial:
    """What the candidates said of the week after one origin, and what was sold.

    `forecasts` has shape (candidates, days); `sold` is NaN where the product was not on sale.
    """

    forecasts: Vector
    sold: Vector


@dataclass(frozen=True, eq=False)
class DailyRace:
    """The candidates of one series by name, their fits, and their trials, the latest first."""

    kind: str
    names: tuple[str, ...]
    calendar: ProphetModel | None
    fits: tuple[Any, ...]
    trials: tuple[DailyTrial, ...]


def kind_of(series: DailySeries) -> str:
    """Smooth, erratic, intermittent or lumpy (Syntetos, Boylan 2005), by the last half year."""
    recent = series.units[-KIND_DAYS:][series.on_sale[-KIND_DAYS:]]
    return route(recent).kind


def candidates_for(
    series: DailySeries, kind: str, only: Collection[str] | None = None
) -> list[Candidate]:
    """Who may race: those with enough days on sale, the sparse models only for sparse sales."""
    days = int(series.on_sale.sum())
    return [
        candidate
        for name, candidate in CANDIDATES.items()
        if days >= candidate.fewest_days
        and (kind in SPARSE or not candidate.sparse_only)
        and (only is None or name in only)
    ]


def run_race(series: DailySeries, only: Collection[str] | None = None) -> DailyRace:
    """The race of one series, of all candidates or of `only` those named."""
    kind = kind_of(series)
    racing = candidates_for(series, kind, only)
    history = DailyHistory(series, calendar_of(series))
    fits = tuple(candidate.fit(history) for candidate in racing)
    back = [
        WEEK * weeks
        for weeks in range(1, ORIGINS + 1)
        if series.days - WEEK * weeks >= FEWEST_TRAINING
    ]
    trials = tuple(_trial(series, racing, days) for days in back)
    names = tuple(candidate.name for candidate in racing)
    return DailyRace(kind, names, history.calendar, fits, trials)


def _trial(series: DailySeries, racing: Sequence[Candidate], back: int) -> DailyTrial:
    known = series.days - back
    earlier = series.until(known)
    history = DailyHistory(earlier, calendar_of(earlier))
    days = int(history.told.sum())
    forecasts = np.full((len(racing), WEEK), np.nan)
    for i, candidate in enumerate(racing):
        if days >= candidate.fewest_days:
            forecasts[i] = candidate.forecast(history, candidate.fit(history), WEEK)
    ahead = slice(known, known + WEEK)
    sold = np.where(series.on_sale[ahead], series.units[ahead], np.nan)
    return DailyTrial(forecasts, sold)
