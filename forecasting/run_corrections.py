"""The raw and the corrected series side by side: the months that a run's models saw otherwise.

Models that learn from corrected histories say so in their `reason` (`corrected=…`). CORRECTIONS of
a run stand beside its predictions, so that a merchant and an analyst can see each month as it was
sold and as the models took it, with the cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from etl.lake import Lake
from etl.tables import CORRECTIONS, SERIES_KEY
from forecasting.corrections import correct, with_full_shelf
from forecasting.forecaster import Series, add_months
from forecasting.predictions import cutoff_of, read_predictions
from forecasting.routing import NEW_MONTHS
from forecasting.series import read_shard, series_of

__all__ = ["BULK", "CORRECTED", "EMPTY", "corrections_of", "write_corrections"]

BULK, EMPTY = "bulk_order", "empty_shelf"
CORRECTED = " corrected="
"""What the reason of a series holds whose models learnt from a corrected history."""


def write_corrections(lake: Lake, run_id: str, paths: Mapping[int, str]) -> str:
    """Write CORRECTIONS of the run whose shards have files at `paths`; where."""
    cutoff = cutoff_of(run_id)
    rows: list[tuple[Any, ...]] = []
    for number, path in paths.items():
        forecasts = read_predictions(lake, path).to_pandas()
        told = forecasts[forecasts["reason"].str.contains(CORRECTED)]
        keys = set(zip(*(told[name] for name in SERIES_KEY), strict=True))
        for series in series_of(read_shard(lake, cutoff, number)):
            if series.key in keys:
                rows += [(run_id, *series.key, *found) for found in corrections_of(series)]
    target = f"predictions/run_id={run_id}/corrections.parquet"
    lake.write_table(target, pd.DataFrame(rows, columns=CORRECTIONS.names), CORRECTIONS)
    return target


def corrections_of(series: Series) -> Iterator[tuple[Any, float, float, str]]:
    """Month, units sold, units that the models learn from, and cause, of each month changed."""
    if series.months < NEW_MONTHS:  # too new to say which order is unusual
        learnt = with_full_shelf(series.units, series.days_out_of_stock)
    else:
        learnt = correct(series.units, series.days_out_of_stock).units
    for place in np.flatnonzero(learnt != series.units):
        sold, taken = float(series.units[place]), float(learnt[place])
        cause = BULK if taken < sold else EMPTY
        yield add_months(series.first_month, int(place)), sold, round(taken, 6), cause
