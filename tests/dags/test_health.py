"""What goes wrong in silence is found, and what the monthly run finds is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from dags import health, jobs
from dags.found import drift_alerts, gate_alerts, shard_alerts
from dags.messengers import DeliveryError
from etl.closing import accept_gaps
from etl.lake import Lake
from etl.ledger import DayManifest, day_window, days_between, write_day
from etl.registry import Store, add_store
from etl.settings import Settings

NOW = datetime(2026, 11, 3, 7, tzinfo=UTC)
STORE = Store("M1", "S1", "Sur", "", "AR", "America/Argentina/Salta", "ARS", 9, "x", "1")


@pytest.fixture
def settings(tmp_path):
    """A lake with one store whose October is there to the last day, and a fresh run."""
    found = Settings(lake_url=str(tmp_path / "lake"), store_url=f"sqlite:///{tmp_path}/s.sqlite")
    lake = Lake(found.lake_url)
    add_store(lake, STORE)
    for day in days_between(date(2026, 10, 1), date(2026, 11, 1)):
        _pull(lake, day)
    return found


@pytest.fixture(autouse=True)
def served(monkeypatch):
    """The edition that the store serves: `published_at` may be changed."""
    edition = SimpleNamespace(run_id="2026-09.1", published_at="2026-10-04T06:00:00+00:00")
    store = SimpleNamespace(current=lambda: edition, close=lambda: None)
    monkeypatch.setattr(health, "open_store", lambda url: store)
    return edition


def _pull(lake, day):
    start, end = day_window(STORE, day, day)
    late = end + timedelta(hours=3)
    write_day(lake, STORE, DayManifest("x", "M1", "S1", day, "UTC", start, end, late, 1, 1, 1))


def _forget(settings, *days):
    lake = Lake(settings.lake_url)
    for day in days:
        (path,) = lake.paths(f"raw/source=x/merchant_id=M1/store_id=S1/day={day}")
        lake.delete(path)


def test_nothing_is_told_where_nothing_is_wrong(settings):
    assert jobs.check_health(NOW, settings) == {}


def test_days_that_the_ledger_misses_are_told_by_store(settings):
    _forget(settings, "2026-10-05", "2026-10-06", "2026-10-20")
    (alert,) = health.alerts_now(settings, NOW)
    assert alert.what == "3 days are missing in 1 of 1 stores"
    assert alert.details == ("M1/S1: 2026-10-05 to 2026-10-06, 2026-10-20",)
    assert jobs.check_health(NOW, settings) == {"days_missing": 1}


def test_a_gap_that_a_person_accepted_is_not_told(settings):
    _forget(settings, "2026-10-05")
    accept_gaps(Lake(settings.lake_url), date(2026, 10, 1), [STORE], "the shop burnt down")
    assert health.alerts_now(settings, NOW) == []


def test_a_store_that_was_never_pulled_is_told(settings):
    add_store(Lake(settings.lake_url), replace(STORE, store_id="S2"))
    (alert,) = health.alerts_now(settings, NOW)
    assert alert.what == "367 days are missing in 1 of 2 stores"


def test_a_run_served_for_too_long_is_told(settings, served):
    served.published_at = "2026-09-15T06:00:00+00:00"
    (alert,) = health.alerts_now(settings, NOW)
    assert alert.code == "run_not_fresh"
    assert "2026-09.1 was published 49 days ago, more than the 45" in alert.what


def test_months_that_changed_under_the_served_run_are_told(settings):
    lake = Lake(settings.lake_url)
    lake.write_json("shards/cutoff_month=2026-08/outdated.json", {"months": ["2026-07"]})
    assert health.alerts_now(settings, NOW) == []
    months = {"months": ["2026-07", "2026-09"]}
    lake.write_json("shards/cutoff_month=2026-09/outdated.json", months)
    (alert,) = health.alerts_now(settings, NOW)
    assert (alert.code, alert.details) == ("run_outdated", ("2026-07, 2026-09",))
    assert "run 2026-09.1 was forecast from have changed" in alert.what


def test_the_check_fails_where_an_alert_cannot_be_delivered(settings):
    _forget(settings, "2026-10-05")
    nowhere = replace(settings, alert_webhook="http://127.0.0.1:9/hook")
    with pytest.raises(DeliveryError, match="1 of 1 alerts were not delivered"):
        jobs.check_health(NOW, nowhere)


def test_drift_is_told_in_words():
    alert = {"code": "coverage_low", "merchant_id": "M1", "store_id": "S1", "found": 0.5}
    (told,) = drift_alerts(date(2026, 10, 1), [alert | {"expected": 0.8}])
    assert told.what == "1 signs of drift in 1 stores in 2026-10"
    assert told.details[0].startswith("M1 / S1: 80 % intervals held less than 65 %")
    assert drift_alerts(date(2026, 10, 1), []) == []


@pytest.mark.parametrize(
    ("stage", "words"), [("refused", "was refused"), ("returned", "was taken back")]
)
def test_a_gate_that_keeps_an_engine_from_serving_is_told(stage, words):
    state = {"stage": stage, "serving": "arima", "candidate": "ensemble", "share": 0.1}
    (told,) = gate_alerts({**state, "since": "2026-10", "why": "worse by 3 %"})
    assert (words in told.what, told.details) == (True, ("worse by 3 %",))
    assert gate_alerts({**state, "stage": "serving"}) == gate_alerts(None) == []


def test_shards_that_failed_are_told_with_their_messages():
    failed = {"shard": 3, "series": 20, "message": "no memory", "served": "nothing"}
    (told,) = shard_alerts("2026-10.1", [failed])
    assert told.what == "run 2026-10.1 was closed without 1 shard of 20 series"
    assert told.details == ("shard 3, nothing served: no memory",)
