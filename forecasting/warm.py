"""Compile the engines once, at set-up, so that no worker waits for it in its first task."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Any, cast

import numpy as np

from forecasting.arima.compiled import drop_stale
from forecasting.arima.search import search
from forecasting.daily.engines import open_daily_engine
from forecasting.daily.series import DailySeries
from forecasting.daily.smoothing import fit_weekly_ets
from forecasting.engines import ENGINES, open_engine
from forecasting.models.theta import fit_theta
from forecasting.sample_series import sample_series

__all__ = ["warm"]

_NOT_COMPILED = frozenset({"pmdarima", "seasonal_naive"})
_HERE = Path(__file__).parent


def warm() -> dict[str, float]:
    """Forecast a few series by each compiled engine; the seconds that each took.

    What is compiled is kept on disk beside the code: minutes the first time, seconds after it.
    Kernels of sources that have changed since are compiled anew.
    """
    kernels = {"arima": search, "models": fit_theta, "daily": fit_weekly_ets}
    for folder, kernel in kernels.items():
        drop_stale(Path(cast(Any, kernel).stats.cache_path), _HERE / folder)
    taken = {name: _seconds(name) for name in ENGINES if name not in _NOT_COMPILED}
    return taken | {"daily": _daily_seconds()}


def _seconds(name: str) -> float:
    start = time.perf_counter()
    open_engine(name).forecast(sample_series(), 12)
    return round(time.perf_counter() - start, 1)


def _daily_seconds() -> float:
    start = time.perf_counter()
    units = np.random.default_rng(1).poisson(2, (2, 200)) * np.array([[1.0], [4.0]])
    batch = [
        DailySeries("M1", "S1", str(n), date(2020, 1, 1), row, np.zeros(200, np.int8))
        for n, row in enumerate([*units, np.where(np.arange(200) % 9, 0.0, units[0])])
    ]
    open_daily_engine("daily").forecast_warm(batch, 7, [None] * len(batch))
    return round(time.perf_counter() - start, 1)
