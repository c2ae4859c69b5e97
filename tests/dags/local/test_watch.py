from __future__ import annotations

import io

import pytest

from dags.local.client import DagRun, StackError, TaskInstance
from dags.local.watch import Watch

RUN = DagRun("forecast_sales", "r1", "running", "2026-10")


class Airflow:
    """Answers as Airflow would, from a list of moments."""

    def __init__(self, *moments):
        self.moments = list(moments)

    def run(self, dag_id, run_id):
        return DagRun(dag_id, run_id, self.moments[0][0], "2026-10")

    def tasks(self, run):
        return self.moments.pop(0)[1] if len(self.moments) > 1 else self.moments[0][1]

    def log(self, run, task):
        return f"why {task.task_id}[{task.map_index}] failed"

    def runs(self, dag_id):
        return [DagRun(dag_id, "r1", self.moments[0][0], "2026-10")]


def task(name, state, index=-1):
    return TaskInstance(name, index, state, 1, 2.0)


def watch(*moments) -> tuple[Watch, io.StringIO]:
    told = io.StringIO()
    return Watch(Airflow(*moments), told), told


def test_each_task_is_told_once_when_all_its_parts_are_done():
    following, told = watch(
        ("running", [task("predict", "success", 0), task("predict", "running", 1)]),
        ("running", [task("predict", "success", 0), task("predict", "success", 1)]),
        ("success", [task("predict", "success", 0), task("predict", "success", 1)]),
    )
    assert following.until_done(RUN, "from 2026-10").state == "success"
    assert told.getvalue().splitlines() == [
        "▸ forecast_sales from 2026-10",
        "    ✓ predict × 2  4.0 s",
    ]


def test_a_failed_task_shows_the_end_of_its_log():
    following, _ = watch(
        ("failed", [task("predict", "failed", 1), task("close", "upstream_failed")])
    )
    with pytest.raises(StackError, match=r"ended as failed(.|\n)*why predict\[1\] failed") as error:
        following.until_done(RUN, "from 2026-10")
    assert "why close" not in str(error.value)


def test_the_verdict_is_airflows_own_and_a_task_that_did_not_succeed_spoils_it():
    following, _ = watch(("success", [task("publish", "success")]))
    assert following.verdict(["forecast_sales"]) == {"forecast_sales": 1}
    following, _ = watch(("success", [task("publish", "skipped")]))
    with pytest.raises(StackError, match="publish 1 skipped"):
        following.verdict(["forecast_sales"])


def test_a_run_that_takes_too_long_is_given_up():
    following = Watch(Airflow(("running", [task("predict", "running")])), io.StringIO(), patience=0)
    with pytest.raises(StackError, match=r"did not end within 0 s: predict 1 running"):
        following.until_done(RUN, "from 2026-10")
