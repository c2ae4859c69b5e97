"""Rolling origins: each series forecast as it was known some months ago, scored by what came."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from forecasting.fleet import Done, Work, forecast_fleet
from forecasting.forecaster import Forecaster, Series
from forecasting.predict_file import batched, informed
from forecasting.predictions import forecast_rows
from forecasting.progress import shown
from forecasting.scoring import FILE_SCORES, beside_rule
from forecasting.series import as_known

__all__ = ["rolling_scores"]

_FORECASTS_AT_ONCE = 2000


def rolling_scores(
    everything: Iterable[Series],
    engine: Forecaster,
    origins: int,
    horizon: int,
    jobs: int = 0,
    apart: int = 1,
) -> Iterator[pa.Table]:
    """FILE_SCORES of each series from its last `origins` months, from origins so many apart.

    Nothing later than an origin is known to it; a survey of all series is made at the earliest.
    `everything` is read twice where the engine surveys.
    """
    surveyed = informed(engine, (_before(series, origins) for series in everything))
    whole: deque[Series] = deque()
    asked = _origins(everything, range(origins, 0, -apart), whole)
    fleet = forecast_fleet(asked, surveyed, horizon, jobs)
    for done in batched(shown(fleet, f"back-testing {engine.name}"), _FORECASTS_AT_ONCE):
        yield FILE_SCORES.conform(_score(done, [whole.popleft() for _ in done]))


def _before(series: Series, origins: int) -> Series:
    return as_known(series, max(series.months - origins, 0))


def _origins(
    everything: Iterable[Series], months_back: Sequence[int], whole: deque[Series]
) -> Iterator[Work]:
    """Each series as it was known at each origin, oldest first; the whole one goes to `whole`."""
    for series in everything:
        for back in months_back:
            if back < series.months:
                whole.append(series)
                yield Work(as_known(series, series.months - back))


def _score(done: Sequence[Done], whole: Sequence[Series]) -> pd.DataFrame:
    """Scores of the months that each series has sold since its origin."""
    rows = forecast_rows(done).to_pandas()
    horizon = len(done[0].forecast.units)
    sold = np.full((len(done), horizon), np.nan)
    for row, one, full in zip(sold, done, whole, strict=True):
        since = full.units[one.series.months :][:horizon]
        row[: len(since)] = since
    rows["units_sold"] = sold.ravel()
    return beside_rule(rows[rows["units_sold"].notna()], (one.series for one in done))
