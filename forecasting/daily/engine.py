"""The daily engines: unlike models race for each series, and share its forecast by merit.

A fitted model is a small value: who serves with what weight, each one's fit, and how far they
missed in weeks held out. From it the same history is looked ahead of without any fitting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.daily.candidates import CANDIDATES, NAIVE, DailyHistory
from forecasting.daily.findings import DailyFindings, in_sample_scale, scale_of
from forecasting.daily.openings import closed_ahead
from forecasting.daily.prophet_model import ProphetModel
from forecasting.daily.race import DailyRace, run_race
from forecasting.daily.series import DailySeries, data_hash
from forecasting.daily.weights import combine, held_out_errors, weights_of
from forecasting.forecaster import LEVELS, Forecast, Vector

__all__ = ["DailyFit", "DailyForecaster", "fit_of", "idle"]

SILENT_DAYS = 182
"""Days without a sale after which nothing more is expected."""

HEAVY_DAYS = 84
"""Days on sale from which Prophet is fitted at earlier origins too, which takes its time."""


@dataclass(frozen=True)
class DailyFit:
    """What was learnt of one series: weights and fits by candidate, held-out errors, its scale."""

    kind: str
    weights: Mapping[str, float]
    fits: Mapping[str, Any]
    calendar: Mapping[str, Any] | None
    errors: Mapping[str, float]
    held_days: int
    scale: float
    data_hash: str

    def to_json(self) -> str:
        """The fit as JSON; `from_json` gives it back exactly."""
        value = {
            "kind": self.kind,
            "weights": self.weights,
            "fits": self.fits,
            "calendar": self.calendar,
            "errors": self.errors,
            "held_days": self.held_days,
            "scale": self.scale,
            "hash": self.data_hash,
        }
        return json.dumps(value, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> DailyFit:
        """The fit that `to_json` wrote."""
        value = json.loads(text)
        value["data_hash"] = value.pop("hash")
        return cls(**value)

    def ahead(self, series: DailySeries, horizon: int) -> Vector:
        """The weighted mean of what its candidates forecast after the series."""
        calendar = ProphetModel.from_json(self.calendar) if self.calendar else None
        history = DailyHistory(series, calendar)
        rows = [
            CANDIDATES[name].forecast(history, self.fits[name], horizon) for name in self.weights
        ]
        return combine(np.array(list(self.weights.values())), np.array(rows))


@dataclass(frozen=True)
class DailyForecaster:
    """An engine of the candidates named, `()` for all of them."""

    name: str = "daily"
    racing: tuple[str, ...] = ()

    def forecast_warm(
        self, batch: Sequence[DailySeries], horizon: int, previous: Sequence[str | None]
    ) -> list[tuple[Forecast, str | None]]:
        """A forecast of each series with its fit; one that saw the very history is used again."""
        return [
            self._answer(series, horizon, text)
            for series, text in zip(batch, previous, strict=True)
        ]

    def heavy(self, series: DailySeries) -> bool:
        """Whether fitting the series takes long."""
        return int(series.on_sale.sum()) >= HEAVY_DAYS and not idle(series)

    def _answer(
        self, series: DailySeries, horizon: int, previous: str | None
    ) -> tuple[Forecast, str | None]:
        reason = idle(series)
        if reason:
            zeros = np.zeros((len(LEVELS), horizon))
            return Forecast(np.zeros(horizon), zeros, zeros, "zero", reason), "{}"
        fit = _stored(series, previous) or self._fit(series)
        return _forecast(series, horizon, fit), fit.to_json()

    def _fit(self, series: DailySeries) -> DailyFit:
        findings = DailyFindings.shipped()
        race = run_race(series, (*self.racing, NAIVE) if self.racing else None)
        weights = weights_of(race.names, race.trials, findings.ranking[race.kind])
        if self.racing:
            weights = np.array([1.0 if name in self.racing else 0.0 for name in race.names])
            weights = weights / weights.sum() if weights.any() else np.ones(len(weights))
        return fit_of(series, race, weights)


def fit_of(series: DailySeries, race: DailyRace, weights: Vector) -> DailyFit:
    """What the race taught."""
    serving = [int(i) for i in np.argsort(-weights, kind="stable") if weights[i] > 0]
    total, days = held_out_errors(race.trials, len(race.names))
    missed, held = _missed(race, weights)
    scale = scale_of(in_sample_scale(series), missed, held)
    return DailyFit(
        race.kind,
        {race.names[i]: round(float(weights[i]), 4) for i in serving},
        {race.names[i]: race.fits[i] for i in serving},
        race.calendar.to_json() if race.calendar else None,
        {
            name: float(f"{total[i] / days[i]:.5g}")
            for i, name in enumerate(race.names)
            if days[i] > 0
        },
        int(held),
        float(f"{scale:.6g}"),
        data_hash(series),
    )


def _missed(race: DailyRace, weights: Vector) -> tuple[float, float]:
    """Mean absolute miss of the weighted mean over the held-out days, and how many they are."""
    total, days = 0.0, 0.0
    for trial in race.trials:
        errors = np.abs(combine(weights, trial.forecasts) - trial.sold)
        counted = np.isfinite(errors)
        total += float(errors[counted].sum())
        days += float(counted.sum())
    return total / max(days, 1.0), days


def _stored(series: DailySeries, previous: str | None) -> DailyFit | None:
    """The earlier fit, if it saw this very history."""
    if previous is None or previous == "{}":
        return None
    fit = DailyFit.from_json(previous)
    return fit if fit.data_hash == data_hash(series) else None


def idle(series: DailySeries) -> str:
    """Why nothing is expected of the series, or nothing."""
    if not series.units.any():
        return f"no_sales days={series.days}"
    silent = series.days - 1 - int(np.flatnonzero(series.units)[-1])
    return f"silent days={silent}" if silent >= SILENT_DAYS else ""


def _forecast(series: DailySeries, horizon: int, fit: DailyFit) -> Forecast:
    units = fit.ahead(series, horizon)
    calibration = DailyFindings.shipped().calibration[fit.kind]
    lower, upper = calibration.interval(units, fit.scale)
    closed = closed_ahead(series, horizon)
    units, lower, upper = (np.where(closed, 0.0, part) for part in (units, lower, upper))
    name = next(iter(fit.weights)) if len(fit.weights) == 1 else "daily"
    return Forecast(units, lower, upper, name, _reason(series, fit, closed))


def _reason(series: DailySeries, fit: DailyFit, closed: NDArray[np.bool_]) -> str:
    """What served, by which kind of sales, and on which days the store is closed."""
    served = ",".join(f"{name}:{weight:.2f}" for name, weight in fit.weights.items())
    days = zip(series.dates_ahead(len(closed)), closed, strict=True)
    shut = ",".join(str(day) for day, is_closed in days if is_closed)
    told = f"class={fit.kind} weights={served}" + (f" closed={shut}" if shut else "")
    if not fit.held_days:
        return f"short_history days={series.days} {told}"
    return f"{'unbeaten' if list(fit.weights) == [NAIVE] else 'raced'} {told}"
