"""The engine `arima`: it fits each series of a batch and forecasts from the fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecasting.arima.fitting import fit
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
        return [fit(series.units).forecast(series.units, horizon) for series in batch]


def warm() -> None:
    """Compile what is not yet compiled on disk, so that the first series does not wait.

    Takes about a minute the first time and under a second after that.
    """
    months = np.arange(48)
    rng = np.random.default_rng(1)
    for units in (
        rng.uniform(1.0, 2.0, 48),
        3.0 + np.sin(months * np.pi / 6) + rng.uniform(0.0, 0.1, 48),
    ):
        fit(units).forecast(units, 12)
