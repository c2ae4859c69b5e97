"""Extreme forecasts are flagged before they are published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest

from etl.settings import Settings
from forecasting import engines
from forecasting.flags import flag_of
from forecasting.forecaster import Forecast
from forecasting.predict import close_run, predict_shard


@pytest.mark.parametrize(
    ("history", "ahead", "code"),
    [
        ([10.0] * 12, [21.0] * 12, "extreme_high"),
        ([10.0] * 12, [20.0] * 12, None),
        ([1.0] * 12, [11.0] * 12, None),
        ([1.0] * 12, [11.5] * 12, "extreme_high"),
        ([10.0] * 12, [1.9] * 12, "extreme_low"),
        ([10.0] * 12, [2.0] * 12, None),
        ([1.9] * 12, [0.0] * 12, None),
        ([10.0] * 6, [0.0] * 12, None),
        ([], [3.0] * 12, None),
    ],
)
def test_a_forecast_far_from_all_that_was_sold_is_flagged(history, ahead, code):
    found = flag_of(np.array(history), np.array(ahead))
    assert (found[0] if found else None) == code


@dataclass(frozen=True)
class Tenfold:
    """Ten times the last month."""

    name: str = "tenfold"

    def forecast(self, batch, horizon):
        flat = [np.full((3, horizon), 10 * series.units[-1]) for series in batch]
        return [Forecast(f[0], f, f, self.name) for f in flat]


def test_a_run_is_closed_with_its_flags(make_lake, monkeypatch):
    monkeypatch.setitem(engines.ENGINES, "tenfold", f"{__name__}:Tenfold")
    settings = Settings(engine="tenfold", jobs=1)
    gone = [9.0] * 3 + [0.0] * 21
    lake = make_lake({date(2025, 12, 1): [{"A": np.full(24, 5.0), "GONE": gone, "Z": [1.0]}]})
    predict_shard(lake, "2025-12.1", 0, settings)
    manifest = close_run(lake, "2025-12.1", settings)
    assert manifest["flags"] == {"extreme_high": 1, "extreme_low": 0}
    flags = lake.read_table("predictions/run_id=2025-12.1/flags.parquet").to_pylist()
    assert [(f["product_id"], f["units_forecast"], f["units_expected"]) for f in flags] == [
        ("A", 50.0, 5.0)
    ]
