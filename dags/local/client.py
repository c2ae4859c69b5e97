"""What Storecast asks of a running Airflow, over its public REST API (v2)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from etl.errors import StorecastError

__all__ = ["AirflowClient", "DagRun", "StackError", "TaskInstance"]

_PAGE = 100
_AWAY = 60.0
_PARTS = ("metadatabase", "scheduler", "dag_processor")


class StackError(StorecastError):
    """Airflow did not start, did not answer, or a run of it did not succeed."""


@dataclass(frozen=True)
class DagRun:
    """One run of a DAG, as Airflow's own state has it."""

    dag_id: str
    run_id: str
    state: str
    partition_key: str | None


@dataclass(frozen=True)
class TaskInstance:
    """One task of a run; `map_index` is -1 where the task is not mapped.

    `began` and `ended` are of its last try.
    """

    task_id: str
    map_index: int
    state: str | None
    tries: int
    seconds: float | None
    began: datetime | None = None
    ended: datetime | None = None


class AirflowClient:
    """The Airflow that answers at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def sign_in(self, user: str, password: str) -> None:
        """Take a token; every further call carries it."""
        answer = self._http.post("/auth/token", json={"username": user, "password": password})
        token = _checked(answer)["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def healthy(self) -> bool:
        """Whether api-server, database, scheduler and dag-processor all say so."""
        try:
            health = _checked(self._http.get("/api/v2/monitor/health"))
        except (httpx.TransportError, StackError):
            return False
        return all((health.get(part) or {}).get("status") == "healthy" for part in _PARTS)

    def dag_ids(self) -> list[str]:
        """The DAGs that Airflow has parsed."""
        return [row["dag_id"] for row in self._pages("/api/v2/dags", "dags")]

    def import_errors(self) -> list[str]:
        """Why a DAG file could not be parsed, for each such file."""
        rows = self._pages("/api/v2/importErrors", "import_errors")
        return [f"{row['filename']}: {row['stack_trace']}" for row in rows]

    def unpause(self, dag_id: str) -> None:
        """Let runs of the DAG begin."""
        path = f"/api/v2/dags/{dag_id}"
        changed = self._http.patch(
            path, params={"update_mask": "is_paused"}, json={"is_paused": False}
        )
        _checked(changed)

    def ensure_pool(self, name: str, slots: int, meaning: str) -> None:
        """Give the pool `name` that many slots, made where there is none."""
        body = {"name": name, "slots": slots, "description": meaning, "include_deferred": False}
        made = self._http.post("/api/v2/pools", json=body)
        if made.status_code == httpx.codes.CONFLICT:
            made = self._http.patch(f"/api/v2/pools/{name}", json=body)
        _checked(made)

    def trigger(
        self, dag_id: str, conf: Mapping[str, Any], partition_key: str | None = None
    ) -> DagRun:
        """Begin a run of the DAG. It has no logical date: what it is about stands in `conf`."""
        body: dict[str, Any] = {"logical_date": None, "conf": dict(conf)}
        if partition_key is not None:
            body["partition_key"] = partition_key
        return _dag_run(_checked(self._http.post(f"/api/v2/dags/{dag_id}/dagRuns", json=body)))

    def runs(self, dag_id: str) -> list[DagRun]:
        """Every run of the DAG, oldest first."""
        path = f"/api/v2/dags/{dag_id}/dagRuns"
        return [_dag_run(row) for row in self._pages(path, "dag_runs", order_by="run_after")]

    def run(self, dag_id: str, run_id: str) -> DagRun:
        """One run, as it is now."""
        return _dag_run(_checked(self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")))

    def tasks(self, run: DagRun) -> list[TaskInstance]:
        """The task instances of a run, mapped ones each for itself."""
        path = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances"
        return [
            TaskInstance(
                row["task_id"],
                row["map_index"],
                row["state"],
                row["try_number"],
                row["duration"],
                _instant(row["start_date"]),
                _instant(row["end_date"]),
            )
            for row in self._pages(path, "task_instances")
        ]

    def result(self, run: DagRun, task_id: str) -> Any:
        """What a task of a run returned."""
        path = (
            f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task_id}"
            "/xcomEntries/return_value"
        )
        return _checked(self._get(path, params={"deserialize": True}))["value"]

    def clear(self, run: DagRun, task_id: str) -> None:
        """Let a task of a run, and what follows from it, run again."""
        body = {
            "dry_run": False,
            "dag_run_id": run.run_id,
            "task_ids": [task_id],
            "only_failed": False,
            "include_downstream": True,
            "reset_dag_runs": True,
        }
        _checked(self._http.post(f"/api/v2/dags/{run.dag_id}/clearTaskInstances", json=body))

    def log(self, run: DagRun, task: TaskInstance) -> str:
        """What the last try of a task wrote, as lines."""
        path = (
            f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task.task_id}"
            f"/logs/{max(task.tries, 1)}"
        )
        answer = self._get(
            path,
            params={"map_index": task.map_index, "full_content": True},
            headers={"Accept": "application/json"},
        )
        content = _checked(answer)["content"]
        return "\n".join(_log_line(entry) for entry in content)

    def _get(self, path: str, **options: Any) -> httpx.Response:
        """An answer, asked for again while Airflow or its database is away for a moment."""
        deadline = time.monotonic() + _AWAY
        while True:
            try:
                answer = self._http.get(path, **options)
                if not answer.is_server_error or time.monotonic() > deadline:
                    return answer
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise StackError(f"Airflow at {self.url} does not answer: {error}") from error
            time.sleep(1)

    def _pages(self, path: str, key: str, **params: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        while True:
            page = _checked(self._get(path, params={**params, "limit": _PAGE, "offset": len(rows)}))
            rows += page[key]
            if not page[key] or len(rows) >= page["total_entries"]:
                return rows


def _checked(answer: httpx.Response) -> Any:
    if answer.is_success:
        return answer.json()
    request = answer.request
    raise StackError(
        f"Airflow answered {answer.status_code} to {request.method} {request.url.path}: "
        f"{answer.text[:500]}"
    )


def _dag_run(row: Mapping[str, Any]) -> DagRun:
    return DagRun(row["dag_id"], row["dag_run_id"], row["state"], row.get("partition_key"))


def _instant(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else None


def _log_line(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    line = str(entry.get("event", ""))
    for detail in entry.get("error_detail") or []:
        line += f"\n  {detail.get('exc_type')}: {detail.get('exc_value')}"
    return line
