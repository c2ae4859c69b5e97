"""Forecasts of people's own files: a history in, a file of forecasts out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from forecasting.fleet import Work, forecast_fleet
from forecasting.forecaster import Forecaster, Series, SurveyingForecaster
from forecasting.history import open_history
from forecasting.outfile import outfile
from forecasting.predictions import FORECASTS, forecast_rows
from forecasting.progress import shown

__all__ = ["batched", "informed", "predict_file"]

_SERIES_AT_ONCE = 1000

T = TypeVar("T")


def predict_file(
    history: Path,
    out: Path,
    engine: Forecaster,
    *,
    horizon: int = 12,
    cutoff_month: date | None = None,
    jobs: int = 0,
) -> dict[str, Any]:
    """Write FORECASTS of every series of `history` to `out`; counts of what served and why.

    Each series is forecast from its own last month, or all from `cutoff_month`. Raises
    `InputError` where the history cannot be read as one.
    """
    models: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with open_history(history, cutoff_month) as series, outfile(out, FORECASTS.schema) as write:
        fleet = forecast_fleet(map(Work, series), informed(engine, series), horizon, jobs)
        for done in batched(shown(fleet, f"forecasting {history}", series.count), _SERIES_AT_ONCE):
            write(forecast_rows(done))
            models.update(one.forecast.model for one in done)
            reasons.update(one.forecast.reason.split(" ")[0] for one in done if one.forecast.reason)
        count = series.count
    return {
        "series": count,
        "rows": count * horizon,
        "models": dict(sorted(models.items())),
        "reasons": dict(sorted(reasons.items())),
    }


def informed(engine: Forecaster, everything: Iterable[Series]) -> Forecaster:
    """The engine, with its survey of all series where it makes one."""
    if not isinstance(engine, SurveyingForecaster):
        return engine
    return engine.informed(engine.survey(everything))


def batched(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """`items` in lists of `size`, the last one shorter.

    >>> list(batched(iter("abc"), 2))
    [['a', 'b'], ['c']]
    """
    while batch := list(islice(items, size)):
        yield batch
