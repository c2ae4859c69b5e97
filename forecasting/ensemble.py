"""The engine `ensemble`: unlike models race for each series, and share its forecast by merit.

A series' fitted model is a small value: who serves with what weight, each one's fit, and how far
they missed in months held out. The next month starts from it: the same fits look ahead from one
month more, and only every sixth month, or after a surprise, is the race run again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from forecasting.arima.model import hash_of
from forecasting.candidates import CANDIDATES, NAIVE, History
from forecasting.cold_start import forecast_launch
from forecasting.dormancy import chance_alive, dormant, dormant_upper, months_since_sale
from forecasting.forecaster import Forecast, Forecaster, Series, Vector, add_months
from forecasting.held_out import held_out, mean_miss
from forecasting.intervals import naive_scale, series_scale
from forecasting.never_sold import forecast_never_sold
from forecasting.race import Race, run_race
from forecasting.routing import Route, route
from forecasting.slow_movers import expected_ahead, season_ahead, topped_up, usual_size
from forecasting.survey import Findings, survey
from forecasting.weights import combine, weights_of

__all__ = ["EnsembleForecaster", "EnsembleModel"]

MONTHS_BETWEEN_RACES = 6
SURPRISE = 4.0
"""Scales by which a month may be missed before the race is run again."""

MOST_HELD = 36.0
"""Held-out months remembered at most, so that a series' scale follows the times."""


@dataclass(frozen=True)
class EnsembleModel:
    """What was learnt of one series: weights and fits by candidate, and its mean held-out miss."""

    weights: Mapping[str, float]
    fits: Mapping[str, Any]
    missed: float
    held: float
    months: int
    data_hash: str

    def to_json(self) -> str:
        """The model as JSON; `from_json` gives it back exactly."""
        value = {
            "weights": self.weights,
            "fits": self.fits,
            "missed": self.missed,
            "held": self.held,
            "months": self.months,
            "hash": self.data_hash,
        }
        return json.dumps(value, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> EnsembleModel:
        """The model that `to_json` wrote."""
        value = json.loads(text)
        return cls(
            value["weights"],
            value["fits"],
            value["missed"],
            value["held"],
            value["months"],
            value["hash"],
        )

    def saw(self, units: Vector) -> bool:
        """Whether `units` are the very history that the model was made from."""
        return len(units) == self.months and hash_of(units) == self.data_hash

    def ahead(self, history: History, horizon: int) -> Vector:
        """The weighted mean of what its candidates forecast after `history`."""
        rows = np.array(
            [CANDIDATES[name].forecast(history, self.fits[name], horizon) for name in self.weights]
        )
        return combine(np.array(list(self.weights.values())), rows)


@dataclass(frozen=True)
class EnsembleForecaster:
    """The engine `ensemble`. Uninformed, it surveys each batch that it is handed as a fleet.

    `findings` come from a survey of all series; with them, what is said of a series depends on no
    other series of its batch.
    """

    name: str = "ensemble"
    findings: Findings | None = field(default=None, repr=False)
    surveyed: Mapping[str, str] = field(default_factory=dict, repr=False)

    def survey(self, everything: Iterable[Series]) -> dict[str, Any]:
        """Shapes, ranking and calibration of a fleet, and the models of the series it raced."""
        findings, races = survey(everything)
        models = {
            _text_of(series): _model_of(series, race, findings).to_json() for series, race in races
        }
        return {"findings": findings.to_json(), "models": models}

    def informed(self, findings: dict[str, Any]) -> Forecaster:
        """The engine that knows those findings."""
        return self._informed(findings)

    def forecast(self, batch: Sequence[Series], horizon: int) -> list[Forecast]:
        """One `Forecast` of `horizon` months for each series of `batch`, in its order."""
        return [pair[0] for pair in self.forecast_warm(batch, horizon, [None] * len(batch))]

    def forecast_warm(
        self, batch: Sequence[Series], horizon: int, previous: Sequence[str | None]
    ) -> list[tuple[Forecast, str | None]]:
        """Like `forecast`, with last month's model of each series in and this month's out."""
        engine = self if self.findings else self._informed(self.survey(batch))
        return [
            engine._answer(series, horizon, text)
            for series, text in zip(batch, previous, strict=True)
        ]

    def _informed(self, told: dict[str, Any]) -> EnsembleForecaster:
        return replace(self, findings=Findings.from_json(told["findings"]), surveyed=told["models"])

    def _answer(
        self, series: Series, horizon: int, previous: str | None
    ) -> tuple[Forecast, str | None]:
        findings = self.findings or Findings.shipped()
        if route(series.units).length == "new":
            shape = findings.shape_of(series)
            sold_in = findings.elsewhere.get(_text_of(series))
            if series.units.any():
                return forecast_launch(series, horizon, findings.courses, shape, sold_in), None
            begin = findings.starts, findings.first_sales
            return forecast_never_sold(series, horizon, *begin, shape, sold_in), None
        model = _surveyed(series, self.surveyed) or _updated(series, previous, findings)
        if model is None:
            model = _model_of(
                series,
                run_race(series, findings.shapes, effects=findings.calendar.effects),
                findings,
            )
        return _forecast(series, horizon, model, findings), model.to_json()


def _text_of(series: Series) -> str:
    return json.dumps(series.key)


def _surveyed(series: Series, models: Mapping[str, str]) -> EnsembleModel | None:
    """The model that the survey made of the series, if it saw this very history."""
    text = models.get(_text_of(series))
    model = EnsembleModel.from_json(text) if text else None
    return model if model and model.saw(series.units) else None


def _updated(series: Series, previous: str | None, findings: Findings) -> EnsembleModel | None:
    """Last month's model with the new month among its misses; none where a race is due."""
    if previous is None:
        return None
    model = EnsembleModel.from_json(previous)
    if model.saw(series.units):
        return model
    known = series.until(series.months - 1)
    if not model.saw(known.units) or _race_is_due(series):
        return None
    expected = model.ahead(findings.history_of(known), 1)[0]
    miss = abs(float(series.units[-1]) - float(expected))
    if not miss <= SURPRISE * _scale(known.units, model, findings):
        return None
    held = min(model.held, MOST_HELD)
    history = findings.history_of(series)
    return replace(
        model,
        fits={name: _fit_after(name, fit, history) for name, fit in model.fits.items()},
        missed=float((model.missed * held + miss) / (held + 1)),
        held=held + 1,
        months=series.months,
        data_hash=hash_of(series.units),
    )


def _fit_after(name: str, fit: Any, history: History) -> Any:
    """The fit of last month, or a new one where that would mislead."""
    candidate = CANDIDATES[name]
    return candidate.fit(history) if candidate.fitted_anew else fit


def _race_is_due(series: Series) -> bool:
    """Whether this is one of the two months a year in which the series races anew."""
    turn = zlib.crc32("\0".join(series.key).encode())
    return (turn + series.cutoff_month.month) % MONTHS_BETWEEN_RACES == 0


def _model_of(series: Series, race: Race, findings: Findings) -> EnsembleModel:
    """What the race taught, in the light of the fleet."""
    weights = weights_of(race, findings.ranking)
    serving = [i for i in np.argsort(-weights, kind="stable") if weights[i] > 0]
    missed, held = mean_miss(held_out(race, findings.ranking), findings.calibration.growth)
    return EnsembleModel(
        {race.names[i]: round(float(weights[i]), 4) for i in serving},
        {race.names[i]: race.fitted[i] for i in serving},
        float(f"{missed:.6g}"),
        held,
        series.months,
        hash_of(series.units),
    )


def _scale(units: Vector, model: EnsembleModel, findings: Findings) -> float:
    in_sample = findings.calibration.ratio * naive_scale(units)
    return series_scale(in_sample, model.missed, model.held)


def _forecast(series: Series, horizon: int, model: EnsembleModel, findings: Findings) -> Forecast:
    history = findings.history_of(series)
    where = route(series.units)
    units, lower, upper = _numbers(series, history, horizon, model, findings)
    if dormant(history.demand) and not units.any():
        reason = f"dormant months={months_since_sale(series.units)} {where.text}"
        return Forecast(units, np.zeros_like(lower), upper, "zero", reason)
    # A slow mover is brought to a mean that no candidate forecast.
    alone = len(model.weights) == 1 and not where.sparse
    name = next(iter(model.weights)) if alone else "ensemble"
    reason = _reason(series, where, model, history, horizon)
    return Forecast(units, lower, upper, name, reason)


def _numbers(
    series: Series, history: History, horizon: int, model: EnsembleModel, findings: Findings
) -> tuple[Vector, Vector, Vector]:
    """Points and bounds by the route of the series; a dormant one has at most its season."""
    units = model.ahead(history, horizon)
    where = route(series.units)
    silent = dormant(history.demand)  # an empty shelf is not silence
    if where.sparse:
        demand = np.maximum(history.demand, history.sold)
        expected = expected_ahead(demand, series.first_month, history.shape, horizon)
        units = season_ahead(demand, horizon) if silent else topped_up(units, expected)
        size = usual_size(demand)
        return units, *findings.spread.interval(units, expected, size, where.kind)
    scale = _scale(series.units, model, findings)
    lower, upper = findings.calibration.interval(units, scale, where.kind)
    if silent:
        upper = dormant_upper(upper, chance_alive(history.demand))
        return np.zeros(horizon), np.zeros_like(lower), upper
    return units, lower, upper


def _reason(
    series: Series, where: Route, model: EnsembleModel, history: History, horizon: int
) -> str:
    """What served, by which route, what was corrected, and which effects of the calendar move."""
    served = ",".join(f"{name}:{weight:.2f}" for name, weight in model.weights.items())
    unbeaten = list(model.weights) == [NAIVE] and not where.sparse
    code = "unbeaten" if unbeaten else "raced"
    changed = int((history.demand != series.units).sum())
    corrected = f" corrected={changed}" if changed else ""
    level = " level=mean" if where.sparse else ""
    damped = np.flatnonzero(history.demand < series.units)
    months = [f"{add_months(series.first_month, int(month)):%Y-%m}" for month in damped]
    bulk = f" bulk={','.join(months)}" if months else ""
    moved = history.calendar.named(add_months(series.cutoff_month, 1), horizon)
    calendar = f" calendar={','.join(moved)}" if moved else ""
    return f"{code} {where.text} weights={served}{level}{corrected}{bulk}{calendar}"
