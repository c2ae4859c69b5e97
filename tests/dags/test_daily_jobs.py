"""The next days of the stores that asked for them, before they open."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from api.refresh.asking import Asking
from api.refresh.dispatch import EmbeddedWorkers
from api.refresh.scope import RefreshScope
from api.store import open_store
from dags import daily_jobs, jobs
from etl.errors import IncompleteError, InputError
from etl.lake import Lake
from etl.registry import Store, add_store, ask_for_daily, read_stores
from etl.settings import Settings

MORNING = datetime(2026, 11, 3, 10, tzinfo=UTC)
SPAN = (date(2026, 8, 1), date(2026, 10, 31))


def test_a_store_is_due_within_the_three_hours_before_it_opens_by_its_own_clock(tmp_path):
    settings = Settings(lake_url=str(tmp_path))
    for name, zone, hour in (
        ("madrid", "Europe/Madrid", 10),  # opens at 09:00 UTC in November
        ("lima", "America/Lima", 9),  # 14:00 UTC
        ("tokyo", "Asia/Tokyo", 0),  # 15:00 UTC of the day before
    ):
        store = Store("M1", name, "", "", "ES", zone, "EUR", hour, "x", "1", True)
        add_store(Lake(tmp_path), store)
    add_store(Lake(tmp_path), replace(store, store_id="quiet", daily_forecasts=False))

    def due(hour, minute=0):
        instant = datetime(2026, 11, 3, hour, minute, tzinfo=UTC)
        return [store for _, store in daily_jobs.daily_stores(settings, instant)]

    assert due(5, 59) == []
    assert due(6) == due(8, 59) == ["madrid"]
    assert due(9) == []
    assert due(11) == ["lima"]
    assert due(12) == due(13, 59) == ["lima", "tokyo"]
    assert due(14) == ["tokyo"]
    assert len(daily_jobs.daily_stores(settings)) == 3


@pytest.fixture(scope="module")
def settings(house):
    """The house with three months of its stores, one of which asks for daily forecasts."""
    settings = replace(house.settings, daily_engine="weekday_naive")
    jobs.backfill_orders(jobs.list_stores(settings), *SPAN, MORNING, settings)
    jobs.refresh_products(jobs.list_stores(settings), MORNING, settings)
    ask_for_daily(house.lake, read_stores(house.lake)[:1], True)
    return settings


def test_the_missing_days_are_pulled_and_every_product_has_its_days(settings, house):
    (key,) = daily_jobs.daily_stores(settings)
    told = daily_jobs.forecast_days([key], MORNING, settings)
    assert told["stores"] == 1
    with closing(open_store(settings.store_url)) as store:
        assert store.daily.stamps(*key)
        (row,) = store.refreshes.latest(*key)
    assert (row.state, row.data_until, row.requested_by) == ("done", "2026-11-02", "forecast_days")


def test_what_is_fresh_already_is_left(settings):
    keys = daily_jobs.daily_stores(settings)
    assert daily_jobs.forecast_days(keys, MORNING, settings)["trained"] == 0
    with closing(open_store(settings.store_url)) as store:
        assert len(store.refreshes.latest(*keys[0])) == 1


def test_a_store_that_cannot_be_forecast_does_not_stop_the_others(settings, house):
    never = replace(read_stores(house.lake)[0], store_id="new", daily_forecasts=True)
    add_store(house.lake, never)
    other = jobs.list_stores(settings)[-1]
    with pytest.raises(IncompleteError, match="norte-tech/new: No day of this store was ever"):
        daily_jobs.forecast_days([[never.merchant_id, "new"], other], MORNING, settings)
    with closing(open_store(settings.store_url)) as store:
        assert store.daily.stamps(*other)


def test_a_store_that_stays_busy_does_not_stop_the_others(settings, monkeypatch):
    made = []

    def busy_at_first(lake, store, refresh_id, settings):
        made.append(refresh_id)
        store.refreshes.change(refresh_id, {"state": "done"})
        if len(made) == 1:
            raise IncompleteError("another worker is busy with it")
        return {"state": "done", "trained": 0}

    monkeypatch.setattr(daily_jobs, "make_refresh", busy_at_first)
    later = datetime(2026, 11, 4, 10, tzinfo=UTC)
    (merchant, first), second = jobs.list_stores(settings)[:2]
    with pytest.raises(IncompleteError, match=f"{merchant}/{first}: another worker is busy"):
        daily_jobs.forecast_days([[merchant, first], second], later, settings)
    assert len(set(made)) == 2


def test_a_refresh_that_was_asked_for_is_made_by_its_id(settings):
    merchant, name = jobs.list_stores(settings)[1]
    now = replace(settings, now=MORNING.isoformat())
    with closing(open_store(settings.store_url)) as store:
        asking = Asking(store, now, EmbeddedWorkers())
        asked = asking.start(RefreshScope(merchant, name), "a planner")
    assert daily_jobs.run_refresh(asked.row.id, now)["state"] == "done"
    assert daily_jobs.run_refresh(asked.row.id, now)["state"] == "done"
    with pytest.raises(InputError, match="there is no refresh 'gone'"):
        daily_jobs.run_refresh("gone", now)


def test_the_dag_of_the_morning_forecasts_every_store_that_asked(settings, run_dag, monkeypatch):
    monkeypatch.setenv("STORECAST_DAILY_ENGINE", "weekday_naive")
    (merchant, name), *_ = daily_jobs.daily_stores(settings)
    conf = {"merchant": merchant, "store": name, "at": MORNING.isoformat()}
    run = run_dag("forecast_days", **conf)
    assert {task.task_id for task in run.get_task_instances()} == {"list_stores", "forecast_stores"}


def test_the_dag_of_a_refresh_makes_what_its_conf_names(settings, run_dag, monkeypatch):
    monkeypatch.setenv("STORECAST_DAILY_ENGINE", "weekday_naive")
    monkeypatch.setenv("STORECAST_NOW", MORNING.isoformat())
    merchant, name = jobs.list_stores(settings)[-1]
    now = replace(settings, now=MORNING.isoformat())
    with closing(open_store(settings.store_url)) as store:
        asking = Asking(store, now, EmbeddedWorkers())
        asked = asking.start(RefreshScope(merchant, name), "a planner")
        run_dag("refresh_forecasts", refresh_id=asked.row.id)
        assert store.refreshes.get(asked.row.id).state == "done"
