"""The back-test: what was promised beside what was sold, at every lead time.

Scoring never refits: `score_month` reads the predictions that merchants were shown (every published
run, a *vintage*, that says something of the month) and refuses rows that knew the month already.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import dataset

from etl.errors import IncompleteError
from etl.lake import Lake
from etl.tables import SCORES, SERIES_KEY
from forecasting.predictions import age_of, cutoff_of, read_predictions, refuse_leaks
from forecasting.run_files import run_manifest, runs_with
from forecasting.scoring import beside_rule
from forecasting.series import months_between, read_shard, series_of, shard_manifest
from forecasting.shown import shown_of
from forecasting.summary import Summary

__all__ = ["score_month", "scored_runs", "scores_of", "summarise_month", "vintages"]


def score_month(lake: Lake, month: date) -> dict[str, Any]:
    """Write SCORES of `month` and its summary; the summary.

    Raises `IncompleteError` where the month's sales are not built, and `TableError` where a
    prediction of the month was made from a cutoff that knew it.
    """
    sold = _units_sold(lake, month)
    runs = vintages(lake, month)
    summary, sink = Summary(), io.BytesIO()
    with pq.ParquetWriter(sink, SCORES.schema, compression="zstd") as writer:
        for run_id in runs:
            for scores in _scores_of_run(lake, run_id, month, sold):
                summary.add(scores.to_pandas())
                writer.write_table(scores)
    folder = f"scores/month={month:%Y-%m}"
    lake.write_bytes(f"{folder}/part.parquet", sink.getvalue())
    document = {"month": f"{month:%Y-%m}", "runs": runs, **summary.measures()}
    lake.write_json(f"{folder}/summary.json", document)
    return document


def summarise_month(lake: Lake, month: date, runs: list[str]) -> dict[str, Any]:
    """Write the summary of SCORES that are there already, of those runs; the summary."""
    folder = f"scores/month={month:%Y-%m}"
    summary = Summary()
    with lake.local_files([f"{folder}/part.parquet"]) as (part,), pq.ParquetFile(part) as scores:
        for group in range(scores.num_row_groups):
            rows = scores.read_row_group(group)
            if rows.num_rows:
                summary.add(rows.to_pandas())
    document = {"month": f"{month:%Y-%m}", "runs": runs, **summary.measures()}
    lake.write_json(f"{folder}/summary.json", document)
    return document


def scored_runs(lake: Lake, month: date) -> list[str]:
    """The runs that SCORES of the month are of; none where it is not scored."""
    path = _scores_path(month)
    if not lake.exists(path):
        return []
    with lake.local_files([path]) as (part,):
        runs = pq.read_table(
            part, columns=["run_id"], read_dictionary=["run_id"], partitioning=None
        )
    return sorted(str(run_id) for run_id in pc.unique(runs["run_id"]).to_pylist())


def scores_of(
    lake: Lake, month: date, run_id: str, columns: Sequence[str]
) -> Iterator[pd.DataFrame]:
    """Those columns of SCORES of one run in the month, some thousand rows at a time.

    A month's file has a year of runs of a whole fleet; most of it is passed over unread.
    """
    path = _scores_path(month)
    if not lake.exists(path):
        return
    with lake.local_files([path]) as (part,):
        rows = dataset.dataset(part).scanner(
            columns=list(columns), filter=dataset.field("run_id") == run_id, use_threads=False
        )
        for batch in rows.to_batches():
            if batch.num_rows:
                yield batch.to_pandas()


def _scores_path(month: date) -> str:
    return f"scores/month={month:%Y-%m}/part.parquet"


def vintages(lake: Lake, month: date) -> list[str]:
    """The runs that predict `month` and were shown (`forecasting.shown`), oldest cutoff first."""
    runs = []
    for run_id in runs_with(lake, "manifest.json"):
        horizon = run_manifest(lake, run_id)["horizon"]
        if 0 < months_between(cutoff_of(run_id), month) <= horizon:
            runs.append(run_id)
    return sorted(shown_of(lake, runs), key=age_of)


def _units_sold(lake: Lake, month: date) -> pd.Series[float]:
    """Units by merchant, store and product in the month, from MONTHLY_SALES."""
    path = f"monthly_sales/month={month:%Y-%m}/part.parquet"
    if not lake.exists(path):
        raise IncompleteError(
            f"monthly_sales has no month {month:%Y-%m} to score against; "
            f"build it with python -m etl monthly --month {month:%Y-%m}"
        )
    sales = lake.read_table(path, columns=[*SERIES_KEY, "units_sold"]).to_pandas()
    return sales.set_index(list(SERIES_KEY))["units_sold"].astype(float)


def _scores_of_run(
    lake: Lake, run_id: str, month: date, sold: pd.Series[float]
) -> Iterator[pa.Table]:
    """SCORES of one run, shard by shard."""
    manifest = lake.read_json(f"predictions/run_id={run_id}/manifest.json")
    for entry in manifest["shards"]:
        rows = read_predictions(lake, entry["path"])
        refuse_leaks(rows, entry["path"])
        due = rows.filter(pc.equal(rows["month"], pa.scalar(month))).to_pandas()
        histories = _histories(lake, cutoff_of(run_id), entry["shard"], due)
        yield SCORES.conform(_scores(due, histories, sold))


def _histories(lake: Lake, cutoff: date, number: int, due: pd.DataFrame) -> pa.Table:
    """SHARDS of the series that are due, whichever shard of the cutoff holds them by now.

    It is the one of the same number, unless late orders brought a product and the shards were cut
    again since the run was made: then some series stand in a neighbour. One that is in none has
    been refused at the door since, as a fee, and has no history.
    """
    key = list(SERIES_KEY)
    wanted = pd.MultiIndex.from_frame(due[key])
    numbers = [entry["shard"] for entry in shard_manifest(lake, cutoff)["shards"]]
    found: list[pa.Table] = []
    for near in sorted(numbers, key=lambda one: abs(one - number)):
        shard = read_shard(lake, cutoff, near)
        known = pd.MultiIndex.from_frame(shard.select(key).to_pandas()).isin(wanted)
        found.append(shard.filter(pa.array(known)))
        if sum(table.num_rows for table in found) == len(wanted):
            break
    return pa.concat_tables(found)


def _scores(due: pd.DataFrame, histories: pa.Table, sold: pd.Series[float]) -> pd.DataFrame:
    """PREDICTIONS of one month beside sales, rule, currency and price.

    A product without a row in MONTHLY_SALES was not on sale, and sold none.
    """
    key = list(SERIES_KEY)
    money = histories.select([*key, "currency", "mean_net_price"]).to_pandas()
    found = beside_rule(due, series_of(histories)).merge(money, on=key, validate="m:1")
    units = sold.reindex(pd.MultiIndex.from_frame(found[key])).fillna(0.0)
    return found.assign(units_sold=units.to_numpy())
