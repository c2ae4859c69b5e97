"""Do the coming days agree with the month's forecast?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa

from etl.lake import Lake
from etl.tables import PREDICTIONS
from forecasting.daily import month
from forecasting.daily.month import MonthForecast, agreed, month_forecasts, open_month
from forecasting.forecaster import Forecast
from forecasting.predictions import predictions_to_csv, read_predictions
from forecasting.shown import note_shown

MARCH = date(2025, 3, 1)


def week(units: float) -> Forecast:
    band = np.full((3, 7), units)
    return Forecast(np.full(7, units), band, band, "daily", "raced class=smooth")


def reason_of(make_daily, promised: MonthForecast | None) -> str:
    """64 days from 6 January: the cutoff is 10 March; ten days of March sold 20, 21 are to come."""
    return agreed(week(3.0), make_daily(np.full(64, 2.0)), promised).reason


def test_the_pace_is_what_was_sold_and_the_week_ahead_to_the_months_end(make_daily):
    assert reason_of(make_daily, MonthForecast(MARCH, 60, 50, 70)) == (
        "above_month month=2025-03 pace=83.0 upper=70.0 class=smooth served=raced"
    )
    assert reason_of(make_daily, MonthForecast(MARCH, 100, 90, 120)).startswith(
        "below_month month=2025-03 pace=83.0 lower=90.0"
    )


def test_that_an_engine_failed_is_still_told(make_daily):
    failed = replace(week(3.0), reason="engine_failed engine=daily served=weekday_naive")
    reason = agreed(failed, make_daily(np.full(64, 2.0)), MonthForecast(MARCH, 60, 50, 70)).reason
    assert reason.endswith("served=weekday_naive served=engine_failed")


def test_inside_the_interval_and_without_a_promise_the_days_stand_as_they_are(make_daily):
    for promised in (MonthForecast(MARCH, 80, 70, 90), None):
        assert reason_of(make_daily, promised) == "raced class=smooth"


def test_on_the_last_day_of_a_month_the_next_one_is_open():
    assert open_month(date(2025, 2, 28)) == MARCH
    assert open_month(date(2025, 2, 27)) == date(2025, 2, 1)


def run(lake: Lake, name: str, shards: list[list[tuple[str, str, str]]], units: float) -> None:
    entries = []
    for number, keys in enumerate(shards):
        rows = [
            {
                **dict.fromkeys((c.name for c in PREDICTIONS.columns[7:14]), units),
                "run_id": name,
                "merchant_id": merchant,
                "store_id": store,
                "product_id": product,
                "cutoff_month": date(2025, 2, 1),
                "month": ahead,
                "horizon": horizon,
                "model": "ets",
                "reason": "",
            }
            for merchant, store, product in keys
            for horizon, ahead in ((1, MARCH), (2, date(2025, 4, 1)))
        ]
        path = f"predictions/run_id={name}/shard={number:04}.csv"
        table = PREDICTIONS.conform(pa.Table.from_pylist(rows, PREDICTIONS.schema))
        lake.write_bytes(path, predictions_to_csv(table))
        entries.append({"path": path})
    lake.write_json(f"predictions/run_id={name}/manifest.json", {"shards": entries})


def test_the_latest_closed_run_is_found_among_many_shards(tmp_path):
    lake = Lake(tmp_path)
    run(lake, "2025-01.1", [[("M2", "S1", "A")]], 1.0)
    shards = [[(f"M{n}", "S1", "A"), (f"M{n}", "S2", "A")] for n in range(5)]
    run(lake, "2025-02.1", [*shards[:2], [("M1", "S1", "B"), ("M2", "S1", "B")], *shards[2:]], 7.0)
    lake.write_json("predictions/run_id=2025-02.2/survey.json", {})
    found = month_forecasts(lake, "M2", "S1", MARCH)
    assert {product: told.units for product, told in found.items()} == {"A": 7.0, "B": 7.0}


def test_a_run_that_the_merchant_was_not_shown_promises_nothing(tmp_path):
    lake = Lake(tmp_path)
    for revision in (1, 2, 10):
        run(lake, f"2025-02.{revision}", [[("M1", "S1", "A")]], float(revision))
    lake.write_json("predictions/run_id=2025-02.10/plan.json", {"held": True})
    assert month_forecasts(lake, "M1", "S1", MARCH)["A"].units == 2.0
    note_shown(lake, "2025-02.1")
    assert month_forecasts(lake, "M1", "S1", MARCH)["A"].units == 1.0
    note_shown(lake, "2025-02.10")
    assert month_forecasts(lake, "M1", "S1", MARCH)["A"].units == 10.0


def test_of_many_shards_only_the_merchants_own_are_parsed(tmp_path, monkeypatch):
    lake = Lake(tmp_path)
    run(lake, "2025-02.1", [[(f"M{n:02}", "S1", 'A,\n"B"')] for n in range(40)], 7.0)
    parsed = []
    monkeypatch.setattr(
        month, "read_predictions", lambda lake, path: parsed.append(path) or real(lake, path)
    )
    real = read_predictions
    assert list(month_forecasts(lake, "M23", "S1", MARCH)) == ['A,\n"B"']
    assert parsed == ["predictions/run_id=2025-02.1/shard=0023.csv"]


def test_a_run_that_knew_the_month_or_says_nothing_of_it_is_not_asked(tmp_path):
    lake = Lake(tmp_path)
    assert month_forecasts(lake, "M1", "S1", MARCH) == {}
    run(lake, "2025-02.1", [[("M1", "S1", "A")]], 7.0)
    assert month_forecasts(lake, "M1", "S1", date(2025, 2, 1)) == {}
    assert month_forecasts(lake, "M1", "S1", date(2025, 5, 1)) == {}
    assert month_forecasts(lake, "M9", "S1", MARCH) == {}
