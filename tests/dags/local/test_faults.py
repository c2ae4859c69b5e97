"""What real Airflow processes do when a task is killed, and when its work cannot be done."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from api.refresh.asking import Asking
from api.refresh.dispatch import dispatcher_for, run_id_of
from api.refresh.scope import RefreshScope
from api.store import open_store
from dags import jobs
from dags.local.client import StackError
from dags.local.months import open_dags
from dags.local.stack import AirflowStack
from dags.local.watch import Watch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CLOSING = datetime(2026, 11, 3, 6, tzinfo=UTC)
MONTH = date(2026, 10, 1)
SEARCHING = {"engine": "pmdarima"}  # takes seconds a series: time enough to be killed in


@pytest.fixture(scope="module")
def built(house):
    """The house with its shards of the month."""
    stores = jobs.list_stores(house.settings)
    jobs.backfill_orders(stores, date(2024, 7, 1), date(2026, 11, 1), CLOSING, house.settings)
    jobs.refresh_products(stores, CLOSING, house.settings)
    jobs.build_months(MONTH, house.settings)
    jobs.build_shards(MONTH, replace(house.settings, shard_series=6))
    return house


@pytest.fixture(scope="module")
def stack(built, tmp_path_factory):
    environment = {
        **built.environment,
        "STORECAST_NOW": CLOSING.isoformat(),
        "STORECAST_DAILY_ENGINE": "weekday_naive",
    }
    with AirflowStack(tmp_path_factory.mktemp("stack") / "airflow", environment) as stack:
        yield stack


@pytest.fixture(scope="module")
def client(stack):
    client = stack.ready()
    open_dags(client, Watch(client, io.StringIO()))
    return client


@pytest.fixture
def watch(client, stack) -> Watch:
    return Watch(client, io.StringIO(), patience=300, alive=stack.check)


def running_tasks(home: Path) -> list[int]:
    """Processes that do a task's work, of the Airflow in `home`."""
    started = {row["pid"] for row in json.loads((home / "processes.json").read_text())}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title = (folder / "cmdline").read_bytes().decode(errors="replace")
            _, _, _, session, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        is_task = title.startswith("airflow worker -- ") and "LocalExecutor" not in title
        if is_task and int(session) in started:
            found.append(int(folder.name))
    return found


def wait_for(happened, seconds: float = 120.0):
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


def numbers(house, run_id: str) -> list[bytes]:
    """The prediction files of a run, but for its name."""
    files = house.tables(f"predictions/run_id={run_id}")
    csvs = [content for path, content in sorted(files.items()) if path.endswith(".csv")]
    return [content.replace(run_id.encode(), b"") for content in csvs]


@pytest.fixture(scope="module")
def disturbed(stack, client):
    """A run of the month, one of whose tasks was killed."""
    watch = Watch(client, io.StringIO(), patience=300, alive=stack.check)
    run = client.trigger("forecast_sales", SEARCHING, partition_key="2026-10")
    wait_for(lambda: [t for t in client.tasks(run) if is_predicting(t)])
    os.kill(wait_for(lambda: running_tasks(stack.home))[-1], signal.SIGKILL)
    return watch.until_done(run, "with a task killed")


def test_a_killed_task_runs_again(disturbed, client):
    assert max(task.tries for task in client.tasks(disturbed)) == 2


def is_predicting(task) -> bool:
    return task.task_id == "predict_shards" and task.state == "running"


def test_what_a_person_must_change_fails_at_its_first_try_and_says_why(client, watch):
    run = client.trigger("ingest_sales", {"from": "yesterday", "to": "2026-10-31"})
    with pytest.raises(StackError, match=r"conf 'from' and 'to' must both be dates"):
        watch.until_done(run, "of yesterday")
    assert {task.tries for task in client.tasks(run) if task.state == "failed"} == {1}


def test_a_refresh_asked_for_twice_is_one_run_that_overtakes_the_month(
    disturbed, built, stack, client, watch
):
    """Two tasks at a time, and more shards that wait; the month is left as it would have been."""
    month = client.trigger("forecast_sales", SEARCHING, partition_key="2026-10")
    wait_for(lambda: [t for t in client.tasks(month) if is_predicting(t)])
    settings = replace(
        built.settings,
        refresh="airflow",
        airflow_url=client.url,
        airflow_user="operator",
        airflow_password=stack.password,
        now=CLOSING.isoformat(),
        daily_engine="weekday_naive",
    )
    merchant, name = jobs.list_stores(settings)[0]
    dispatcher = dispatcher_for(settings)
    with closing(open_store(settings.store_url)) as store, closing(dispatcher):
        asking = Asking(store, settings, dispatcher)
        first, again = (asking.start(RefreshScope(merchant, name), "a planner") for _ in range(2))
        assert (first.outcome, again.outcome) == ("started", "joined")
        (run,) = client.runs("refresh_forecasts")
        assert run.run_id == run_id_of(first.row.id)
        watch.until_done(run, "asked for twice")
        row = store.refreshes.get(first.row.id)
        assert (row.state, row.data_until) == ("done", "2026-11-02")
        assert store.daily.stamps(merchant, name)
    watch.until_done(month, "with a refresh meanwhile")
    (refreshed,) = client.tasks(run)
    shards = [task for task in client.tasks(month) if task.task_id == "predict_shards"]
    assert refreshed.began < max(task.began for task in shards)
    assert {task.tries for task in client.tasks(month)} == {1}
    assert numbers(built, "2026-10.1") == numbers(built, "2026-10.2") != []


def test_a_month_whose_days_are_missing_is_tried_again_and_not_built(built, client, watch):
    run = client.trigger(
        "build_monthly_sales", {"at": "2026-12-03T06:00:00Z"}, partition_key="2026-11"
    )
    with pytest.raises(StackError, match=r"IncompleteError"):
        watch.until_done(run, "of a month to come")
    assert {task.tries for task in client.tasks(run) if task.state == "failed"} == {2}
    assert not built.lake.exists("monthly_sales/month=2026-11/part.parquet")
    assert "2026-11" not in {one.partition_key for one in client.runs("forecast_sales")}
