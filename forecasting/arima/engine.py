"""The engine `arima`: it fits each series of a batch and forecasts from the fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from etl.errors import InputError
from forecasting.arima.compiled import drop_stale
from forecasting.arima.fitting import fit
from forecasting.arima.model import ArimaModel
from forecasting.arima.search import search
from forecasting.forecaster import Forecast, Series

__all__ = ["ArimaForecaster", "warm"]


class ArimaForecaster:
    """Seasonal ARIMA by a full search of each series; plain rules where it cannot serve.

    >>> from datetime import date
    >>> series = Series("M1", "S1", "P1", date(2024, 1, 1), np.zeros(24))
    >>> ArimaForecaster().forecast([series], 2)[0].reason
    'all_zero months=24'
    """

    name = "arima"

    def forecast(self, batch: Sequence[Series], horizon: int) -> list[Forecast]:
        """One `Forecast` of `horizon` months for each series of `batch`, in its order."""
        return [forecast for forecast, _ in self.forecast_warm(batch, horizon, [None] * len(batch))]

    def forecast_warm(
        self, batch: Sequence[Series], horizon: int, previous: Sequence[str | None]
    ) -> list[tuple[Forecast, str | None]]:
        """Like `forecast`, from last month's models where there are any, with this month's."""
        models = [
            fit(series.units, _model(text)) for series, text in zip(batch, previous, strict=True)
        ]
        return [
            (model.forecast(series.units, horizon), model.to_json())
            for series, model in zip(batch, models, strict=True)
        ]


def _model(text: str | None) -> ArimaModel | None:
    """Last month's model; one that cannot be read is none, and the search is a full one."""
    try:
        return ArimaModel.from_json(text) if text else None
    except InputError:
        return None


def warm() -> None:
    """Compile what is not yet compiled on disk, so that the first series does not wait.

    Takes about a minute the first time and under a second after that.
    """
    drop_stale(Path(cast(Any, search).stats.cache_path), Path(__file__).parent)
    months = np.arange(48)
    rng = np.random.default_rng(1)
    for units in (
        rng.uniform(1.0, 2.0, 48),
        3.0 + np.sin(months * np.pi / 6) + rng.uniform(0.0, 0.1, 48),
    ):
        fit(units, fit(units[:-1])).forecast(units, 12)
