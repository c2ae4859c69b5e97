"""The totals of a run in the lake, from its shards and from how earlier runs missed together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from etl.lake import Lake
from etl.tables import SERIES_KEY, TOTALS
from forecasting.backtest import scored_runs, scores_of
from forecasting.dependence import Dependence, measure_dependence, store_sums, with_stores
from forecasting.forecaster import add_months
from forecasting.hierarchy import Totals
from forecasting.predictions import age_of, cutoff_of, read_predictions
from forecasting.series import months_between, read_shard

__all__ = ["write_totals"]

_MONTHS_MEASURED = 6
_LEADS_MEASURED = 3
_ROWS_MEASURED = 100_000
"""Of a run in a month."""

_COLUMNS = [
    *SERIES_KEY,
    *("cutoff_month", "month", "units_forecast", "lo95", "hi95", "units_sold"),
]


def write_totals(lake: Lake, run_id: str, paths: Mapping[int, str]) -> dict[str, Any]:
    """Write TOTALS of the run whose shards have files at `paths`; where, and what they assume."""
    cutoff = cutoff_of(run_id)
    dependence = _measured(lake, cutoff)
    totals = Totals(dependence)
    for number, path in paths.items():
        shard = read_shard(lake, cutoff, number)
        labels = shard.select([*SERIES_KEY, "category"]).to_pandas()
        rows = read_predictions(lake, path).to_pandas()
        rows = rows.merge(labels, on=list(SERIES_KEY), validate="m:1")
        if len(rows):
            totals.add(rows, rows["category"])
    target = f"predictions/run_id={run_id}/totals.parquet"
    lake.write_table(target, totals.table(run_id), TOTALS)
    return {"path": target, "correlations": _of_all(dependence)}


def _of_all(dependence: Dependence) -> dict[str, float]:
    """What holds for all stores, for the manifest."""
    return {
        "within_store": dependence.within_store,
        "between_stores": dependence.between_stores,
        "between_months": dependence.between_months,
        "spread": dependence.spread,
    }


def _measured(lake: Lake, cutoff: date) -> Dependence:
    """How misses of the last scored months before the run went together, in all and by store."""
    scores, sums = [], []
    for back in range(_MONTHS_MEASURED):
        month = add_months(cutoff, -back)
        for run_id in _newest_runs(lake, month):
            told = pd.concat(list(scores_of(lake, month, run_id, _COLUMNS)))
            scores.append(_sampled(told))
            sums.append(store_sums(told))
    if not scores:
        return Dependence()
    return with_stores(measure_dependence(pd.concat(scores)), pd.concat(sums))


def _newest_runs(lake: Lake, month: date) -> list[str]:
    """The newest scored run of each cutoff shortly before the month.

    With an older one beside it, a product would count as two that miss together.
    """
    runs = sorted(scored_runs(lake, month), key=age_of)
    newest = {cutoff_of(run_id): run_id for run_id in runs}
    return [
        run_id
        for cutoff, run_id in newest.items()
        if months_between(cutoff, month) <= _LEADS_MEASURED
    ]


def _sampled(scores: pd.DataFrame) -> pd.DataFrame:
    """Whole stores, chosen by a hash, down to a bounded number of rows."""
    share = _ROWS_MEASURED / max(len(scores), 1)
    stores = pd.util.hash_pandas_object(scores[["merchant_id", "store_id"]], index=False)
    return scores[stores.to_numpy() / 2**64 < share]
