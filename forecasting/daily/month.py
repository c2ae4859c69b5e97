"""Do the coming days agree with what the month was promised to sell?

The open month's pace is what it has sold, what the next seven days are expected to sell, and the
same week repeated to its end. Inside the 80 % interval of the month's forecast, the days agree
with it. Outside, the days stand, because they know more than the month did, and the reason says
so: `above_month month=… pace=… upper=…`, or `below_month … lower=…`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from etl.lake import Lake
from etl.ledger import month_days
from forecasting.daily.series import DailySeries
from forecasting.forecaster import Forecast
from forecasting.predictions import cutoff_of, read_predictions
from forecasting.shown import last_shown

__all__ = ["MonthForecast", "agreed", "month_forecasts", "open_month"]


@dataclass(frozen=True)
class MonthForecast:
    """What a run said of one product's month, with its 80 % interval."""

    month: date
    units: float
    lower: float
    upper: float


def open_month(cutoff_date: date) -> date:
    """The first day of the month that the day after the cutoff is in."""
    return date.fromordinal(cutoff_date.toordinal() + 1).replace(day=1)


def month_forecasts(
    lake: Lake, merchant_id: str, store_id: str, month: date
) -> Mapping[str, MonthForecast]:
    """By product, what the latest run that was shown says of `month`; nothing where none does."""
    run = _latest_run(lake, month)
    if run is None:
        return {}
    shards = [entry["path"] for entry in lake.read_json(f"{run}/manifest.json")["shards"]]
    found = {}
    for path in _shards_of(lake, shards, merchant_id):
        rows = read_predictions(lake, path)
        own = pc.and_(
            pc.equal(rows.column("merchant_id"), pa.scalar(merchant_id)),
            pc.equal(rows.column("store_id"), pa.scalar(store_id)),
        )
        told = rows.filter(pc.and_(own, pc.equal(rows.column("month"), pa.scalar(month))))
        for row in told.to_pylist():
            found[row["product_id"]] = MonthForecast(
                month, row["units_forecast"], row["lo80"], row["hi80"]
            )
    return found


def agreed(forecast: Forecast, series: DailySeries, promised: MonthForecast | None) -> Forecast:
    """The forecast, its reason saying where the open month leaves what was promised."""
    if promised is None:
        return forecast
    pace = _pace(forecast, series, promised.month)
    if pace > promised.upper:
        told = (
            f"above_month month={promised.month:%Y-%m} pace={pace:.1f} upper={promised.upper:.1f}"
        )
    elif pace < promised.lower:
        told = (
            f"below_month month={promised.month:%Y-%m} pace={pace:.1f} lower={promised.lower:.1f}"
        )
    else:
        return forecast
    code, _, parameters = forecast.reason.partition(" ")
    # Last, because a fallback's parameters have a `served` of their own, which is the lesser news.
    return replace(forecast, reason=" ".join(filter(None, [told, parameters, f"served={code}"])))


def _pace(forecast: Forecast, series: DailySeries, month: date) -> float:
    """Units of the whole month, as they were sold and as they are expected."""
    first, last = month_days(month)
    start = max((first - series.first_date).days, 0)
    rest = (last - series.cutoff_date).days
    week = len(forecast.units)
    ahead = sum(float(forecast.units[n % week]) for n in range(rest))
    return float(series.units[start:].sum()) + ahead


def _latest_run(lake: Lake, month: date) -> str | None:
    """The folder of the last shown run whose cutoff is before `month`."""
    names = [name for name in lake.folders("predictions") if name.startswith("run_id=")]
    runs = [name.removeprefix("run_id=") for name in names]
    run = last_shown(lake, [run for run in runs if cutoff_of(run) < month])
    return run and f"predictions/run_id={run}"


def _shards_of(lake: Lake, shards: list[str], merchant_id: str) -> list[str]:
    """The shards that may hold series of the merchant, by whom shards are sorted.

    Found by halving, so that a fleet of thousands of shards costs a dozen looks.
    """
    low, high = 0, len(shards)
    while low < high:
        middle = (low + high) // 2
        if _ends(lake, shards[middle])[1] < merchant_id:
            low = middle + 1
        else:
            high = middle
    found = []
    for path in shards[low:]:
        if _ends(lake, path)[0] > merchant_id:
            break
        found.append(path)
    return found


def _ends(lake: Lake, path: str) -> tuple[str, str]:
    """The merchants of a shard's first and last row; what lies between is not parsed.

    A row is told by its run, which stands first: the name of a product may hold a line's end.
    """
    header, *lines = lake.read_bytes(path).decode().split("\n")
    place = next(csv.reader([header])).index("merchant_id")
    run = lines[0].partition(",")[0]
    last = next(line for line in reversed(lines) if line.startswith(f"{run},"))
    first, end = (next(csv.reader([line]))[place] for line in (lines[0], last))
    return first, end
