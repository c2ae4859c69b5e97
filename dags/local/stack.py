"""Airflow's processes on this machine: api-server, scheduler and dag-processor over SQLite.

`AirflowStack.ready` gives a signed-in `AirflowClient` once every part says that it is healthy; what
was started is ended when the block ends, however the work inside went. Ports are free ones on the
loopback, secrets are made for each start, and the metadata database is new each time: a run tells
its own story only.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from dags.local.client import AirflowClient, StackError
from dags.local.processes import Ledger, Started

__all__ = ["DAGS_FOLDER", "AirflowStack", "free_port"]

DAGS_FOLDER = Path(__file__).resolve().parents[1]
_PROJECT = DAGS_FOLDER.parent
_PRELOAD = (
    "airflow.sdk.execution_time.task_runner,pandas,pyarrow.parquet,duckdb,httpx,"
    "etl.lake,forecasting.predict,api.publish,api.refresh.run"
)
_POLICY = '''\
"""Somebody is waiting: no clock starts a run, and what fails is tried again soon."""
import datetime


def dag_policy(dag):
    dag.end_date = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)


def task_policy(task):
    task.retries = min(task.retries, {retries})
    task.retry_delay = datetime.timedelta(seconds={retry_seconds})
'''


def free_port() -> int:
    """A port of the loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_PARTS = (("api-server",), ("scheduler",), ("dag-processor",))


class AirflowStack:
    """Airflow under `home` with `workers` tasks at a time; tasks see `environment` beside ours.

    `further_parts` are more commands of Airflow's to run, such as ``("celery", "worker")``; what
    `environment` says about Airflow itself stands before what would be said here. A task is tried
    again `retries` times at most, the first time after `retry_seconds`.

    A context manager. Entering removes what an earlier stack left in `home`, migrates the database
    and starts the parts; `ready` waits up to `patience` seconds for their health.
    """

    def __init__(
        self,
        home: Path,
        environment: Mapping[str, str] | None = None,
        workers: int = 2,
        patience: float = 180.0,
        further_parts: Sequence[tuple[str, ...]] = (),
        retries: int = 1,
        retry_seconds: int = 1,
    ) -> None:
        self.home = home.resolve()
        self.url = f"http://127.0.0.1:{free_port()}"
        self._workers = workers
        self._policy = _POLICY.format(retries=retries, retry_seconds=retry_seconds)
        self._patience = patience
        self._commands = {" ".join(command): command for command in (*_PARTS, *further_parts)}
        self.password = secrets.token_urlsafe(16)
        self._environment = self._airflow_environment(dict(environment or {}))
        self._ledger = Ledger(self.home / "processes.json")
        self._parts: dict[str, Started] = {}
        self._client = AirflowClient(self.url)

    def __enter__(self) -> AirflowStack:
        self._ledger.end_leftovers()
        self._make_home()
        try:
            self._airflow("db", "migrate")
            for part in self._commands:
                self.start(part)
            return self
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def ready(self) -> AirflowClient:
        """A signed-in client, as soon as every part is healthy."""
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            self.check()
            if self._client.healthy():
                self._client.sign_in("operator", self.password)
                return self._client
            time.sleep(0.5)
        tails = "\n".join(f"--- {part}\n{self._tail(part)}" for part in self._parts)
        raise StackError(f"Airflow was not healthy within {self._patience:.0f} s:\n{tails}")

    def check(self) -> None:
        """Raise `StackError` where a part has ended by itself, with the end of its log."""
        for part, started in self._parts.items():
            if not started.running:
                raise StackError(f"Airflow's {part} has ended:\n{self._tail(part)}")

    def stop(self) -> None:
        """End every part: SIGINT to its group first, SIGKILL to what has not gone after that."""
        self._client.close()
        self._ledger.end(list(self._parts.values()))
        self._parts = {}

    def revive(self) -> None:
        """Start again what has ended by itself, as a supervisor of services would."""
        for part, started in list(self._parts.items()):
            if not started.running:
                self.start(part)

    def kill(self, part: str) -> None:
        """End one part and its children outright, as a lost machine would."""
        os.killpg(self._parts[part].pid, signal.SIGKILL)

    def log_of(self, part: str) -> str:
        """What a part has written."""
        return self._log(part).read_text(errors="replace")

    def _make_home(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        config = self.home / "config"
        config.mkdir(parents=True)
        (config / "airflow_local_settings.py").write_text(self._policy)
        passwords = self.home / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({"operator": self.password}) + "\n")

    def _airflow_environment(self, further: dict[str, str]) -> dict[str, str]:
        port = self.url.rpartition(":")[2]
        own = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS_FOLDER),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": str(self._workers),
            "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": str(self._workers),
            "AIRFLOW__CORE__MP_START_METHOD": "forkserver",
            "AIRFLOW__CORE__MP_FORKSERVER_PRELOAD": _PRELOAD,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__FERNET_KEY": "",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "operator:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": port,
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(32),
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "3600",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db",
            "PYTHONPATH": str(_PROJECT),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")}
        return {**kept, **own, **further}

    def _airflow(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self._environment,
            cwd=_PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(f"airflow {' '.join(arguments)} failed:\n{done.stdout[-2000:]}")

    def start(self, part: str) -> Started:
        """Start one part, named by its command, once more where it has ended."""
        with self._log(part).open("ab") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "airflow", *self._commands[part]],
                env=self._environment,
                cwd=_PROJECT,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._parts[part] = Started(process)
        self._ledger.note(self._parts.values())
        return self._parts[part]

    def _tail(self, part: str) -> str:
        return self.log_of(part)[-1500:]

    def _log(self, part: str) -> Path:
        return self.home / f"{part.replace(' ', '-').replace('/', '-')}.log"
