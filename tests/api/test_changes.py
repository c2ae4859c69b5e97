"""What changed since last month's forecast: parts worked by hand, which add up."""

from __future__ import annotations

import hashlib
import json
from datetime import date

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from api.changes import PARTS, changes_between, run_before
from api.publish import publish_run
from api.store.documents import Scope
from api.vintage import read_run
from etl.lake import Lake
from etl.settings import Settings
from etl.tables import PREDICTIONS, SHARDS
from forecasting.forecaster import add_months

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)


def _series(product, cutoff, units, empty=None):
    return {
        "merchant_id": "M1",
        "store_id": "S1",
        "product_id": product,
        "category": "kitchen",
        "country": "AR",
        "currency": "ARS",
        "cutoff_month": cutoff,
        "first_month": add_months(cutoff, 1 - len(units)),
        "last_sale_month": cutoff,
        "units_sold": units,
        "revenue": [0.0] * len(units),
        "days_out_of_stock": empty or [None] * len(units),
        "share_zeros": 0.0,
        "mean_net_price": 2.0,
        "active": True,
    }


def _rows(run_id, series, units, model):
    """A row for each month ahead; all bounds are the point."""
    bounds = [f"{side}{level}" for level in (50, 80, 95) for side in ("lo", "hi")]
    return [
        {name: series[name] for name in ("merchant_id", "store_id", "product_id", "cutoff_month")}
        | dict.fromkeys(["units_forecast", *bounds], value)
        | {"run_id": run_id, "month": add_months(series["cutoff_month"], h), "horizon": h}
        | {"model": model, "reason": ""}
        for h, value in enumerate(units, 1)
    ]


def _close(lake, cutoff, content):
    """A closed run of that cutoff over one shard of (series, forecasts, model)."""
    run_id = f"{cutoff:%Y-%m}.1"
    rows = [row for series, units, model in content for row in _rows(run_id, series, units, model)]
    path = f"predictions/run_id={run_id}/shard=0000.csv"
    sink = pa.BufferOutputStream()
    pacsv.write_csv(pa.Table.from_pylist(rows, PREDICTIONS.schema), sink)
    data = sink.getvalue().to_pybytes()
    lake.write_bytes(path, data)
    shard = f"shards/cutoff_month={cutoff:%Y-%m}/shard=0000.parquet"
    table = pa.Table.from_pylist([series for series, _, _ in content], SHARDS.schema)
    lake.write_table(shard, table, SHARDS)
    entry = {
        "shard": 0,
        "path": path,
        "series": len(content),
        "sha256": hashlib.sha256(data).hexdigest(),
        "units_forecast": sum(row["units_forecast"] for row in rows),
    }
    lake.write_json(f"predictions/run_id={run_id}/manifest.json", {"shards": [entry]})
    return run_id


@pytest.fixture
def two_runs(tmp_path):
    """Five products: revised by new sales, another model, a correction; one went, one came."""
    lake = Lake(tmp_path / "lake")
    sold = [10, 20, 30]
    september = [
        (_series("SALES", SEPTEMBER, sold), [10.0, 14.0, 9.0], "arima"),
        (_series("MODEL", SEPTEMBER, sold), [20.0, 20.0, 20.0], "arima"),
        (_series("FIXED", SEPTEMBER, sold), [30.0, 33.0, 30.0], "arima"),
        (_series("WENT", SEPTEMBER, sold), [5.0, 4.0, 3.0], "arima"),
    ]
    october = [
        (_series("SALES", OCTOBER, [*sold, 40], [None, 0, 3, 0]), [15.0, 9.0, 9.0], "arima"),
        (_series("MODEL", OCTOBER, [*sold, 40]), [26.0, 20.0, 20.0], "theta"),
        (_series("FIXED", OCTOBER, [10, 19, 30, 40]), [31.0, 30.0, 30.0], "theta"),
        (_series("CAME", OCTOBER, [7]), [7.0, 7.0, 7.0], "mean"),
    ]
    _close(lake, SEPTEMBER, september)
    _close(lake, OCTOBER, october)
    return lake


def test_the_parts_lead_from_the_number_shown_then_to_the_one_shown_now(two_runs):
    found = changes_between(two_runs, "2026-09.1", read_run(two_runs, "2026-10.1"))

    merchant = found["M1", "", ""]
    assert merchant == found["M1", "S1", ""]
    assert (merchant["units_then"], merchant["units_now"]) == (65.0, 79.0)
    assert merchant["parts"] == {
        "calendar": 4.0 + 0.0 + 3.0 - 1.0,
        "correction": -2.0,
        "model": 6.0,
        "new_data": 1.0,
        "products": 7.0 - 4.0,
    }
    assert tuple(merchant["parts"]) == PARTS
    assert sum(merchant["parts"].values()) == merchant["units_now"] - merchant["units_then"]


def test_a_first_sale_is_new_data_and_no_correction(tmp_path):
    lake = Lake(tmp_path / "lake")
    _close(lake, SEPTEMBER, [(_series("NEW", SEPTEMBER, [0, 0]), [1.0, 1.0, 1.0], "launch")])
    _close(lake, OCTOBER, [(_series("NEW", OCTOBER, [6]), [4.0, 4.0, 4.0], "launch")])
    parts = changes_between(lake, "2026-09.1", read_run(lake, "2026-10.1"))["M1", "S1", ""]["parts"]
    assert (parts["new_data"], parts["correction"]) == (3.0, 0.0)


def test_only_a_published_run_of_the_month_before_counts(two_runs):
    run = read_run(two_runs, "2026-10.1")

    assert run_before(run, ["2026-08.1", "2026-09.1", "2026-09.2", "2026-10.1"]) == "2026-09.2"
    assert run_before(run, ["2026-08.1", "2026-10.1"]) is None
    assert changes_between(two_runs, "2026-09.7", run) == {}


def test_totals_tell_the_change_once_both_runs_were_published(two_runs, store):
    settings = Settings()
    publish_run(two_runs, store, "2026-09.1", settings)
    first = _totals(store)
    publish_run(two_runs, store, "2026-10.1", settings)

    assert first["since_last_run"] is None
    assert _totals(store)["since_last_run"]["units_now"] == 79.0


def test_months_with_an_empty_shelf_stand_beside_the_history(two_runs, store, read_forecast):
    publish_run(two_runs, store, "2026-10.1", Settings())

    assert read_forecast(store, "SALES")["history"]["shelf_empty"] == [
        {"month": "2026-09-01", "days": 3}
    ]
    assert read_forecast(store, "MODEL")["history"]["shelf_empty"] is None


@pytest.fixture
def read_forecast():
    """One product's document of the edition served."""

    def read(store, product):
        found = store.forecast(store.current().load, Scope("M1"), "S1", product)
        return json.loads(found.json)

    return read


def _totals(store):
    return json.loads(store.summary(store.current().load, Scope("M1"), "totals", "", "").json)
