"""Publishing: verified against the manifest, visible all at once, repeatable, revocable."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from api.publish import publish_run, published_runs, rollback
from api.store.documents import Scope
from etl.errors import IncompleteError, InputError, LakeError
from etl.tables import CORRECTIONS, TOTALS
from forecasting.shown import shown_of

NOW = datetime(2026, 11, 5, 8, tzinfo=UTC)
M1 = Scope("M1")


def forecast_of(store, product="MUG", store_id="S1", scope=M1):
    body = store.forecast(store.current().load, scope, store_id, product)
    return json.loads(body.json)


def test_published_forecast_holds_the_vector_and_what_is_known(lake, store, settings):
    result = publish_run(lake, store, "2026-10.1", settings, NOW)

    assert result == {
        "run_id": "2026-10.1",
        "series": 5,
        "units_forecast": pytest.approx(12 * (12 + 20 + 5 + 8 + 999)),
        "loaded": True,
    }
    mug = forecast_of(store)
    assert mug["units_forecast"] == [12.0] * 12
    assert (mug["lo80"][0], mug["hi80"][0]) == (9.6, 14.4)
    assert mug["months"][0] == "2026-11-01" and mug["months"][-1] == "2027-10-01"
    assert mug["name"] == "Taza café"
    assert mug["money_forecast"] == [120.0] * 12
    assert mug["horizon_units"] == 144.0
    assert mug["change_on_last_year"] == 0.2
    assert mug["history"] == {
        "first_month": "2024-11-01",
        "units_sold": [10] * 24,
        "shelf_empty": None,
        "corrected": [],
    }
    assert mug["accuracy"] is None


def test_corrected_months_stand_beside_what_was_sold(lake, store, settings, write):
    run, centro = "2026-10.2", write.stores[0]
    pot, mug = (write.series(centro, name, [40] * 48) for name in ("POT", "MUG"))
    told = "raced weights=theta:1.00 corrected=2"
    write.run(
        lake,
        run,
        [
            [
                (pot, write.forecast(run, pot, 40.0, reason=told)),
                (mug, write.forecast(run, mug, 9.0)),
            ]
        ],
    )
    months = [
        (date(2022, 11, 1), 51.0, "empty_shelf"),
        (date(2026, 9, 1), 44.25678, "empty_shelf"),
        (date(2026, 2, 1), 30.0, "bulk_order"),
    ]
    rows = [
        {
            **dict(zip(CORRECTIONS.names, (run, "M1", "S1", product), strict=False)),
            "month": month,
            "units_sold": 40.0,
            "units_corrected": units,
            "cause": cause,
        }
        for month, units, cause in months
        for product in ("POT", "PAN")
    ]
    table = pa.Table.from_pylist(rows, CORRECTIONS.schema)
    lake.write_table(f"predictions/run_id={run}/corrections.parquet", table, CORRECTIONS)
    publish_run(lake, store, run, settings, NOW)

    history = forecast_of(store, "POT")["history"]
    assert history["units_sold"] == [40] * 36
    assert history["corrected"] == [
        {"month": "2026-02-01", "units_corrected": 30.0, "cause": "bulk_order"},
        {"month": "2026-09-01", "units_corrected": 44.257, "cause": "empty_shelf"},
    ]
    assert forecast_of(store, "MUG")["history"]["corrected"] == []


def test_confidence_follows_width_and_length_of_history(lake, store, settings):
    publish_run(lake, store, "2026-10.1", settings, NOW)

    assert forecast_of(store)["confidence"] == "high"
    assert forecast_of(store, "POT/2")["confidence"] == "fair"
    new = forecast_of(store, "NEW")
    assert new["confidence"] == "unknown"
    assert new["reason"] == {"code": "short_history", "parameters": {"months": "3"}}
    assert new["money_forecast"] == [None] * 12


def test_attention_is_the_reason_with_most_money_at_stake(lake, store, settings):
    publish_run(lake, store, "2026-10.1", settings, NOW)

    assert forecast_of(store)["attention"] == {
        "code": "running_short",
        "parameters": {"stock": 2, "wanted": 12.0},
        "money_at_stake": 100.0,
    }
    assert forecast_of(store, "POT/2")["attention"] == {
        "code": "dropping",
        "parameters": {"change": -0.5},
        "money_at_stake": 600.0,
    }


def test_past_forecasts_stand_beside_what_was_sold(lake, store, settings, write):
    write.scores(lake)
    publish_run(lake, store, "2026-10.1", settings, NOW)

    accuracy = forecast_of(store)["accuracy"]
    assert (accuracy["wape"], accuracy["bias"], accuracy["coverage80"]) == (0.067, 0.0, 0.333)
    assert [month["units_forecast"] for month in accuracy["months"]] == [9.0, 11.0, 10.0]
    summary = store.summary(store.current().load, M1, "accuracy", "S1", "kitchen")
    (lead,) = json.loads(summary.json)["by_lead_time"]
    assert lead["horizon"] == 1 and lead["forecasts"] == 3
    assert lead["wape"] == 0.0667 and lead["wape_naive"] == 0.2
    assert lead["skill"] == 0.6667


def test_totals_add_up_and_currencies_stay_apart(lake, store, settings):
    publish_run(lake, store, "2026-10.1", settings, NOW)
    load = store.current().load

    def total(merchant, store_id="", category=""):
        return json.loads(store.summary(load, Scope(merchant), "totals", store_id, category).json)

    assert total("M1", "S1")["units_forecast"] == [37.0] * 12
    assert total("M1")["units_forecast"] == [45.0] * 12
    assert total("M1", category="kitchen")["units_forecast"] == [40.0] * 12
    assert total("M1")["money_forecast"] == {"ARS": [250.0] * 12}
    assert total("M1")["series_without_price"] == 1
    assert total("M1")["history"]["units_sold"][-3:] == [60.0, 61.0, 62.0]
    assert total("M2")["money_forecast"] == {"BRL": [9990.0] * 12}
    assert total("M1")["interval"]["code"] == "not_joint"
    assert total("M1")["lo80"] is None


def test_totals_carry_the_runs_joint_intervals(lake, store, settings):
    rows = [
        {
            "run_id": "2026-10.1",
            "merchant_id": "M1",
            "store_id": "S1",
            "category": "",
            "month": date(2026, 11, 1),
            "horizon": horizon,
            "series": 3,
            "units_forecast": 37.0,
            **{
                f"{end}{level}": 37.0 + level / 10 for end in ("lo", "hi") for level in (50, 80, 95)
            },
        }
        for horizon in range(13)
    ]
    table = pa.Table.from_pylist(rows, TOTALS.schema)
    lake.write_table("predictions/run_id=2026-10.1/totals.parquet", table, TOTALS)
    publish_run(lake, store, "2026-10.1", settings, NOW)

    body = store.summary(store.current().load, M1, "totals", "S1", "")
    total = json.loads(body.json)
    assert total["interval"] is None
    assert total["hi80"] == [45.0] * 12
    assert total["horizon_interval"]["lo95"] == 46.5


def test_publishing_again_changes_nothing(lake, store, settings):
    publish_run(lake, store, "2026-10.1", settings, NOW)
    before = store.current()

    assert publish_run(lake, store, "2026-10.1", settings, NOW)["loaded"] is False
    assert store.current() == before


def test_the_lake_keeps_that_a_run_was_shown(lake, store, settings):
    publish_run(lake, store, "2026-10.1", settings, NOW)
    assert shown_of(lake, ["2026-10.1", "2026-10.2"]) == ["2026-10.1"]


def test_runs_that_were_published_before_marks_were_left_are_marked(lake, store, settings, write):
    publish_run(lake, store, "2026-10.1", settings, NOW)
    lake.delete("predictions/run_id=2026-10.1/published.json")
    write.small_run(lake, "2026-10.2", factor=2.0)
    publish_run(lake, store, "2026-10.2", settings, NOW)
    assert shown_of(lake, ["2026-10.1", "2026-10.2"]) == ["2026-10.1", "2026-10.2"]


def test_a_published_name_cannot_take_other_content(lake, store, settings, write):
    publish_run(lake, store, "2026-10.1", settings, NOW)
    write.small_run(lake, "2026-10.1", factor=2.0)

    with pytest.raises(InputError, match=r"2026-10.1 was published on .* next revision"):
        publish_run(lake, store, "2026-10.1", settings, NOW)


def test_rollback_serves_the_run_before_and_publish_returns(lake, store, settings, write):
    write.small_run(lake, "2026-10.2", factor=2.0)
    publish_run(lake, store, "2026-10.1", settings, NOW)
    publish_run(lake, store, "2026-10.2", settings, NOW)
    assert forecast_of(store)["units_forecast"][0] == 24.0

    assert rollback(store) == {"run_id": "2026-10.1", "instead_of": "2026-10.2"}
    assert forecast_of(store)["units_forecast"][0] == 12.0
    with pytest.raises(InputError, match=r"no earlier run"):
        rollback(store)

    publish_run(lake, store, "2026-10.2", settings, NOW)
    assert [run["serving"] for run in published_runs(store)] == [False, True]


def test_only_the_newest_runs_are_kept(lake, store, settings, write):
    for revision in range(1, 5):
        write.small_run(lake, f"2026-10.{revision}", factor=revision)
        publish_run(lake, store, f"2026-10.{revision}", replace(settings, keep_runs=2), NOW)

    assert [run["run_id"] for run in published_runs(store)] == ["2026-10.3", "2026-10.4"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text.replace(b"12", b"13", 1), "has changed since run 2026-10.2 was closed"),
        (None, "cannot be read"),
    ],
)
def test_a_damaged_run_leaves_the_old_one_served(lake, store, settings, write, spoil, message):
    publish_run(lake, store, "2026-10.1", settings, NOW)
    write.small_run(lake, "2026-10.2", factor=2.0)
    path = "predictions/run_id=2026-10.2/shard=0001.csv"
    if spoil is None:
        lake.delete(path)
    else:
        lake.write_bytes(path, spoil(lake.read_bytes(path)) + b"\n")

    with pytest.raises((IncompleteError, LakeError), match=message):
        publish_run(lake, store, "2026-10.2", settings, NOW)
    assert store.current().run_id == "2026-10.1"


def test_counts_that_differ_from_the_manifest_are_not_published(lake, store, settings):
    path = "predictions/run_id=2026-10.1/manifest.json"
    manifest = lake.read_json(path)
    manifest["shards"][0]["units_forecast"] += 1
    lake.write_json(path, manifest)

    with pytest.raises(IncompleteError, match=r"units where its manifest has 5"):
        publish_run(lake, store, "2026-10.1", settings, NOW)
    assert store.current() is None


def test_run_names_and_missing_runs_are_refused(lake, store, settings):
    with pytest.raises(InputError, match=r"as in 2026-10.1; found 'latest'"):
        publish_run(lake, store, "latest", settings, NOW)
    with pytest.raises(LakeError, match=r"run_id=2026-09.1/manifest.json cannot be read"):
        publish_run(lake, store, "2026-09.1", settings, NOW)
