"""Watching runs: readable progress while they go on, Airflow's own verdict when they end."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import TextIO

from dags.local.client import AirflowClient, DagRun, StackError, TaskInstance

__all__ = ["Watch"]

_POLL = 0.5
_ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}
_FAILED = {"failed", "upstream_failed"}
_SIGN_OF_LIFE = 20.0


class Watch:
    """Follows runs of `client` and tells `out` how they get on.

    `patience` is how long one run may take, in seconds; `alive` raises where Airflow itself ended.
    """

    def __init__(
        self,
        client: AirflowClient,
        out: TextIO | None = None,
        patience: float = 7200.0,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._out = out or sys.stdout
        self._patience = patience
        self._alive = alive

    def say(self, line: str) -> None:
        """Write one line, at once."""
        print(line, file=self._out, flush=True)

    def until_parsed(self, dag_ids: set[str]) -> None:
        """Wait until Airflow has parsed these DAGs. Raises `StackError` where one cannot be."""
        self._wait(
            lambda: dag_ids <= set(self._client.dag_ids()),
            lambda: f"Airflow parsed only {', '.join(self._client.dag_ids()) or 'no DAG'}",
            refuse=self._refuse_import_errors,
        )
        self._refuse_import_errors()

    def until_done(self, run: DagRun, about: str) -> DagRun:
        """Follow `run` to its end. Raises `StackError` with the log's end where it failed."""
        self.say(f"▸ {run.dag_id} {about}")
        began = last_sign = time.monotonic()
        told: set[str] = set()
        while True:
            self._alive()
            state = self._client.run(run.dag_id, run.run_id)
            tasks = self._client.tasks(run)
            news = self._tell_finished_tasks(tasks, told)
            if state.state in ("success", "failed"):
                break
            now = time.monotonic()
            if news:
                last_sign = now
            elif now - last_sign > _SIGN_OF_LIFE:
                self.say(f"    … {_under_way(tasks)}, {now - began:.0f} s")
                last_sign = now
            if now - began > self._patience:
                raise StackError(
                    f"{run.dag_id} {about} did not end within {self._patience:.0f} s: "
                    f"{_summary(tasks)}"
                )
            time.sleep(_POLL)
        self._refuse_failures(state, tasks, about)
        return state

    def until_next(self, dag_id: str, seen: set[str]) -> DagRun:
        """The next run of the DAG that assets begin, beyond those `seen`."""
        fresh: list[DagRun] = []

        def begun() -> bool:
            fresh[:] = [run for run in self._client.runs(dag_id) if run.run_id not in seen]
            return bool(fresh)

        self._wait(begun, lambda: f"no new run of {dag_id} began though its assets were updated")
        return fresh[0]

    def verdict(self, dag_ids: list[str]) -> Counter[str]:
        """Runs by DAG, all of them green in Airflow's own state, or `StackError`."""
        runs = [run for dag_id in dag_ids for run in self._client.runs(dag_id)]
        for run in runs:
            self._refuse_failures(run, self._client.tasks(run), run.run_id)
        return Counter(run.dag_id for run in runs)

    def _tell_finished_tasks(self, tasks: list[TaskInstance], told: set[str]) -> bool:
        news = False
        for task_id in dict.fromkeys(task.task_id for task in tasks):
            own = [task for task in tasks if task.task_id == task_id]
            if task_id in told or not all(task.state in _ENDED for task in own):
                continue
            told.add(task_id)
            news = True
            self.say(f"    {_mark(own)} {task_id}{_extent(own)}")
        return news

    def _refuse_failures(self, run: DagRun, tasks: list[TaskInstance], about: str) -> None:
        bad = [task for task in tasks if task.state in _FAILED]
        if run.state == "success" and all(task.state == "success" for task in tasks):
            return
        causes = [task for task in bad if task.state == "failed"]
        told = "".join(
            f"\n--- {task.task_id}[{task.map_index}], end of its log:\n"
            f"{self._client.log(run, task)[-3000:]}"
            for task in causes[:2]
        )
        raise StackError(f"{run.dag_id} {about} ended as {run.state}: {_summary(tasks)}{told}")

    def _refuse_import_errors(self) -> None:
        errors = self._client.import_errors()
        if errors:
            raise StackError("a DAG file cannot be imported:\n" + "\n".join(errors))

    def _wait(
        self,
        happened: Callable[[], bool],
        otherwise: Callable[[], str],
        refuse: Callable[[], None] | None = None,
        seconds: float = 120.0,
    ) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            if refuse:
                refuse()
            if time.monotonic() > deadline:
                raise StackError(f"{otherwise()} within {seconds:.0f} s")
            time.sleep(_POLL)


def _mark(tasks: list[TaskInstance]) -> str:
    return "✗" if any(task.state in _FAILED for task in tasks) else "✓"


def _extent(tasks: list[TaskInstance]) -> str:
    seconds = sum(task.seconds or 0.0 for task in tasks)
    mapped = f" × {len(tasks)}" if tasks[0].map_index >= 0 else ""
    return f"{mapped}  {seconds:.1f} s"


def _under_way(tasks: list[TaskInstance]) -> str:
    """The tasks that have begun and not ended, mapped ones with how many are done."""
    told = []
    for task_id in dict.fromkeys(task.task_id for task in tasks if task.state == "running"):
        own = [task for task in tasks if task.task_id == task_id]
        done = sum(task.state in _ENDED for task in own)
        told.append(f"{task_id}, {done} of {len(own)} done" if len(own) > 1 else task_id)
    return "; ".join(told) or "waiting for a worker"


def _summary(tasks: list[TaskInstance]) -> str:
    counts = Counter((task.task_id, task.state or "waiting") for task in tasks)
    return ", ".join(f"{task_id} {n} {state}" for (task_id, state), n in sorted(counts.items()))
