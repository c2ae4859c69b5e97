"""What every daily answer must be, and what is served where an engine cannot give it.

An engine that raises, or gives numbers that break the contract of `Forecast`, loses that series to
the rule by weekday, with the reason in the row: one bad series never stops a store.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from forecasting.daily.engines import DailyEngine
from forecasting.daily.series import DailySeries
from forecasting.daily.weekday_naive import naive_forecast
from forecasting.forecaster import Forecast
from forecasting.guard import Answer, broken_rule

__all__ = ["DailyGuard"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class DailyGuard:
    """A daily engine whose every answer is sound."""

    engine: DailyEngine

    def answers(
        self, batch: Sequence[DailySeries], horizon: int, previous: Sequence[str | None]
    ) -> list[Answer]:
        """One sound answer for each series of `batch`, in its order; never raises for a series."""
        return [
            self._answer(series, horizon, model)
            for series, model in zip(batch, previous, strict=True)
        ]

    def fallback(self, series: DailySeries, horizon: int, reason: str) -> Forecast:
        """The rule by weekday in the engine's stead, with the reason and what served."""
        forecast = naive_forecast(series, horizon)
        return replace(forecast, reason=f"{reason} served={forecast.model}")

    def _answer(self, series: DailySeries, horizon: int, previous: str | None) -> Answer:
        name = self.engine.name
        try:
            ((forecast, model),) = self.engine.forecast_warm([series], horizon, [previous])
        except Exception as error:  # whatever a model raises is a row with its reason
            _LOG.warning("%s failed on %s", name, "/".join(series.key), exc_info=error)
            reason = f"engine_failed engine={name} error={type(error).__name__}"
            return Answer(self.fallback(series, horizon, reason))
        rule = broken_rule(forecast, horizon)
        if rule:
            return Answer(self.fallback(series, horizon, f"bad_output engine={name} rule={rule}"))
        return Answer(forecast, model)
