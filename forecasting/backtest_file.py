"""The back-test of people's own files: of forecasts made before, or from rolling origins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from etl.errors import InputError
from etl.tables import SERIES_KEY
from forecasting.forecaster import Forecaster, Series
from forecasting.history import open_history
from forecasting.origins import rolling_scores
from forecasting.outfile import infile, outfile
from forecasting.predictions import FORECASTS, refuse_leaks
from forecasting.scoring import FILE_SCORES, ORIGIN, beside_rule
from forecasting.series import months_between
from forecasting.summary import Summary

__all__ = ["roll_origins", "score_file"]


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
    if not len(due):
        raise InputError(_nothing_in_common(predictions, forecasts, actuals, known))
    summary = Summary()
    with outfile(out, FILE_SCORES.schema) as write:
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
    Writes scores to `out` and gives their summary. Raises `InputError` where there is no origin.
    """
    summary = Summary()
    with (
        open_history(history, cutoff_month) as everything,
        outfile(out, FILE_SCORES.schema) as write,
    ):
        for scores in rolling_scores(everything, engine, origins, horizon, jobs):
            summary.add(scores.to_pandas())
            write(scores)
        if not summary.sums:
            raise InputError(
                f"{history} has no origin to forecast from: a series needs a month before it and "
                "one after it, so two months at least"
            )
    return summary.measures()


def _nothing_in_common(
    predictions: Path,
    forecasts: pd.DataFrame,
    actuals: Path,
    known: dict[tuple[str, str, str], Series],
) -> str:
    """What to say where no forecast can be scored."""
    keys = set(zip(*(forecasts[name] for name in SERIES_KEY), strict=True))
    shared = [known[key] for key in sorted(keys & set(known))]
    if not shared:
        return f"{predictions} and {actuals} have no product in common, so nothing can be scored"
    told = f"{min(one.first_month for one in shared):%Y-%m}"
    told += f" to {max(one.cutoff_month for one in shared):%Y-%m}"
    asked = f"{forecasts['month'].min():%Y-%m} to {forecasts['month'].max():%Y-%m}"
    return (
        f"{predictions} and {actuals} have no month in common: the forecasts are of {asked}, the "
        f"history of their products has {told}; give a history that reaches into those months"
    )


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
