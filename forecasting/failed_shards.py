"""Shards that could not be made, and how a run goes on without them.

Where their series are no more than a stated share of the run, each of them is answered by the
simple rule, with the reason in its row. Where not even their histories can be read, they are
missing, and named: in the run's manifest, and one by one in its MISSING. Above that share the run
is not closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from etl.errors import IncompleteError, LakeError, TableError
from etl.lake import Lake
from etl.monthly import monthly_path
from etl.tables import MISSING, SERIES_KEY
from etl.unsold import every_key
from forecasting.fleet import Done
from forecasting.guard import answers
from forecasting.models.seasonal_naive import SeasonalNaive
from forecasting.predictions import cutoff_of
from forecasting.series import read_shard, series_of

__all__ = ["answered_by_rule", "refuse_too_many", "write_missing"]

_SHOWN = 10


def refuse_too_many(
    run_id: str, failed: Sequence[dict[str, Any]], series: int, shards: int, limit: float
) -> None:
    """Raise `IncompleteError` where the failed shards hold more than `limit` of the `series`."""
    share = sum(entry["series"] for entry in failed) / max(series, 1)
    if share <= limit:
        return
    names = ", ".join(str(entry["shard"]) for entry in failed[:_SHOWN])
    more = f" and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
    raise IncompleteError(
        f"run {run_id} lacks the shards {names}{more} of {shards}, {share:.1%} of its series where "
        f"STORECAST_FAILED_SHARDS_LIMIT allows {limit:.1%}; the first says: "
        f"{failed[0]['message']}. Mend that, predict them, then close it again"
    )


def answered_by_rule(
    lake: Lake, run_id: str, shard: int, engine: str, horizon: int
) -> list[Done] | None:
    """Each series of the shard with the simple rule's forecast; None where it cannot be read."""
    try:
        series = list(series_of(read_shard(lake, cutoff_of(run_id), shard)))
    except (LakeError, TableError):
        return None
    done = []
    for one, answer in zip(series, answers(SeasonalNaive(), series, horizon), strict=True):
        forecast = answer.forecast
        if forecast.model != "zero":
            reason = f"engine_failed engine={engine} error=shard_failed served={forecast.model}"
            forecast = replace(forecast, reason=reason)
        done.append(Done(one, forecast))
    return done


def write_missing(
    lake: Lake, run_id: str, shards: Sequence[dict[str, Any]], missing: Sequence[int]
) -> str:
    """Write MISSING: the series of shards that cannot be read; the path.

    The last month's sales and the registry name them: every series is in one of the two, in the
    order of the shards. Where that does not agree with the shards' counts nothing is named.
    """
    cutoff = cutoff_of(run_id)
    keys = every_key(lake, cutoff) if lake.exists(monthly_path(cutoff)) else None
    found, begin = [], 0
    for entry in shards:
        if keys is not None and entry["shard"] in missing:
            found.append(keys.slice(begin, entry["series"]))
        begin += entry["series"]
    agrees = keys is not None and keys.num_rows == begin
    rows = pa.concat_tables(found) if found and agrees else MISSING.empty().select(SERIES_KEY)
    rows = rows.add_column(0, "run_id", pa.array([run_id] * rows.num_rows, pa.string()))
    path = f"predictions/run_id={run_id}/missing.parquet"
    lake.write_table(path, rows, MISSING)
    return path
