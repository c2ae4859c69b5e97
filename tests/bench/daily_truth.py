"""The demand that the sample's orders were drawn around: more than any forecast can know."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from daily_sets import HORIZON

from etl.sample import make
from forecasting.daily.series import DailySeries
from forecasting.forecaster import Vector

__all__ = ["true_demand"]

SHARE_KEPT = 0.97
"""Of the units wanted; the others are cancelled."""


def true_demand(known: DailySeries) -> Vector:
    """Mean units of the seven days after a series of the sample, shape (HORIZON,)."""
    rows, days, expected = _drawn()
    start = days.get_loc(pd.Timestamp(known.first_date) + pd.Timedelta(days=known.days))
    units: Vector = SHARE_KEPT * expected[rows[known.key], start : start + HORIZON]
    return units


@cache
def _drawn() -> tuple[dict[tuple[str, str, str], int], pd.DatetimeIndex, np.ndarray]:
    """Row of each product, the days, and the expected units of each product and day."""
    seen = {}

    def keep(listings, days, prices, rng):
        seen["listings"], seen["days"] = listings, days
        seen["expected"] = expected_demand(listings, days, prices, rng)
        return seen["expected"]

    expected_demand = make.expected_demand
    with tempfile.TemporaryDirectory() as folder, patch.object(make, "expected_demand", keep):
        make.make_sample(Path(folder))
    names = seen["listings"][["merchant_id", "store_id", "product_id"]]
    rows = {key: row for row, key in enumerate(names.itertuples(index=False, name=None))}
    return rows, pd.DatetimeIndex(seen["days"]), seen["expected"]
