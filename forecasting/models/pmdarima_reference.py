"""pmdarima.auto_arima as an engine: the yardstick that the fast engine is held against.

It costs seconds per series. A monthly run therefore gives it to a stated number of best sellers,
found by a survey of all series, and serves the rest by seasonal naive, with the reason.
"""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecasting.forecaster import LEVELS, SEASON, Forecast, Series, Vector
from forecasting.guard import fallback

__all__ = ["FEWEST_MONTHS", "PmdarimaReference"]

FEWEST_MONTHS = 4
"""Months below which no order can be told from another."""


@dataclass(frozen=True)
class PmdarimaReference:
    """The engine `pmdarima`; of `best_sellers` series only, where that is given."""

    best_sellers: int | None = None
    chosen: frozenset[tuple[str, ...]] | None = None
    name: str = "pmdarima"

    def survey(self, everything: Iterable[Series]) -> dict[str, Any]:
        """The keys of the best sellers of the last twelve months; ties go by key."""
        if self.best_sellers is None:
            return {}
        volumes = ((-series.units[-SEASON:].sum(), series.key) for series in everything)
        best = heapq.nsmallest(self.best_sellers, volumes)
        return {"best_sellers": [list(key) for _, key in best]}

    def informed(self, findings: dict[str, Any]) -> PmdarimaReference:
        """The engine that knows who the best sellers are."""
        if self.best_sellers is None:
            return self
        return replace(self, chosen=frozenset(tuple(key) for key in findings["best_sellers"]))

    def forecast(self, batch: Sequence[Series], horizon: int) -> list[Forecast]:
        """One forecast for each series: auto_arima's, or seasonal naive's with the reason."""
        return [self._forecast(series, horizon) for series in batch]

    def _forecast(self, series: Series, horizon: int) -> Forecast:
        if self.chosen is not None and series.key not in self.chosen:
            return fallback(series, horizon, f"beyond_budget best_sellers={self.best_sellers}")
        if series.months < FEWEST_MONTHS:
            return fallback(series, horizon, f"short_history months={series.months}")
        return _search(series.units, horizon)


def _search(units: Vector, horizon: int) -> Forecast:
    """auto_arima's stepwise search over seasonal orders, as pmdarima bounds it."""
    import pmdarima  # noqa: PLC0415  takes seconds, and only this engine needs it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = pmdarima.auto_arima(
            units,
            m=SEASON,
            seasonal=len(units) >= 2 * SEASON,
            stepwise=True,
            suppress_warnings=True,
            error_action="ignore",
        )
        bands = [
            model.predict(horizon, return_conf_int=True, alpha=1 - level / 100) for level in LEVELS
        ]
    lower = np.array([interval[:, 0] for _, interval in bands])
    upper = np.array([interval[:, 1] for _, interval in bands])
    points = np.asarray(bands[0][0], dtype=float)
    points, lower, upper = (np.maximum(part, 0.0) for part in (points, lower, upper))
    return Forecast(points, lower, upper, "pmdarima")
