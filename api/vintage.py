"""A run as the forecasting room left it in the lake, read shard by shard and checked on the way.

A run's manifest names its files with their counts and hashes. What does not agree with it raises
`IncompleteError` before any reader sees it.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from etl.errors import IncompleteError, InputError
from etl.lake import Lake
from etl.tables import FORECAST_COLUMNS, PREDICTIONS, SERIES_KEY

__all__ = ["BOUNDS", "Run", "RunShard", "ShardForecasts", "read_run", "read_shards"]

BOUNDS = tuple(c.name for c in FORECAST_COLUMNS if c.type == pa.float64())
"""The numbers of a forecast: the point and the ends of its intervals."""

_REPEATED_COLUMNS = ("merchant_id", "store_id", "category", "currency", "first_month", "active")
_SERIES_COLUMNS = [
    *_REPEATED_COLUMNS,
    "product_id",
    "mean_net_price",
    "units_sold",
    "days_out_of_stock",
]
_RUN_ID = re.compile(r"(\d{4})-(\d{2})\.(\d+)")


@dataclass(frozen=True)
class RunShard:
    """One prediction file of a run, as its manifest describes it."""

    number: int
    path: str
    sha256: str
    series: int
    units: float


@dataclass(frozen=True)
class Run:
    """A complete run: its name, cutoff, engine, files, and the fingerprint of its manifest."""

    run_id: str
    cutoff_month: date
    engine: str
    digest: str
    shards: tuple[RunShard, ...]

    @property
    def series(self) -> int:
        """Series of all shards."""
        return sum(shard.series for shard in self.shards)

    @property
    def units(self) -> float:
        """Units forecast of all shards, all months."""
        return sum(shard.units for shard in self.shards)


@dataclass(frozen=True, eq=False)
class ShardForecasts:
    """Forecasts of n series beside the series that they were made from.

    Each series also has `empty_shelves`: month's place in the history to days with an empty shelf,
    None where the marketplace does not tell.

    `numbers` has shape (n, horizon) for each name of `BOUNDS`; `series` holds the `SHARDS` row of
    each, as a dictionary, in the same order.
    """

    keys: list[tuple[str, str, str]]
    months: list[Any]
    numbers: dict[str, NDArray[np.float64]]
    models: list[Any]
    reasons: list[Any]
    series: list[dict[str, Any]]


def read_run(lake: Lake, run_id: str) -> Run:
    """The run of that name. Raises `InputError` for a bad name, `LakeError` where it is missing."""
    match = _RUN_ID.fullmatch(run_id)
    if match is None:
        raise InputError(
            f"a run is named by cutoff month and revision, as in 2026-10.1; found {run_id!r}"
        )
    path = f"predictions/run_id={run_id}/manifest.json"
    manifest = lake.read_json(path)
    if "removed_at" in manifest:
        raise InputError(
            f"the files of run {run_id} were kept until {manifest['removed_at']} "
            "(STORECAST_KEEP_RUNS_MONTHS) and are gone; predict that month anew"
        )
    try:
        shards = tuple(
            RunShard(
                int(entry["shard"]),
                entry["path"],
                entry["sha256"],
                int(entry["series"]),
                float(entry["units_forecast"]),
            )
            for entry in manifest["shards"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise IncompleteError(
            f"{lake.url}/{path} lacks {error} for a shard; close the run again: "
            f"`python -m forecasting close --run {run_id}`"
        ) from error
    cutoff = date(int(match[1]), int(match[2]), 1)
    digest = hashlib.sha256(lake.read_bytes(path)).hexdigest()
    return Run(run_id, cutoff, str(manifest.get("engine", "")), digest, shards)


def read_shards(lake: Lake, run: Run, shards: Sequence[RunShard]) -> ShardForecasts:
    """The forecasts of `shards` and their series, checked against the manifest."""
    rows = _by_series(pa.concat_tables([_read_predictions(lake, run, shard) for shard in shards]))
    horizon = pc.max(rows["horizon"]).as_py() or 0
    months = rows["month"].slice(0, horizon).to_pylist()
    firsts = rows.take(np.arange(0, rows.num_rows, max(horizon, 1)))
    keys = list(zip(*(_texts(firsts[name]) for name in SERIES_KEY), strict=True))
    _check_shape(run, rows, horizon, keys, sum(shard.series for shard in shards))
    return ShardForecasts(
        keys,
        months,
        {name: rows[name].to_numpy().reshape(len(keys), horizon) for name in BOUNDS},
        _texts(firsts["model"]),
        _texts(firsts["reason"]),
        _read_series(lake, run, shards, keys),
    )


def _read_predictions(lake: Lake, run: Run, shard: RunShard) -> pa.Table:
    content = lake.read_bytes(shard.path)
    found = hashlib.sha256(content).hexdigest()
    if found != shard.sha256:
        raise IncompleteError(
            f"{shard.path} has changed since run {run.run_id} was closed (sha256 {found[:12]}…, "
            f"manifest {shard.sha256[:12]}…); predict that shard again and close the run"
        )
    options = pacsv.ConvertOptions(
        column_types=PREDICTIONS.schema,
        strings_can_be_null=False,
        include_columns=PREDICTIONS.names,
    )
    # Threads on a file of a few megabytes cost more than they gain; loading has a process per core.
    alone = pacsv.ReadOptions(use_threads=False)
    try:
        return pacsv.read_csv(io.BytesIO(content), alone, convert_options=options)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise IncompleteError(f"{shard.path} is not a predictions file: {error}") from error


def _by_series(rows: pa.Table) -> pa.Table:
    """Rows series by series, months in order; nothing is moved where they stand so already."""
    horizon = pc.max(rows["horizon"]).as_py() or 0
    if horizon and rows.num_rows % horizon == 0:
        place = rows["horizon"].to_numpy().reshape(-1, horizon)
        first, last = rows.slice(0), rows.slice(horizon - 1)
        step = np.arange(0, rows.num_rows, horizon)
        same = all(first[n].take(step).equals(last[n].take(step)) for n in SERIES_KEY)
        if same and bool((place == np.arange(1, horizon + 1)).all()):
            return rows
    return rows.sort_by([(name, "ascending") for name in (*SERIES_KEY, "horizon")])


def _check_shape(
    run: Run, rows: pa.Table, horizon: int, keys: list[tuple[str, str, str]], expected: int
) -> None:
    """Every series of the manifest is there once, with the same months ahead, nothing empty."""
    whole = rows.num_rows == len(keys) * horizon and len(set(keys)) == len(keys) == expected
    places = np.tile(np.arange(1, horizon + 1), len(keys) if whole else 0)
    if not whole or not np.array_equal(rows["horizon"].to_numpy(), places):
        raise IncompleteError(
            f"run {run.run_id} has {rows.num_rows} rows for {expected} series of {horizon} months; "
            "predict its shards again and close the run"
        )
    empty = [name for name in rows.column_names if rows[name].null_count]
    if empty:
        raise IncompleteError(
            f"run {run.run_id} has empty values in {', '.join(empty)}; "
            "predict its shards again and close the run"
        )
    runs, cutoffs = rows["run_id"].unique().to_pylist(), rows["cutoff_month"].unique().to_pylist()
    if rows.num_rows and (runs != [run.run_id] or cutoffs != [run.cutoff_month]):
        raise IncompleteError(
            f"files of run {run.run_id} hold rows of {runs} with cutoff {cutoffs}; "
            "predict its shards again and close the run"
        )


def _read_series(
    lake: Lake, run: Run, shards: Sequence[RunShard], keys: list[tuple[str, str, str]]
) -> list[dict[str, Any]]:
    """The series that the forecasts were made from, one for each key."""
    folder = f"shards/cutoff_month={run.cutoff_month:%Y-%m}"
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for shard in shards:
        table = lake.read_table(f"{folder}/shard={shard.number:04d}.parquet", _SERIES_COLUMNS)
        columns: dict[str, list[Any]] = {n: _repeated(table[n]) for n in _REPEATED_COLUMNS}
        columns["product_id"] = _texts(table["product_id"])
        columns["mean_net_price"] = _numbers_or_none(table["mean_net_price"])
        columns["units_sold"] = _lists(table["units_sold"].combine_chunks())
        columns["empty_shelves"] = _empty_shelves(table["days_out_of_stock"].combine_chunks())
        names = tuple(columns)
        own = zip(*(columns[name] for name in SERIES_KEY), strict=True)
        rows = zip(*columns.values(), strict=True)
        for key, row in zip(own, rows, strict=True):
            found[key] = dict(zip(names, row, strict=True))
    try:
        return [found[key] for key in keys]
    except KeyError as error:
        raise IncompleteError(
            f"run {run.run_id} forecasts {error} which {folder} does not hold; "
            "build the shards of that month and predict again"
        ) from error


def _texts(column: pa.ChunkedArray[Any]) -> list[Any]:
    """Values without gaps as Python has them; by way of numpy, which is quick."""
    values: list[Any] = column.to_numpy().tolist()
    return values


def _repeated(column: pa.ChunkedArray[Any]) -> list[Any]:
    """The same of a column of few values: each of them is made once."""
    encoded = column.combine_chunks().dictionary_encode()
    values = encoded.dictionary.to_pylist()
    return [values[place] for place in encoded.indices.to_numpy().tolist()]


def _numbers_or_none(column: pa.ChunkedArray[Any]) -> list[float | None]:
    """Numbers, None where there is none."""
    return [None if math.isnan(number) else number for number in column.to_numpy().tolist()]


def _lists(vectors: pa.Array[Any]) -> list[list[int]]:
    """Lists of whole numbers as Python has them; by way of one flat vector, which is quick."""
    flat = pc.list_flatten(vectors).to_numpy(zero_copy_only=False).tolist()
    ends = np.cumsum(pc.list_value_length(vectors).to_numpy(zero_copy_only=False)).tolist()
    return [flat[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _empty_shelves(days: pa.Array[Any]) -> list[dict[int, int] | None]:
    """For each list of days: place to days where there were any; None where nothing is told."""
    flat = np.asarray(pc.list_flatten(days).to_numpy(zero_copy_only=False), float)
    owner = pc.list_parent_indices(days).to_numpy()
    lengths = pc.list_value_length(days).to_numpy(zero_copy_only=False)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    told = np.zeros(len(days), bool)
    told[owner[~np.isnan(flat)]] = True
    shelves: list[dict[int, int]] = [{} for _ in range(len(days))]
    some = flat > 0
    for row, at, count in zip(owner[some], place[some], flat[some], strict=True):
        shelves[row][int(at)] = int(count)
    return [found if known else None for found, known in zip(shelves, told.tolist(), strict=True)]
