"""The back-test of people's own files: of forecasts made before, or from rolling origins."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from etl.tables import SERIES_KEY
from forecasting.fleet import Done, Work, forecast_fleet
from forecasting.forecaster import Forecaster, Series
from forecasting.history import open_history
from forecasting.outfile import infile, outfile
from forecasting.predict_file import batched, informed
from forecasting.predictions import FORECASTS, forecast_rows, refuse_leaks
from forecasting.progress import shown
from forecasting.scoring import FILE_SCORES, ORIGIN, beside_rule
from forecasting.series import as_known, months_between
from forecasting.summary import Summary

__all__ = ["roll_origins", "score_file"]

_FORECASTS_AT_ONCE = 2000


def score_file(
    predictions: Path, actuals: Path, out: Path, through: date | None = None
) -> dict[str, Any]:
    """Score the forecasts of one file by the history in another; writes scores, gives a summary.

    Months that the actuals do not reach are not scored, and counted. Raises `TableError` where a
    forecast claims a month that its cutoff knew.
    """
    rows = infile(predictions, FORECASTS)
    refuse_leaks(rows, str(predictions))
    forecasts = rows.to_pandas()
    with open_history(actuals, through) as history:
        known = {series.key: series for series in history}
    forecasts["units_sold"] = _sold(forecasts, known)
    due = forecasts[forecasts["units_sold"].notna()]
    summary = Summary()
    with outfile(out, FILE_SCORES.schema) as write:
        if len(due):
            scores = FILE_SCORES.conform(beside_rule(due, _as_known_then(due, known)))
            summary.add(scores.to_pandas())
            write(scores)
    return {"not_scored": len(forecasts) - len(due), **summary.measures()}


def roll_origins(
    history: Path,
    out: Path,
    engine: Forecaster,
    *,
    origins: int = 12,
    horizon: int = 12,
    cutoff_month: date | None = None,
    jobs: int = 0,
) -> dict[str, Any]:
    """Forecast each series as it was 1 to `origins` months ago, and score what has come since.

    Nothing later than an origin is known to it; a survey of all series is made at the earliest.
    Writes scores to `out` and gives their summary.
    """
    summary = Summary()
    with (
        open_history(history, cutoff_month) as everything,
        outfile(out, FILE_SCORES.schema) as write,
    ):
        surveyed = informed(engine, (_before(series, origins) for series in everything))
        whole: deque[Series] = deque()
        fleet = forecast_fleet(_origins(everything, origins, whole), surveyed, horizon, jobs)
        counted = shown(fleet, f"back-testing {history}", everything.count * origins)
        for done in batched(counted, _FORECASTS_AT_ONCE):
            scores = FILE_SCORES.conform(_score(done, [whole.popleft() for _ in done]))
            summary.add(scores.to_pandas())
            write(scores)
    return summary.measures()


def _before(series: Series, origins: int) -> Series:
    return as_known(series, max(series.months - origins, 0))


def _origins(everything: Iterable[Series], origins: int, whole: deque[Series]) -> Iterator[Work]:
    """Each series as it was known at each origin, oldest first; the whole one goes to `whole`."""
    for series in everything:
        for back in range(min(origins, series.months - 1), 0, -1):
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


def _sold(rows: pd.DataFrame, known: dict[tuple[str, str, str], Series]) -> list[float]:
    """Units of each row's series in its month; NaN where the actuals do not tell."""
    keys = zip(*(rows[name] for name in SERIES_KEY), strict=True)
    return [
        _units_of(known.get(key), month) for key, month in zip(keys, rows["month"], strict=True)
    ]


def _units_of(series: Series | None, month: date) -> float:
    if series is None:
        return float("nan")
    place = months_between(series.first_month, month)
    return float(series.units[place]) if 0 <= place < series.months else float("nan")


def _as_known_then(
    rows: pd.DataFrame, known: dict[tuple[str, str, str], Series]
) -> Iterator[Series]:
    """The history of each series up to each cutoff that it was forecast from."""
    for *key, cutoff in rows[ORIGIN].drop_duplicates().itertuples(index=False):
        series = known[(key[0], key[1], key[2])]
        months = months_between(series.first_month, cutoff) + 1
        if months > 0:
            yield series.until(months)
