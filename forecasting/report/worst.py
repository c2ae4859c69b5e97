"""The products whose forecast missed by most money, with what their charts show."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.errors import IncompleteError
from etl.lake import Lake
from etl.tables import SERIES_KEY
from forecasting.forecaster import add_months
from forecasting.predictions import cutoff_of, read_predictions
from forecasting.run_files import run_manifest
from forecasting.series import shard_manifest

__all__ = ["WORST", "worst_by_money"]

WORST = 20
"""Products that the report shows."""

_HISTORY_MONTHS = 36
_COLUMNS = [
    *("run_id", *SERIES_KEY, "horizon", "category", "currency", "model", "reason"),
    *("units_forecast", "lo80", "hi80", "units_sold", "units_naive", "mean_net_price"),
]


def worst_by_money(lake: Lake, month: date, runs: list[str]) -> list[dict[str, Any]]:
    """The worst misses of the newest run that predicted `month`, worst first.

    Misses in different currencies are compared by their share of what was sold in that currency.
    """
    if not runs:
        return []
    run_id = runs[-1]
    table = lake.read_table(f"scores/month={month:%Y-%m}/part.parquet", columns=_COLUMNS)
    scores = table.filter(pc.equal(table["run_id"], pa.scalar(run_id))).to_pandas()
    worst = _ranked(scores).head(WORST)
    charts = _charts(lake, run_id, {tuple(key) for key in worst[list(SERIES_KEY)].to_numpy()})
    return [row | charts[tuple(row[name] for name in SERIES_KEY)] for row in _plain(worst)]


def _ranked(scores: pd.DataFrame) -> pd.DataFrame:
    price = scores["mean_net_price"].fillna(0.0)
    missed = (scores["units_forecast"] - scores["units_sold"]).abs() * price
    sold = (scores["units_sold"] * price).groupby(scores["currency"]).transform("sum")
    ranked = scores.assign(money_missed=missed, share=missed / sold.where(sold > 0))
    ranked = ranked[ranked["money_missed"] > 0]
    return ranked.sort_values(["share", *SERIES_KEY], ascending=[False, True, True, True])


def _plain(worst: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in worst.to_dict("records")
    ]


def _charts(
    lake: Lake, run_id: str, wanted: set[tuple[Any, ...]]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """History up to the cutoff, and the months ahead as they were promised, of each key."""
    histories, places = _histories(lake, run_id, wanted)
    promised = _promised(lake, run_id, wanted, places)
    return {
        key: _chart(cutoff_of(run_id), histories.get(key, []), ahead)
        for key, ahead in promised.items()
    }


def _histories(
    lake: Lake, run_id: str, wanted: set[tuple[Any, ...]]
) -> tuple[dict[tuple[Any, ...], list[int]], set[int]]:
    """Units sold up to the cutoff by key, and the shards that hold them by now."""
    found, places = {}, set()
    for entry in shard_manifest(lake, cutoff_of(run_id))["shards"] if wanted else []:
        table = lake.read_table(entry["path"], columns=[*SERIES_KEY, "units_sold"])
        for place, key in enumerate(_keys(table)):
            if key in wanted:
                found[key] = table["units_sold"][place].as_py()[-_HISTORY_MONTHS:]
                places.add(entry["shard"])
    return found, places


def _promised(
    lake: Lake, run_id: str, wanted: set[tuple[Any, ...]], places: set[int]
) -> dict[tuple[Any, ...], pd.DataFrame]:
    """PREDICTIONS of each key, looked for in the run's files of the shards `places` first.

    They are there, unless the cutoff's shards were cut again since the run was made. Raises
    `IncompleteError` where the run's files no longer hold one.
    """
    found: dict[tuple[Any, ...], pd.DataFrame] = {}
    entries = run_manifest(lake, run_id)["shards"] if wanted else []
    for entry in sorted(entries, key=lambda entry: entry["shard"] not in places):
        if len(found) == len(wanted):
            break
        rows = read_predictions(lake, entry["path"])
        rows = rows.filter(pa.array([key in wanted for key in _keys(rows)], pa.bool_()))
        found |= dict(list(rows.to_pandas().groupby(list(SERIES_KEY))))
    if lacking := wanted - found.keys():
        raise IncompleteError(
            f"run {run_id} no longer holds {min(lacking)}, which it was scored for; score the "
            "month again"
        )
    return found


def _keys(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in SERIES_KEY), strict=True))


def _chart(cutoff: date, units: list[int], ahead: pd.DataFrame) -> dict[str, Any]:
    return {
        "first_month": f"{add_months(cutoff, 1 - len(units)):%Y-%m}",
        "units_before": units,
        "months_ahead": [f"{one:%Y-%m}" for one in ahead["month"]],
        **{
            f"{name}_ahead": ahead[name].round(3).tolist()
            for name in ("units_forecast", "lo80", "hi80")
        },
    }
