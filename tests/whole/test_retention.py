"""What is too old goes, what is still needed stays, and nothing is built again for it."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from api.__main__ import main
from api.lineage import explain
from api.publish import publish_run
from api.retention import remove_old
from api.store import open_store
from dags import jobs, retention_job
from dags.alerts import Alert, tell
from etl.daily import build_daily
from etl.errors import InputError, SettingError
from etl.monthly import build_changed_months
from etl.registry import read_stores
from forecasting.daily import forecast_daily
from forecasting.daily.store import model_path
from forecasting.predict import next_run_id, run_manifest

AT = datetime(2026, 11, 4, 9, tzinfo=UTC)
A_YEAR_LATER = datetime(2027, 12, 5, 9, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)
MUG = ("andes", "centro", "MUG")


@pytest.fixture
def opened(months):
    with closing(open_store(months.settings.store_url)) as store:
        yield store


def days_of(lake):
    return sorted({path.split("day=")[1][:7] for path in lake.paths("raw")})


def test_by_default_nothing_of_a_year_is_too_old(months, opened):
    before = months.files()
    gone = remove_old(months.lake, opened, months.settings, AT)
    assert (gone["folders"], gone["runs"], gone["log_lines"]) == ([], [], 0)
    assert months.files() == before


def test_raw_days_of_old_months_go_and_nothing_is_built_again(months, opened):
    lake, settings = months.lake, replace(months.settings, keep_raw_months=6)
    rest = {path for path in lake.paths("") if not path.startswith("raw/")}
    gone = remove_old(lake, opened, settings, AT, dry_run=True)
    assert days_of(lake)[0] == "2025-10"
    assert remove_old(lake, opened, settings, AT) == gone
    assert days_of(lake) == [f"2026-{month:02}" for month in range(5, 11)]
    assert {path for path in lake.paths("") if not path.startswith("raw/")} == rest
    assert remove_old(lake, opened, settings, AT)["folders"] == []
    assert build_changed_months(lake, read_stores(lake), OCTOBER, settings) == []
    march = explain(lake, opened, MUG, date(2026, 3, 1))
    assert (march["agrees"], march["sales"]["raw_kept"], march["sales"]["days"]) == (
        True,
        False,
        [],
    )
    assert march["sales"]["row"]["units_sold"] == 5


def test_a_month_that_was_never_built_keeps_its_days(months, opened):
    months.lake.write_json("monthly_sales/month=2026-02/manifest.json", {"fingerprint": None})
    settings = replace(months.settings, keep_raw_months=6)
    remove_old(months.lake, opened, settings, AT)
    assert days_of(months.lake)[0] == "2026-02"


def test_shards_models_and_runs_go_but_not_what_is_published(months, opened):
    lake = months.lake
    settings = replace(months.settings, engine="arima", keep_shards_months=13, keep_runs_months=13)
    september = date(2026, 9, 1)
    run_id = jobs.open_run(september, settings)
    jobs.predict_shards(run_id, jobs.list_shards(september, settings), settings)
    jobs.close_run(run_id, settings)
    gone = remove_old(lake, opened, settings, A_YEAR_LATER)
    assert gone["runs"] == [run_id] == ["2026-09.2"]
    assert (lake.paths("shards"), lake.paths("models", ".parquet")) == ([], [])
    assert lake.paths(f"predictions/run_id={run_id}") == [
        "predictions/run_id=2026-09.2/manifest.json"
    ]
    assert run_manifest(lake, run_id)["series"] == 6
    assert lake.paths("predictions/run_id=2026-10.1", ".csv")
    assert next_run_id(lake, september) == "2026-09.3"
    with pytest.raises(InputError, match="were kept until 2027-12-05"):
        publish_run(lake, opened, run_id, settings)
    assert remove_old(lake, opened, settings, A_YEAR_LATER)["runs"] == []


def test_daily_models_of_products_and_stores_that_are_gone_go(months, opened):
    lake, settings = months.lake, replace(months.settings, daily_engine="weekday_naive")
    for store in read_stores(lake)[:2]:
        list(forecast_daily(lake, build_daily(lake, store, settings), settings))
    there = lake.paths("models/daily")
    sold_last_year = model_path("andes", "centro", "OLD")
    unregistered = model_path("gone", "store", "MUG")
    for path in (sold_last_year, unregistered):
        lake.write_json(path, {})
    gone = remove_old(lake, opened, settings, AT)
    assert gone["files"] == sorted([sold_last_year, unregistered])
    assert lake.paths("models/daily") == there
    assert remove_old(lake, opened, settings, AT)["files"] == []
    half_a_year_later = datetime(2027, 5, 5, 9, tzinfo=UTC)
    assert remove_old(lake, opened, settings, half_a_year_later)["files"] == there
    assert lake.paths("models/daily") == []


def test_alerts_go_when_they_were_not_raised_for_as_long_as_logs_are_kept(months, opened):
    tell([Alert("test", "long ago")], months.settings, datetime(2026, 1, 4, tzinfo=UTC))
    tell([Alert("test", "lately")], months.settings, datetime(2026, 11, 1, tzinfo=UTC))
    before = months.lake.paths("alerts")
    (gone,) = remove_old(months.lake, opened, months.settings, AT)["files"]
    (kept,) = months.lake.paths("alerts")
    assert sorted([gone, kept]) == before
    assert months.lake.read_json(kept)["what"] == "lately"


@pytest.mark.parametrize("setting", ["keep_shards_months", "keep_runs_months"])
def test_what_scoring_needs_cannot_be_let_go(months, opened, setting):
    settings = replace(months.settings, **{setting: 12})
    with pytest.raises(
        SettingError, match=f"STORECAST_{setting.upper()} must be above the horizon"
    ):
        remove_old(months.lake, opened, settings, AT)


def test_old_lines_of_the_log_go_by_hand_and_by_the_dag(months, monkeypatch, capsys, tmp_path):
    log = tmp_path / "requests.jsonl"
    lines = [json.dumps({"at": f"{day}T00:00:00+00:00"}) for day in ("2020-01-01", "2099-01-01")]
    log.write_text("\n".join([*lines, "no line of ours"]) + "\n")
    for name, value in (
        ("LAKE_URL", months.settings.lake_url),
        ("STORE_URL", months.settings.store_url),
        ("REQUEST_LOG", str(log)),
    ):
        monkeypatch.setenv(f"STORECAST_{name}", value)
    assert main(["retention", "--dry-run"]) == 0
    assert "1 lines of the request log would go" in capsys.readouterr().out
    settings = replace(months.settings, request_log=str(log))
    gone = retention_job.remove_old(AT, settings)
    assert gone == {"folders": 0, "files": 0, "runs": 0, "log_lines": 1}
    assert log.read_text().splitlines() == [lines[1], "no line of ours"]
