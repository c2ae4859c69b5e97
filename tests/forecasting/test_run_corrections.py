"""What the models saw otherwise than it was sold stands beside the run, month by month."""

from __future__ import annotations

from datetime import date

import numpy as np

from etl.settings import Settings
from forecasting.closing import close_run
from forecasting.forecaster import Series
from forecasting.lineage import trace_forecast
from forecasting.predict import predict_shard
from forecasting.run_corrections import corrections_of


def test_each_changed_month_is_told_with_its_cause():
    units = np.array([10.0, 12, 11, 9, 95, 10, 12, 11, 10, 9, 11, 5])
    days = np.array([0.0] * 11 + [15.2])
    series = Series("M1", "S1", "P1", date(2025, 1, 1), units, days_out_of_stock=days)
    assert list(corrections_of(series)) == [
        (date(2025, 5, 1), 95.0, 31.5, "bulk_order"),
        (date(2025, 12, 1), 5.0, 10.0, "empty_shelf"),
    ]


def test_a_new_product_is_corrected_for_its_empty_shelf_alone():
    units, days = np.array([10.0, 12, 90, 11, 0]), np.array([0.0, 0, 0, 0, 30])
    series = Series("M1", "S1", "P1", date(2025, 8, 1), units, days_out_of_stock=days)
    assert list(corrections_of(series)) == [(date(2025, 12, 1), 0.0, 30.75, "empty_shelf")]


def test_an_untouched_history_has_none(make_series):
    assert not list(corrections_of(make_series([5.0, 6, 7, 6, 5, 6])))


def test_a_run_is_closed_with_the_months_that_its_models_saw_otherwise(make_lake):
    usual = 20 + np.arange(24) % 5
    bulk = usual.copy()
    bulk[10] = 300
    settings = Settings(engine="ensemble", jobs=1)
    lake = make_lake({date(2025, 12, 1): [{"BULK": bulk, "USUAL": usual}]})
    predict_shard(lake, "2025-12.1", 0, settings)
    manifest = close_run(lake, "2025-12.1", settings)
    rows = lake.read_table(manifest["corrections"]).to_pylist()
    assert [(row["product_id"], row["month"], row["cause"]) for row in rows] == [
        ("BULK", date(2024, 11, 1), "bulk_order")
    ]
    assert rows[0]["units_corrected"] < rows[0]["units_sold"] == 300
    for product, corrected in (("BULK", ["2024-11"]), ("USUAL", [])):
        traced = trace_forecast(lake, "2025-12.1", ("M1", "S1", product))
        assert [one["month"] for one in traced.document["corrections"]] == corrected
        (check,) = (one for one in traced.checks if "corrected months" in one.what)
        assert check.agrees and len(check.found) == len(corrected)


def test_an_engine_that_corrects_nothing_leaves_an_empty_table(make_lake):
    units = np.full(24, 20)
    units[10] = 300
    settings = Settings(engine="seasonal_naive", jobs=1)
    lake = make_lake({date(2025, 12, 1): [{"BULK": units}]})
    predict_shard(lake, "2025-12.1", 0, settings)
    assert lake.read_table(close_run(lake, "2025-12.1", settings)["corrections"]).num_rows == 0
