"""Redis and PostgreSQL from the system's packages, on the loopback, for Airflow on two workers.

Beside them a MongoDB server for the forecasts, which can be stopped as they can.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from pymongo import MongoClient

from dags.local.stack import free_port

__all__ = ["Cluster"]


class Cluster:
    """Broker, database and forecast store below `folder`; a context manager that ends them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._redis_port = free_port()
        self._postgres_port = free_port()
        self._bin = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
        self._store_port = free_port()
        self._redis: subprocess.Popen[bytes] | None = None
        self._store: subprocess.Popen[bytes] | None = None

    @property
    def store_url(self) -> str:
        """Where the forecasts are published to."""
        return f"mongodb://127.0.0.1:{self._store_port}/storecast"

    @staticmethod
    def missing() -> str:
        """What has to be installed first; empty where nothing is missing."""
        have_postgres = any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        needed = {"redis-server": shutil.which("redis-server"), "postgresql": have_postgres}
        return " ".join(name for name, there in needed.items() if not there)

    @property
    def airflow(self) -> dict[str, str]:
        """What Airflow must be told to use them."""
        database = f"127.0.0.1:{self._postgres_port}/airflow"
        return {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://airflow@{database}",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://airflow@{database}",
            "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{self._redis_port}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://airflow@{database}",
            "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
            "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": '{"include": ["dags.jobs", "dags.daily_jobs"]}',
            "AIRFLOW__CORE__PARALLELISM": "32",
            "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "32",
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "5",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        }

    def __enter__(self) -> Cluster:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.start_redis()
        self.start_store()
        self._make_database()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_redis()
        self.stop_store()
        self._postgres("stop", "-m", "immediate")

    def start_redis(self) -> None:
        """Start Redis; its queue survives a restart."""
        self._redis = subprocess.Popen(
            [
                *("redis-server", "--bind", "127.0.0.1", "--port", str(self._redis_port)),
                *("--dir", str(self._folder), "--appendonly", "yes", "--appendfsync", "always"),
            ],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stop_redis(self) -> None:
        """Kill Redis outright."""
        if self._redis is not None:
            self._redis.send_signal(signal.SIGKILL)
            self._redis.wait()

    def start_store(self) -> None:
        """Start the MongoDB server on what it has kept, and wait until it answers."""
        address = ["--host", "127.0.0.1", "--port", str(self._store_port)]
        folder = self._folder / "store"
        self._store = subprocess.Popen(
            [Path(sys.executable).parent / "secantusd-py", *address, "--storage-path", folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with MongoClient("127.0.0.1", self._store_port) as client:
            client.admin.command("ping")

    def stop_store(self) -> None:
        """Kill the MongoDB server outright."""
        if self._store is not None:
            self._store.kill()
            self._store.wait()

    def restart_postgres(self) -> None:
        """Stop PostgreSQL in the middle of whatever it does, and start it again."""
        self._postgres("stop", "-m", "immediate")
        time.sleep(2)
        self._start_postgres()

    def _make_database(self) -> None:
        data = self._folder / "postgres"
        data.mkdir()
        if os.getuid() == 0:
            shutil.chown(data, "postgres", "postgres")
        self._as_postgres("initdb", "-D", str(data), "-U", "airflow", "-A", "trust", "-E", "UTF8")
        self._start_postgres()
        self._as_postgres(
            *("createdb", "-h", "127.0.0.1", "-p", str(self._postgres_port), "-U", "airflow"),
            "airflow",
        )

    def _start_postgres(self) -> None:
        options = f"-h 127.0.0.1 -p {self._postgres_port} -k /tmp -c max_connections=200"
        log = str(self._folder / "postgres" / "log.txt")
        self._postgres("start", "-w", "-l", log, "-o", options)

    def _postgres(self, *arguments: str) -> None:
        self._as_postgres("pg_ctl", "-D", str(self._folder / "postgres"), *arguments)

    def _as_postgres(self, program: str, *arguments: str) -> None:
        assert self._bin is not None
        account = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        subprocess.run(
            [str(self._bin / program), *arguments],
            check=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )
