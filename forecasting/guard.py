"""What every engine's answer must be, and what is served where it is not.

An engine is asked for a batch. Series that are retired, or have no month of history, are answered
here. An engine that raises, or gives numbers that break the contract of `Forecast`, loses that
series to seasonal naive, with the reason in the row: one bad series never stops a shard.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from forecasting.forecaster import (
    LEVELS,
    Forecast,
    Forecaster,
    Series,
    WarmForecaster,
    add_months,
)
from forecasting.models.seasonal_naive import SeasonalNaive

__all__ = ["Answer", "GuardedForecaster", "answers", "broken_rule", "fallback", "rescue"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Answer:
    """The forecast of one series, and its fitted model as JSON where the engine keeps one."""

    forecast: Forecast
    model: str | None = None


@runtime_checkable
class GuardedForecaster(Protocol):
    """An engine of another kind of series than monthly ones, which keeps these promises itself."""

    def answers(
        self, batch: Sequence[Any], horizon: int, previous: Sequence[str | None]
    ) -> list[Answer]:
        """One sound answer for each series of `batch`, in its order; never raises for a series."""

    def fallback(self, series: Any, horizon: int, reason: str) -> Forecast:
        """What is served where a worker died on the series."""


def answers(
    engine: Forecaster | GuardedForecaster,
    batch: Sequence[Any],
    horizon: int,
    previous: Sequence[str | None] | None = None,
) -> list[Answer]:
    """One sound answer for each series of `batch`, in its order; never raises for a series."""
    previous = previous or [None] * len(batch)
    if isinstance(engine, GuardedForecaster):
        return engine.answers(batch, horizon, previous)
    found = {i: Answer(told) for i, s in enumerate(batch) if (told := _known(s, horizon))}
    asked = [i for i in range(len(batch)) if i not in found]
    given = _ask(engine, [batch[i] for i in asked], horizon, [previous[i] for i in asked])
    found |= dict(zip(asked, given, strict=True))
    return [found[i] for i in range(len(batch))]


def rescue(
    engine: Forecaster | GuardedForecaster, series: Any, horizon: int, reason: str
) -> Forecast:
    """What is served where the engine cannot be asked any more."""
    if isinstance(engine, GuardedForecaster):
        return engine.fallback(series, horizon, reason)
    return fallback(series, horizon, reason)


def fallback(series: Series, horizon: int, reason: str) -> Forecast:
    """Seasonal naive in the engine's stead, with the reason and what served."""
    forecast = SeasonalNaive().forecast([series], horizon)[0]
    return replace(forecast, reason=f"{reason} served={forecast.model}")


def broken_rule(forecast: Forecast, horizon: int) -> str:
    """Which rule of `Forecast` its numbers break, or nothing.

    >>> bad = Forecast(np.array([-1.0]), np.zeros((3, 1)), np.ones((3, 1)), "m")
    >>> broken_rule(bad, 1), broken_rule(bad, 2)
    ('not_negative', 'length')
    """
    lower, upper = forecast.lower, forecast.upper
    bounds = (len(LEVELS), horizon)
    if forecast.units.shape != (horizon,) or lower.shape != bounds or upper.shape != bounds:
        return "length"
    numbers = np.concatenate([forecast.units[np.newaxis], lower, upper])
    if not np.isfinite(numbers).all():
        return "finite"
    if (numbers < 0).any():
        return "not_negative"
    outward = np.concatenate([lower[::-1], upper])
    return "" if (np.diff(outward, axis=0) >= 0).all() else "nested"


def _known(series: Series, horizon: int) -> Forecast | None:
    """The zeros of a series that needs no engine."""
    if not series.months:
        reason = "no_history months=0"
    elif not series.active:
        sold = np.flatnonzero(series.units)
        last = f"{add_months(series.first_month, int(sold[-1])):%Y-%m}" if len(sold) else "never"
        reason = f"retired last_sale={last}"
    else:
        return None
    bounds = np.zeros((len(LEVELS), horizon))
    return Forecast(np.zeros(horizon), bounds, bounds, "zero", reason)


def _ask(
    engine: Forecaster, batch: list[Series], horizon: int, previous: list[str | None]
) -> list[Answer]:
    """The engine's answers to the batch, or to each series alone where the batch failed."""
    try:
        given = _forecast(engine, batch, horizon, previous)
        if len(given) == len(batch):
            return [_sound(engine, *pair, horizon) for pair in zip(batch, given, strict=True)]
        failure = f"engine_failed engine={engine.name} error=answers_{len(given)}_of_{len(batch)}"
    except Exception as error:  # whatever a model raises is a row with its reason
        _LOG.warning("%s failed on %d series", engine.name, len(batch), exc_info=error)
        failure = f"engine_failed engine={engine.name} error={type(error).__name__}"
    if len(batch) == 1:
        return [Answer(fallback(batch[0], horizon, failure))]
    return [
        _ask(engine, [series], horizon, [model])[0]
        for series, model in zip(batch, previous, strict=True)
    ]


def _forecast(
    engine: Forecaster, batch: list[Series], horizon: int, previous: list[str | None]
) -> list[Answer]:
    if not batch:
        return []
    if isinstance(engine, WarmForecaster):
        return [Answer(*pair) for pair in engine.forecast_warm(batch, horizon, previous)]
    return [Answer(forecast) for forecast in engine.forecast(batch, horizon)]


def _sound(engine: Forecaster, series: Series, answer: Answer, horizon: int) -> Answer:
    rule = broken_rule(answer.forecast, horizon)
    if not rule:
        return answer
    return Answer(fallback(series, horizon, f"bad_output engine={engine.name} rule={rule}"))
