"""Forecasts as rows of PREDICTIONS, and the CSV files that hold them.

>>> cutoff_of("2026-10.2")
datetime.date(2026, 10, 1)
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from etl.errors import InputError, LakeError, TableError
from etl.lake import Lake
from etl.tables import PREDICTIONS, SERIES_KEY, Table
from forecasting.fleet import Done
from forecasting.forecaster import LEVELS, add_months

__all__ = [
    "FORECASTS",
    "age_of",
    "cutoff_of",
    "forecast_rows",
    "predictions_from_csv",
    "predictions_to_csv",
    "read_predictions",
    "refuse_leaks",
]

FORECASTS = Table(
    "forecasts",
    "one month ahead of one series, of no run",
    (*SERIES_KEY, "cutoff_month", "month"),
    tuple(column for column in PREDICTIONS.columns if column.name != "run_id"),
)
"""What `python -m forecasting predict` writes: PREDICTIONS without the run."""

_RUN_ID = re.compile(r"(\d{4})-(0[1-9]|1[0-2])\.([1-9]\d*)")
_EPOCH = date(1970, 1, 1)

Days = NDArray[np.int32]


def cutoff_of(run_id: str) -> date:
    """The cutoff month that a run is named by. Raises `InputError` for what names no run."""
    found = _RUN_ID.fullmatch(run_id)
    if not found:
        raise InputError(f"a run is named YYYY-MM.R, as in 2026-10.1; found {run_id!r}")
    return date(int(found[1]), int(found[2]), 1)


def age_of(run_id: str) -> tuple[date, int]:
    """Cutoff and revision of a run, by which runs are ordered, the oldest first.

    >>> max(["2026-10.9", "2026-10.10", "2026-09.11"], key=age_of)
    '2026-10.10'
    """
    return cutoff_of(run_id), int(run_id.partition(".")[2])


def forecast_rows(done: Sequence[Done]) -> pa.Table:
    """FORECASTS of the series done, month by month in their order."""
    if not done:
        return FORECASTS.empty()
    horizon = len(done[0].forecast.units)
    columns = dict(zip(SERIES_KEY, zip(*(d.series.key for d in done), strict=True), strict=True))
    columns["model"] = tuple(d.forecast.model for d in done)
    columns["reason"] = tuple(d.forecast.reason for d in done)
    of_series = np.repeat(np.arange(len(done)), horizon)
    table = {name: pa.array(values).take(pa.array(of_series)) for name, values in columns.items()}
    cutoffs = [d.series.cutoff_month for d in done]
    months = [_days([add_months(c, h) for h in range(1, horizon + 1)]) for c in cutoffs]
    table["cutoff_month"] = _dates(np.repeat(_days(cutoffs), horizon))
    table["month"] = _dates(np.concatenate(months))
    table["horizon"] = pa.array(np.tile(np.arange(1, horizon + 1), len(done)))
    table["units_forecast"] = pa.array(np.concatenate([d.forecast.units for d in done]))
    for row, level in enumerate(LEVELS):
        table[f"lo{level}"] = pa.array(np.concatenate([d.forecast.lower[row] for d in done]))
        table[f"hi{level}"] = pa.array(np.concatenate([d.forecast.upper[row] for d in done]))
    return FORECASTS.conform(pa.table(table))


def predictions_to_csv(rows: pa.Table) -> bytes:
    """The rows as CSV with a header; numbers in the shortest form that reads back the same."""
    sink = io.BytesIO()
    csv.write_csv(rows, sink)
    return sink.getvalue()


def predictions_from_csv(content: bytes, table: Table = PREDICTIONS) -> pa.Table:
    """What `predictions_to_csv` wrote, as `table`."""
    types = {column.name: column.type for column in table.columns}
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    return table.conform(csv.read_csv(io.BytesIO(content), convert_options=options))


def read_predictions(lake: Lake, path: str) -> pa.Table:
    """The PREDICTIONS of one shard of a run. Raises `LakeError` where the file is damaged."""
    try:
        return predictions_from_csv(lake.read_bytes(path))
    except pa.ArrowInvalid as error:
        raise LakeError(f"{lake.url}/{path} is not readable CSV: {error}") from error


def refuse_leaks(rows: pa.Table, where: str) -> None:
    """Raise `TableError` where a prediction claims a month that its cutoff already knew."""
    leaked = rows.filter(pc.less_equal(rows["month"], rows["cutoff_month"]))
    if leaked.num_rows:
        first = leaked.slice(0, 1).to_pylist()[0]
        raise TableError(
            f"{where} has {leaked.num_rows} leaked rows: ({first['merchant_id']}, "
            f"{first['store_id']}, {first['product_id']}) predicts {first['month']:%Y-%m} from a "
            f"cutoff of {first['cutoff_month']:%Y-%m}; a month may only be predicted before it"
        )


def _days(months: Sequence[date]) -> Days:
    return np.array([(month - _EPOCH).days for month in months], dtype=np.int32)


def _dates(days: Days) -> pa.Array[Any]:
    return pa.array(days, pa.int32()).cast(pa.date32())
