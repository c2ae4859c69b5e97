"""Daily forecasts as rows of DAILY_PREDICTIONS, for people's own files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from etl.tables import DAILY_PREDICTIONS, SERIES_KEY
from forecasting.daily.series import DailySeries
from forecasting.forecaster import LEVELS, Forecast

__all__ = ["daily_rows"]


def daily_rows(done: Sequence[tuple[DailySeries, Forecast]]) -> pa.Table:
    """DAILY_PREDICTIONS of the series done, day by day in their order."""
    if not done:
        return DAILY_PREDICTIONS.empty()
    horizon = len(done[0][1].units)
    each = pa.array(np.repeat(np.arange(len(done)), horizon))
    of_series = {
        **dict(zip(SERIES_KEY, zip(*(series.key for series, _ in done), strict=True), strict=True)),
        "cutoff_date": [series.cutoff_date for series, _ in done],
        "model": [forecast.model for _, forecast in done],
        "reason": [forecast.reason for _, forecast in done],
    }
    table = {name: pa.array(list(values)).take(each) for name, values in of_series.items()}
    days = [day for series, _ in done for day in series.dates_ahead(horizon)]
    table["date"] = pa.array(days, pa.date32())
    table["horizon"] = pa.array(np.tile(np.arange(1, horizon + 1), len(done)))
    table["units_forecast"] = pa.array(np.concatenate([told.units for _, told in done]))
    for row, level in enumerate(LEVELS):
        table[f"lo{level}"] = pa.array(np.concatenate([told.lower[row] for _, told in done]))
        table[f"hi{level}"] = pa.array(np.concatenate([told.upper[row] for _, told in done]))
    return DAILY_PREDICTIONS.conform(pa.table(table))
