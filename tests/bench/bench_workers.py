"""One worker against two, and two against what goes wrong: `forecast_sales` under Celery.

Real Redis, PostgreSQL and Airflow processes on the loopback. The same generated shards are forecast
by one worker, by two, and by two while a worker is killed, Redis and PostgreSQL restarted; the
predictions must be the same bytes, and those of a plain process. Airflow's own cost is the wall
time of all tasks beside the time that the jobs themselves take in one plain process.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import Cluster
from generated import CUTOFF, generate_shards

from dags import jobs
from dags.local.months import open_dags
from dags.local.stack import AirflowStack
from dags.local.watch import Watch
from etl.lake import Lake
from etl.settings import Settings, settings_from

WORKER = "celery worker --concurrency 1 --skip-serve-logs --celery-hostname {}@%h"


@dataclass(frozen=True)
class Outcome:
    """One run of the DAG: seconds from trigger to end, tasks by worker, retries, and the bytes."""

    seconds: float
    tasks_by_worker: Counter[str]
    tries: int
    digest: str


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", action="store_true", help="40 shards of about a minute each")
    parser.add_argument("--shards", type=int)
    parser.add_argument("--series", type=int)
    parser.add_argument("--engine", default="")
    parser.add_argument("--disturbed", action="store_true", help="only the run with the restarts")
    options = parser.parse_args(arguments)
    if missing := Cluster.missing():
        sys.exit(f"bench_workers needs {missing}: apt-get install {missing}")
    shards = options.shards or (40 if options.scale else 6)
    series = options.series or (250 if options.scale else 20)
    engine = options.engine or ("ensemble" if options.scale else "arima")
    with tempfile.TemporaryDirectory(prefix="workers-") as folder:
        top = Path(folder)
        top.chmod(0o755)
        lake = top / "lake"
        generate_shards(Lake(lake), shards, series)
        print(f"{shards} shards of {series} series, engine {engine}", flush=True)
        plain, digest = _plain(top, lake, engine)
        print(f"{'plain process':<34}{plain:8.1f} s", flush=True)
        digests = {digest}
        if not options.disturbed:
            one = _under_airflow(top, lake, engine, 1)
            _tell("one worker", one, plain)
            two = _under_airflow(top, lake, engine, 2)
            _tell("two workers", two, plain)
            print(f"speed-up of two over one: {one.seconds / two.seconds:.2f}")
            digests |= {one.digest, two.digest}
        hurt = _under_airflow(top, lake, engine, 2, trouble=_trouble)
        _tell("two, one killed, restarts", hurt, plain)
        digests.add(hurt.digest)
    same = len(digests) == 1
    print(f"predictions are {'the same bytes' if same else 'NOT THE SAME'} in every run")
    if not same:
        sys.exit(1)


def _settings(top: Path, lake: Path, engine: str) -> dict[str, str]:
    return {
        "STORECAST_LAKE_URL": str(lake),
        "STORECAST_STORE_URL": f"sqlite:///{top}/store.sqlite",
        "STORECAST_ENGINE": engine,
        "STORECAST_JOBS": "1",
    }


def _plain(top: Path, lake: Path, engine: str) -> tuple[float, str]:
    """Seconds that the jobs take, one after the other, in this process, and what they leave."""
    copy = top / "plain"
    shutil.copytree(lake, copy)
    settings: Settings = settings_from(_settings(top, copy, engine))
    began = time.perf_counter()
    run_id = jobs.open_run(CUTOFF, settings)
    jobs.predict_shards(run_id, jobs.list_shards(CUTOFF, settings), settings)
    jobs.close_run(run_id, settings)
    return time.perf_counter() - began, _digest(Lake(copy))


def _under_airflow(
    top: Path,
    lake: Path,
    engine: str,
    workers: int,
    trouble: Callable[[AirflowStack, Cluster, Lake, threading.Event], None] | None = None,
) -> Outcome:
    folder = Path(tempfile.mkdtemp(dir=top))
    folder.chmod(0o755)
    shutil.copytree(lake, folder / "lake")
    parts = [tuple(WORKER.format(f"w{n}").split()) for n in range(workers)]
    with Cluster(folder / "cluster") as cluster:
        environment = {**_settings(folder, folder / "lake", engine), **cluster.airflow}
        stack = AirflowStack(folder / "airflow", environment, further_parts=parts, retries=3)
        with stack:
            client = stack.ready()
            watch = Watch(client, out=sys.stderr, patience=6 * 3600)
            open_dags(client, watch)
            time.sleep(15)  # workers import for a while; the clock starts when all stand ready
            over = threading.Event()
            began = time.perf_counter()
            run = client.trigger("forecast_sales", {}, partition_key=f"{CUTOFF:%Y-%m}")
            if trouble:
                told = (stack, cluster, Lake(folder / "lake"), over)
                threading.Thread(target=trouble, args=told, daemon=True).start()
            watch.until_done(run, f"by {workers} workers")
            seconds = time.perf_counter() - began
            tasks = client.tasks(run)
            over.set()
            done = Counter({part[-1][:2]: _tasks_done(stack, " ".join(part)) for part in parts})
    return Outcome(
        seconds,
        done,
        sum(task.tries for task in tasks) - len(tasks),
        _digest(Lake(folder / "lake")),
    )


def _trouble(stack: AirflowStack, cluster: Cluster, lake: Lake, over: threading.Event) -> None:
    """Kill a worker outright, restart Redis and PostgreSQL; bring back whatever ended by it.

    It begins when two shards are done and the worker is at a further one. Without its database
    Airflow's scheduler ends, and counts on a supervisor to start it again.
    """
    victim = WORKER.format("w0")
    while len(lake.paths("predictions", ".csv")) < 2 or not _at_work(stack, victim):
        time.sleep(0.1)
    time.sleep(2)
    stack.kill(victim)
    time.sleep(5)
    cluster.stop_redis()
    time.sleep(2)
    cluster.start_redis()
    time.sleep(5)
    cluster.restart_postgres()
    while not over.wait(5):
        stack.revive()


def _at_work(stack: AirflowStack, worker: str) -> bool:
    """Whether a worker has begun a task that it has not finished."""
    return stack.log_of(worker).count("] received") > _tasks_done(stack, worker)


def _tasks_done(stack: AirflowStack, worker: str) -> int:
    """Tasks that a worker says it has finished."""
    return stack.log_of(worker).count("succeeded in")


def _digest(lake: Lake) -> str:
    digest = hashlib.sha256()
    for path in lake.paths("predictions", ".csv"):
        digest.update(path.encode() + lake.read_bytes(path))
    return digest.hexdigest()


def _tell(name: str, outcome: Outcome, plain: float) -> None:
    by_worker = ", ".join(f"{host} {n}" for host, n in sorted(outcome.tasks_by_worker.items()))
    print(
        f"{name:<34}{outcome.seconds:8.1f} s   tasks by worker: {by_worker}; "
        f"retries {outcome.tries}; {outcome.seconds / plain:.2f} × plain",
        flush=True,
    )


if __name__ == "__main__":
    main()
