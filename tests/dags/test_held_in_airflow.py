"""A DAG run of a version that the gate refuses ends well, and waits until somebody accepts it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from api.store import open_store
from dags import jobs
from forecasting import versions
from forecasting.models.seasonal_naive import SeasonalNaive
from forecasting.rollout import accept, rollout

pytestmark = pytest.mark.slow

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
CLOSING = datetime(2026, 11, 3, 6, tzinfo=UTC)


@pytest.fixture
def live(house, run_dag, monkeypatch):
    """The house in the month after September's run was published by the DAG."""
    monkeypatch.setenv("STORECAST_ENGINE", "seasonal_naive")
    settings = replace(house.settings, engine="seasonal_naive")
    stores = jobs.list_stores(settings)
    jobs.backfill_orders(stores, date(2026, 6, 1), date(2026, 11, 1), CLOSING, settings)
    jobs.refresh_products(stores, CLOSING, settings)
    jobs.build_months(OCTOBER, settings)
    for month in (SEPTEMBER, OCTOBER):
        jobs.build_shards(month, settings)
    run_dag("forecast_sales", month="2026-09")
    return settings


@pytest.fixture
def worse_release(monkeypatch):
    """A release whose seasonal naive forecasts three times what was sold."""

    def tripled(self, batch, horizon, forecast=SeasonalNaive.forecast):
        return [
            replace(one, units=3 * one.units, lower=3 * one.lower, upper=3 * one.upper)
            for one in forecast(self, batch, horizon)
        ]

    def install():
        monkeypatch.setattr(versions, "code_now", lambda: "second")
        monkeypatch.setattr(SeasonalNaive, "forecast", tripled)

    return install


def served(settings):
    with closing(open_store(settings.store_url)) as store:
        return store.current().run_id


def states(done):
    return {task.task_id: task.state for task in done.get_task_instances()}


def test_a_held_run_ends_well_and_is_published_once_it_is_accepted(
    live, house, run_dag, worse_release
):
    assert served(live) == "2026-09.1"
    worse_release()
    held = states(run_dag("forecast_sales", month="2026-10"))
    assert (held["close_run"], held["publish_run"]) == ("success", "skipped")
    assert rollout(house.lake).holds_runs
    (alert,) = house.lake.paths("alerts/code=runs_held")
    assert "its runs are held" in house.lake.read_json(alert)["what"]
    assert served(live) == "2026-09.1"

    accept(house.lake)
    assert jobs.why_waiting("2026-10.1", live) == "", "publish_run may be cleared"
    done = states(run_dag("forecast_sales", month="2026-10"))
    assert done["publish_run"] == "success"
    assert served(live) == "2026-10.2"
