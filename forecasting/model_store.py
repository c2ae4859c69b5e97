"""Fitted models in the lake: parameters by series, cutoff and configuration, never pickles.

`models/engine=E/configuration=C/cutoff_month=YYYY-MM/shard=0000.parquet` holds MODELS; the
`manifest.json` beside the shards, written when the run is closed, says which keys are in which.
The next month starts from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from etl.lake import Lake
from etl.tables import MODELS, SERIES_KEY
from forecasting.forecaster import Series

__all__ = ["ModelStore", "StoredModel", "data_hash"]

Key = tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class StoredModel:
    """One series with the JSON of the model that was fitted to it."""

    series: Series
    model: str


def data_hash(series: Series) -> str:
    """Sixteen hexadecimal digits of a history: its first month and its units.

    >>> import numpy as np
    >>> data_hash(Series("M1", "S1", "P1", date(2025, 1, 1), np.array([1.0, 2.0])))
    '6ab4bdf5ec9e3536'
    """
    digest = hashlib.sha256(series.first_month.isoformat().encode())
    digest.update(series.units.astype("<f8").tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class ModelStore:
    """The models of one engine under one configuration."""

    lake: Lake
    engine: str
    configuration: str

    def save(
        self,
        cutoff_month: date,
        shard: int,
        models: Iterable[StoredModel],
        trained_at: datetime | None = None,
    ) -> str:
        """Keep the models of one shard, in place of what was kept of it; the path in the lake."""
        rows = [
            (*m.series.key, cutoff_month, m.model, data_hash(m.series), trained_at) for m in models
        ]
        table = pa.Table.from_pylist(
            [dict(zip(MODELS.names, row, strict=True)) for row in rows], schema=MODELS.schema
        )
        path = f"{self._folder(cutoff_month)}/shard={shard:04}.parquet"
        self.lake.write_table(path, table, MODELS)
        return path

    def close(self, cutoff_month: date, shards: Iterable[int]) -> None:
        """Say which keys are in which of the shards, so that `load` reads no others."""
        entries = []
        for shard in shards:
            path = f"{self._folder(cutoff_month)}/shard={shard:04}.parquet"
            if not self.lake.exists(path):
                continue
            keys = _keys(self.lake.read_table(path, columns=list(SERIES_KEY)).to_pandas())
            if keys:
                entries.append({"path": path, "first": min(keys), "last": max(keys)})
        self.lake.write_json(self._manifest(cutoff_month), {"shards": entries})

    def load(self, cutoff_month: date, keys: Sequence[Key]) -> dict[Key, str]:
        """The model of each of `keys` that has one of that cutoff; none where no run was closed."""
        if not keys or not self.lake.exists(self._manifest(cutoff_month)):
            return {}
        wanted, first, last = set(keys), min(keys), max(keys)
        found: dict[Key, str] = {}
        for entry in self.lake.read_json(self._manifest(cutoff_month))["shards"]:
            if tuple(entry["first"]) <= last and first <= tuple(entry["last"]):
                found |= self._load_shard(entry, wanted)
        return found

    def find(self, cutoff_month: date, key: Key) -> dict[str, Any] | None:
        """The row of MODELS of one series, with the `path` of its file; None where none is kept."""
        if not self.lake.exists(self._manifest(cutoff_month)):
            return None
        for entry in self.lake.read_json(self._manifest(cutoff_month))["shards"]:
            if tuple(entry["first"]) <= key <= tuple(entry["last"]):
                for row in self.lake.read_table(entry["path"]).to_pylist():
                    if tuple(row[name] for name in SERIES_KEY) == key:
                        return {"path": entry["path"], **row}
        return None

    def _load_shard(self, entry: dict[str, Any], wanted: set[Key]) -> dict[Key, str]:
        table = self.lake.read_table(entry["path"], columns=[*SERIES_KEY, "model"]).to_pandas()
        models = zip(_keys(table), table["model"], strict=True)
        return {key: model for key, model in models if key in wanted}

    def _folder(self, cutoff_month: date) -> str:
        return (
            f"models/engine={self.engine}/configuration={self.configuration}"
            f"/cutoff_month={cutoff_month:%Y-%m}"
        )

    def _manifest(self, cutoff_month: date) -> str:
        return f"{self._folder(cutoff_month)}/manifest.json"


def _keys(rows: pd.DataFrame) -> list[Key]:
    return list(zip(*(rows[name] for name in SERIES_KEY), strict=True))
