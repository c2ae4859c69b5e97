"""Forecasts that are extreme by a stated rule, flagged before they are published.

`FLAGS` of a run stand beside its predictions: a product whose next months are far from all that it
has sold. Neither rule says that the forecast is wrong; it says that a person should look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from etl.lake import Lake
from etl.tables import FLAGS, SERIES_KEY
from forecasting.forecaster import SEASON, Series, Vector
from forecasting.predictions import cutoff_of, read_predictions
from forecasting.series import read_shard, series_of

__all__ = ["RULES", "flag_of", "is_extreme_month", "write_flags"]

RULES = {
    "extreme_high": "a month ahead is above twice the best month ever sold, and ten units above it",
    "extreme_low": "the months ahead together are below a fifth of the same number of months "
    "before, in which at least 24 units were sold",
}
"""What raises each flag, in words."""


def is_extreme_month(best: float, highest: float) -> bool:
    """Whether the highest month ahead is extreme beside the best month ever sold.

    >>> is_extreme_month(5, 15), is_extreme_month(5, 15.5), is_extreme_month(50, 100)
    (False, True, False)

    A product that never sold has no best month:

    >>> is_extreme_month(0, 15)
    False
    """
    return best > 0 and highest > max(2 * best, best + 10)


def flag_of(history: Vector, units: Vector) -> tuple[str, float, float] | None:
    """The flag of a forecast, with the number forecast and the one that it is far from.

    >>> import numpy as np
    >>> flag_of(np.array([3.0, 5.0, 4.0]), np.array([4.0, 21.0]))
    ('extreme_high', 21.0, 5.0)
    >>> flag_of(np.full(12, 10.0), np.full(12, 1.0))
    ('extreme_low', 12.0, 120.0)
    """
    best, highest = float(history.max(initial=0.0)), float(units.max())
    if is_extreme_month(best, highest):
        return "extreme_high", highest, best
    span = min(len(units), SEASON)
    ahead, before = float(units[:span].sum()), float(history[-span:].sum())
    if len(history) >= span and before >= 24 and ahead < before / 5:
        return "extreme_low", ahead, before
    return None


def write_flags(lake: Lake, run_id: str, paths: Mapping[int, str]) -> dict[str, int]:
    """Write FLAGS of the run whose shards have files at `paths`; how many there are of each."""
    cutoff = cutoff_of(run_id)
    rows: list[tuple[object, ...]] = []
    for number, path in paths.items():
        shard = read_shard(lake, cutoff, number)
        forecasts = read_predictions(lake, path).to_pandas()
        rows += _flagged(run_id, forecasts, series_of(shard))
    table = pd.DataFrame(rows, columns=FLAGS.names)
    lake.write_table(f"predictions/run_id={run_id}/flags.parquet", table, FLAGS)
    return {code: int((table["code"] == code).sum()) for code in RULES}


def _flagged(
    run_id: str, forecasts: pd.DataFrame, histories: Iterator[Series]
) -> Iterator[tuple[object, ...]]:
    """The flags of one shard; retired products go to zero as they should, and get none."""
    ahead = {
        key: group["units_forecast"].to_numpy(float)
        for key, group in forecasts.groupby(list(SERIES_KEY))
    }
    for series in histories:
        found = flag_of(series.units, ahead[series.key]) if series.active else None
        if found:
            yield (run_id, *series.key, *found)
