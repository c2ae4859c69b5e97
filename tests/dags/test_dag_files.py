"""Every DAG parses without work, says what it does, and stands up to failure."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
DAG_IDS = {
    "ingest_sales",
    "build_monthly_sales",
    "forecast_sales",
    "forecast_days",
    "refresh_forecasts",
    "check_health",
    "remove_old",
}


def tasks_of(bag):
    return [task for dag in bag.dags.values() for task in dag.tasks]


def test_every_dag_file_parses_and_nothing_else_is_taken_for_one(bag):
    assert bag.import_errors == {}
    assert set(bag.dags) == DAG_IDS


def test_each_dag_says_what_it_does_by_its_module_docstring(bag):
    for dag in bag.dags.values():
        source = Path(dag.fileloc).read_text()
        assert dag.doc_md and dag.doc_md.strip() in source
        assert "By hand" in dag.doc_md


def test_each_task_is_retried_and_ends_within_a_stated_time(bag):
    for task in tasks_of(bag):
        assert task.retries >= 1, task.task_id
        assert timedelta(0) < task.execution_timeout <= timedelta(hours=12), task.task_id


def test_one_run_of_a_dag_at_a_time_and_none_made_up_for_the_past(bag):
    for dag in bag.dags.values():
        assert not dag.catchup
        if dag.dag_id != "refresh_forecasts":
            assert dag.max_active_runs == 1


def test_refreshes_of_several_people_run_at_once_and_start_by_nothing_else(bag):
    dag = bag.dags["refresh_forecasts"]
    assert dag.max_active_runs > 1
    assert dag.schedule is None


def test_every_pool_that_a_task_waits_for_is_one_that_gets_made(bag):
    made = json.loads((PROJECT / "dags" / "pools.json").read_text())
    wanted = {task.pool for task in tasks_of(bag)} - {"default_pool"}
    assert wanted == set(made)


def test_the_daily_pull_takes_the_next_free_slot_before_the_months_shards(bag):
    assert {task.weight_rule for task in bag.dags["ingest_sales"].tasks} == {"absolute"}
    daily = min(task.priority_weight for task in bag.dags["ingest_sales"].tasks)
    # By the default rule a task weighs as much as all that waits for it.
    month = sum(task.priority_weight for task in bag.dags["forecast_sales"].tasks)
    assert daily > month


def test_what_somebody_waits_for_comes_first_then_the_morning_then_the_month(bag):
    def weight(dag_id):
        (weight,) = {task.priority_weight for task in bag.dags[dag_id].tasks}
        return weight

    assert weight("refresh_forecasts") > weight("forecast_days") == weight("ingest_sales")
    assert {task.weight_rule for task in bag.dags["refresh_forecasts"].tasks} == {"absolute"}
    assert {task.pool for task in bag.dags["refresh_forecasts"].tasks} == {"refresh"}


def test_each_task_that_fails_for_good_alerts_somebody(bag):
    from dags.failure import tell_of_failure

    for task in tasks_of(bag):
        assert task.on_failure_callback in (tell_of_failure, [tell_of_failure]), task.task_id


def test_a_run_is_closed_though_a_shard_failed_but_not_without_its_name(bag):
    close = bag.dags["forecast_sales"].get_task("close_run")
    assert close.trigger_rule == "all_done_min_one_success"
    assert close.upstream_task_ids == {"open_run", "predict_shards"}
    assert bag.dags["forecast_sales"].get_task("publish_run").trigger_rule == "all_success"


def test_what_a_person_must_change_is_not_tried_again(bag):
    from etl.errors import IncompleteError, SettingError, SourceUnreachableError

    for task in tasks_of(bag):
        fails = task.retry_policy.evaluate(SettingError("x"), 1, 3)
        assert fails.action.value == "fail", task.task_id
        for heals in (SourceUnreachableError("x"), IncompleteError("x"), OSError("disk full")):
            assert task.retry_policy.evaluate(heals, 1, 3).action.value == "default"


def test_the_month_is_built_on_the_third_for_the_month_before(bag):
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    timetable = coerce_to_core_timetable(bag.dags["build_monthly_sales"].timetable)
    from pendulum import datetime as instant

    following = timetable.next_dagrun_info_v2(
        last_dagrun_info=None,
        restriction=TimeRestriction(instant(2099, 1, 4), None, True),
    )
    assert following.run_after == instant(2099, 2, 3, 6)
    assert following.partition_key == "2099-01"


def test_the_dags_are_chained_by_the_shards(bag):
    makers = {
        asset.uri: dag.dag_id
        for dag in bag.dags.values()
        for task in dag.tasks
        for asset in task.outlets
    }
    assert makers == {
        "storecast://lake/raw": "ingest_sales",
        "storecast://lake/shards": "build_monthly_sales",
        "storecast://store/forecasts": "forecast_sales",
    }
    waits_for = bag.dags["forecast_sales"].timetable.asset_condition
    assert waits_for.uri == "storecast://lake/shards"


@pytest.mark.slow
def test_parsing_loads_no_room_and_reaches_nothing(tmp_path):
    """No lake, no network, no job is touched while Airflow reads a DAG file."""
    program = f"""
import socket, sys
def refuse(*_, **__): raise AssertionError("a connection while parsing")
import airflow.sdk
socket.socket.connect = refuse
before = set(sys.modules)
for name in {sorted(DAG_IDS)!r}:
    __import__("dags." + name)
loaded = set(sys.modules) - before
rooms = sorted(m for m in loaded if m.split(".")[0] in ("etl", "forecasting", "api"))
print(" ".join(rooms))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env={"AIRFLOW_HOME": str(tmp_path), "STORECAST_LAKE_URL": "/nonexistent/lake"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["etl", "etl.dates", "etl.errors", "etl.settings"]
