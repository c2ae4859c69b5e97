"""Fitted daily models in the lake: one small JSON document a series, found by its key.

`models/daily/merchant_id=M/store_id=S/<hash of the product>.json` is a row of DAILY_MODELS. A
document is replaced whole; two workers that train the same series write the same bytes.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from etl.errors import LakeError
from etl.lake import Lake
from etl.tables import DAILY_MODELS
from forecasting.daily.series import DailySeries, data_hash

__all__ = ["DailyModel", "DailyModels", "model_path"]

_LOG = logging.getLogger(__name__)

_THREADS = 8


@dataclass(frozen=True)
class DailyModel:
    """One series' model: its JSON, the hash of what it saw, its configuration and when."""

    model: str
    data_hash: str
    configuration: str
    trained_at: datetime | None

    def fits(self, series: DailySeries, configuration: str) -> bool:
        """Whether it was made from this very history under this configuration."""
        return self.configuration == configuration and self.data_hash == data_hash(series)


@dataclass(frozen=True)
class DailyModels:
    """The daily models of a lake."""

    lake: Lake

    def load(self, series: Iterable[DailySeries]) -> list[DailyModel | None]:
        """The model of each series, in order; None where none is kept."""
        with ThreadPoolExecutor(_THREADS) as readers:
            return list(readers.map(self.load_one, series))

    def load_one(self, series: DailySeries) -> DailyModel | None:
        """The model of one series; None where none is kept, or what is kept is damaged."""
        path = model_path(*series.key)
        if not self.lake.exists(path):
            return None
        try:
            row: dict[str, Any] = self.lake.read_json(path)
            trained = row["trained_at"] and datetime.fromisoformat(row["trained_at"])
            return DailyModel(row["model"], row["data_hash"], row["configuration"], trained)
        except (LakeError, KeyError, ValueError) as error:
            _LOG.warning("%s is damaged and trained anew: %s", path, error)
            return None

    def save(self, series: DailySeries, model: DailyModel) -> None:
        """Keep the model of one series, in place of the one before."""
        trained = model.trained_at and model.trained_at.astimezone(UTC).isoformat()
        row = {
            "merchant_id": series.merchant_id,
            "store_id": series.store_id,
            "product_id": series.product_id,
            "data_until": series.cutoff_date.isoformat(),
            "data_hash": model.data_hash,
            "configuration": model.configuration,
            "trained_at": trained,
            "model": model.model,
        }
        self.lake.write_json(
            model_path(*series.key), {name: row[name] for name in DAILY_MODELS.names}
        )


def model_path(merchant_id: str, store_id: str, product_id: str) -> str:
    """Where the model of a series is; any product id makes a file name."""
    name = hashlib.sha256(product_id.encode()).hexdigest()[:24]
    return f"models/daily/merchant_id={merchant_id}/store_id={store_id}/{name}.json"
