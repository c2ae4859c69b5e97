"""Daily forecasts of people's own files: a history in, a file of forecasts out."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from etl.tables import DAILY_PREDICTIONS
from forecasting.daily.engines import HORIZON, DailyEngine
from forecasting.daily.guard import DailyGuard
from forecasting.daily.history import open_daily_history
from forecasting.daily.predictions import daily_rows
from forecasting.fleet import Work, forecast_fleet
from forecasting.outfile import outfile
from forecasting.predict_file import batched
from forecasting.progress import shown

__all__ = ["predict_daily_file"]

_SERIES_AT_ONCE = 1000


def predict_daily_file(
    history: Path,
    out: Path,
    engine: DailyEngine,
    *,
    horizon: int = HORIZON,
    cutoff_date: date | None = None,
    jobs: int = 0,
) -> dict[str, Any]:
    """Write DAILY_PREDICTIONS of every series of `history` to `out`; who served and why.

    Each series is forecast from its own last day, or all from `cutoff_date`. Raises `InputError`
    where the history cannot be read as one.
    """
    models: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with (
        open_daily_history(history, cutoff_date) as series,
        outfile(out, DAILY_PREDICTIONS.schema) as write,
    ):
        fleet = forecast_fleet(map(Work, series), DailyGuard(engine), horizon, jobs)
        done = shown(fleet, f"forecasting {history}", series.count)
        for some in batched(done, _SERIES_AT_ONCE):
            write(daily_rows([(one.series, one.forecast) for one in some]))
            models.update(one.forecast.model for one in some)
            reasons.update(one.forecast.reason.split(" ")[0] for one in some if one.forecast.reason)
        count = series.count
    return {
        "series": count,
        "rows": count * horizon,
        "models": dict(sorted(models.items())),
        "reasons": dict(sorted(reasons.items())),
    }
