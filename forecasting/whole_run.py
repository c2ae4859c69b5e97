"""Is a run whole: each file the one its task told of, each series of the cutoff in it once?

Counts alone would not see a file that was replaced, or two errors that make up for each other.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from etl.errors import IncompleteError
from etl.lake import Lake
from etl.tables import SERIES_KEY
from forecasting.predictions import cutoff_of
from forecasting.series import read_shard
from forecasting.shard_notes import made_of

__all__ = ["refuse_other_series"]

_SHOWN = 3


def refuse_other_series(
    lake: Lake,
    run_id: str,
    shards: Sequence[dict[str, Any]],
    told: Sequence[dict[str, Any]],
    horizon: int,
) -> None:
    """Raise `IncompleteError` unless the files hold exactly the series of their shards.

    `shards` are entries of the cutoff's manifest, `told` what `describe_shard` says of each file.
    """
    hashes = []
    for entry, file in zip(shards, told, strict=True):
        _refuse_another_file(lake, run_id, entry, file)
        keys = _keys_of_shard(lake, run_id, entry["shard"])
        _refuse_other_keys(keys, _keys_of_file(lake, file["path"]), file, horizon)
        hashes.append(pd.util.hash_pandas_object(keys, index=False).to_numpy())
    _refuse_shared(run_id, [entry["shard"] for entry in shards], hashes)


def _refuse_another_file(
    lake: Lake, run_id: str, entry: dict[str, Any], file: dict[str, Any]
) -> None:
    """A file that another hand wrote, or that was made before its shard was cut anew."""
    made = made_of(lake, run_id, entry["shard"])
    if made is None:
        return
    if made["told"]["sha256"] != file["sha256"]:
        raise IncompleteError(
            f"{file['path']} is not the file that its task wrote; predict shard "
            f"{entry['shard']} of {run_id} again"
        )
    if made["made_from"].partition(" ")[0] != entry["hash"]:
        raise IncompleteError(
            f"{file['path']} was made before {entry['path']} was cut anew; predict shard "
            f"{entry['shard']} of {run_id} again"
        )


def _keys_of_shard(lake: Lake, run_id: str, shard: int) -> pd.DataFrame:
    return read_shard(lake, cutoff_of(run_id), shard).select(list(SERIES_KEY)).to_pandas()


def _keys_of_file(lake: Lake, path: str) -> pd.DataFrame:
    """Key and horizon of each row; nothing else is parsed."""
    options = csv.ConvertOptions(
        column_types=dict.fromkeys(SERIES_KEY, pa.string()),
        include_columns=[*SERIES_KEY, "horizon"],
        strings_can_be_null=False,
    )
    content = io.BytesIO(lake.read_bytes(path))
    return csv.read_csv(content, convert_options=options).to_pandas()


def _refuse_other_keys(
    wanted: pd.DataFrame, rows: pd.DataFrame, file: dict[str, Any], horizon: int
) -> None:
    months = rows.groupby(list(SERIES_KEY), sort=False)["horizon"].agg(["size", "nunique", "max"])
    whole = (months == horizon).all(axis=1)
    found, expected = set(months.index), set(wanted.itertuples(index=False, name=None))
    wrong = {
        "lacks": expected - found,
        "has, beside those of its shard,": found - expected,
        "has other months than it should of": set(months.index[~whole]),
    }
    for what, keys in wrong.items():
        if keys:
            names = "; ".join(", ".join(key) for key in sorted(keys)[:_SHOWN])
            more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
            raise IncompleteError(
                f"{file['path']} {what} {names}{more}; predict shard {file['shard']} again"
            )


def _refuse_shared(run_id: str, shards: Sequence[int], hashes: Sequence[Any]) -> None:
    """A series that two shards hold, or one holds twice, told by hashes of 64 bits."""
    everything = np.concatenate([*hashes, np.array([], dtype=np.uint64)])
    order = np.argsort(everything, kind="stable")
    twins = np.flatnonzero(np.diff(everything[order]) == 0)
    if twins.size:
        of_shard = np.repeat(shards, [len(part) for part in hashes])
        first, second = of_shard[order[twins[0]]], of_shard[order[twins[0] + 1]]
        raise IncompleteError(
            f"{twins.size} series of run {run_id} stand in two shards, the first in {first} and "
            f"{second}; cut the shards of {cutoff_of(run_id):%Y-%m} again"
        )
