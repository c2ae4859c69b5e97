"""One worker against two, and two against what goes wrong: `forecast_sales` under Celery.

    python tests/bench/bench_workers.py                      6 small shards, every part
    python tests/bench/bench_workers.py --scale              40 shards of about a minute
    python tests/bench/bench_workers.py --scale --part two   that part alone; `two` comes first

Real Redis, PostgreSQL, MongoDB server and Airflow processes on the loopback, the same generated
shards in each part:

- `two`: by two workers. Its files are what the other parts are compared with, to the byte.
- `disturbed`: by two workers, while a worker is killed, Redis and PostgreSQL are restarted, and the
  store is stopped for a minute just when the run is closed and published.
- `one`: by one worker. The first shards alone are made, the others lie there as `two` left them;
  what all would take is their rate times the number of shards.
- `plain`: the first shards in this process, without Airflow.

What the parts told is kept in `.bench/workers`; with `--scale` the section `workers` of
docs/benchmarks.md is written anew after each.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from cluster import Cluster
from generated import CUTOFF, MERCHANTS, STORES, generate_shards
from page import circumstances, put_section, table_of

from api.store import open_store
from api.store.documents import Scope
from dags import jobs
from dags.local.client import AirflowClient, DagRun
from dags.local.months import open_dags
from dags.local.stack import AirflowStack
from dags.local.watch import Watch
from etl.lake import Lake
from etl.settings import Settings, settings_from
from forecasting.survey import FEWEST_RACED

FOLDER = Path(__file__).resolve().parents[2] / ".bench" / "workers"
PARTS = ("two", "disturbed", "one", "plain")
RUN_ID = f"{CUTOFF:%Y-%m}.1"
RUN = f"predictions/run_id={RUN_ID}"
WORKER = "celery worker --concurrency 1 --skip-serve-logs --celery-hostname {}@%h"
TRIAL_SHARDS, TRIAL_SERIES = 6, 100


@dataclass(frozen=True)
class Plan:
    """The shards of every part; `first` are those that `one` makes, `few` those of `plain`."""

    shards: int
    series: int
    engine: str
    first: int
    few: int
    store_away: int


@dataclass(frozen=True)
class Outcome:
    """One part: seconds from trigger to end, and from the first forecasting task to the last.

    `job_seconds` is the work inside the tasks that made `shards` shards, `same` whether files and
    published documents are those of `two`.
    """

    part: str
    workers: int
    shards: int
    seconds: float
    forecasting: float
    job_seconds: float
    tasks_by_worker: dict[str, int]
    retries: int
    same: bool
    trouble: list[str] = field(default_factory=list)
    served: str = ""

    @property
    def airflow_share(self) -> float:
        """Of the workers' time while shards were made, what the jobs did not use."""
        return 1 - self.job_seconds / (self.workers * self.forecasting)

    def rate(self) -> float:
        """Seconds a shard."""
        return self.forecasting / self.shards


def main(arguments: Sequence[str] | None = None) -> None:
    """Do the parts asked for, and print what is known of all."""
    options = _options(arguments)
    if missing := Cluster.missing():
        sys.exit(f"bench_workers needs {missing}: apt-get install {missing}")
    for part in [options.part] if options.part else PARTS:
        plan = _begin(options) if part == "two" else _plan()
        print(f"{part}: {plan.shards} shards of {plan.series} series, {plan.engine}", flush=True)
        began = time.perf_counter()
        outcome = _do(part, plan)
        _keep(outcome)
        print(f"{part} took {(time.perf_counter() - began) / 60:.1f} minutes in all", flush=True)
        text = _told(plan)
        if options.scale:
            put_section("workers", "Two workers beside one, and through what goes wrong", text)
    print(text)
    if not all(outcome.same for outcome in _outcomes().values()):
        sys.exit("NOT THE SAME BYTES")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", action="store_true", help="40 shards of about a minute each")
    parser.add_argument("--part", choices=PARTS, help="one part alone")
    parser.add_argument("--shards", type=int)
    parser.add_argument("--series", type=int, help="series a shard, instead of a trial")
    parser.add_argument("--shard-seconds", type=int, default=42, help="work of one shard")
    parser.add_argument("--first", type=int, help="shards that one worker makes")
    parser.add_argument("--engine", default="")
    return parser.parse_args(arguments)


def _begin(options: argparse.Namespace) -> Plan:
    """Generate the shards anew, and forget what earlier parts told."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    shards = options.shards or (40 if options.scale else 6)
    engine = options.engine or ("ensemble" if options.scale else "arima")
    if options.scale:
        series = options.series or _series_for(options.shard_seconds, engine)
        plan = Plan(shards, series, engine, options.first or 6, 2, 60)
    else:
        plan = Plan(shards, options.series or 20, engine, options.first or 2, 2, 20)
    generate_shards(Lake(FOLDER / "lake"), plan.shards, plan.series)
    (FOLDER / "plan.json").write_text(json.dumps(asdict(plan)))
    return plan


def _plan() -> Plan:
    path = FOLDER / "plan.json"
    if not path.exists():
        sys.exit("the part `two` comes first: the others are compared with it")
    return Plan(**json.loads(path.read_text()))


def _series_for(seconds: float, engine: str) -> int:
    """How many series keep one process busy for so long, by the second of a few small shards.

    The ensemble's survey has raced some of them already, which are none of a large fleet's.
    """
    with tempfile.TemporaryDirectory(prefix="workers-") as folder:
        generate_shards(Lake(folder), TRIAL_SHARDS, TRIAL_SERIES)
        settings = _settings(Path(folder), engine)
        run_id = jobs.open_run(CUTOFF, settings)
        jobs.predict_shards(run_id, [0], settings)
        began = time.process_time()
        jobs.predict_shards(run_id, [1], settings)
        taken = time.process_time() - began
    raced = FEWEST_RACED / TRIAL_SHARDS if engine == "ensemble" else 0
    return max(1, round(seconds * (TRIAL_SERIES - raced) / taken))


def _do(part: str, plan: Plan) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="workers-") as folder:
        top = Path(folder)
        top.chmod(0o755)
        shutil.copytree(FOLDER / "lake", top / "lake")
        if part == "two":
            return _under_airflow(top, plan, part, 2)
        if part == "disturbed":
            return _under_airflow(top, plan, part, 2, _trouble)
        made = plan.few if part == "plain" else plan.first
        _lay_down(Lake(top / "lake"), range(made))
        if part == "plain":
            return _plain(top / "lake", plan)
        return _under_airflow(top, plan, part, 1)


def _lay_down(lake: Lake, but: Sequence[int]) -> None:
    """Put what `two` made there, but some shards: a run that was left in the middle."""
    done = Lake(FOLDER / "two")
    left_out = {f"{what}{number:04}" for number in but for what in ("shard=", "notes/shard=")}
    for path in done.paths(RUN):
        name = path.removeprefix(f"{RUN}/")
        told_before = name.startswith(("shard=", "notes/", "survey-"))
        if told_before and name.rpartition(".")[0] not in left_out:
            lake.write_bytes(path, done.read_bytes(path))


def _settings(lake: Path, engine: str, store_url: str = "sqlite:///:memory:") -> Settings:
    return settings_from(_environment(lake, engine, store_url))


def _environment(lake: Path, engine: str, store_url: str) -> dict[str, str]:
    return {
        "STORECAST_LAKE_URL": str(lake),
        "STORECAST_STORE_URL": store_url,
        "STORECAST_ENGINE": engine,
        "STORECAST_JOBS": "1",
    }


def _plain(folder: Path, plan: Plan) -> Outcome:
    """The first shards in this process, one after the other."""
    lake, settings = Lake(folder), _settings(folder, plan.engine)
    numbers = list(range(plan.few))
    began = time.perf_counter()
    jobs.predict_shards(RUN_ID, numbers, settings)
    seconds = time.perf_counter() - began
    work = _job_seconds(lake, numbers)
    same = _hashes(lake) == _hashes(Lake(FOLDER / "two"))
    return Outcome("plain", 1, plan.few, seconds, seconds, work, {}, 0, same)


def _under_airflow(
    top: Path,
    plan: Plan,
    part: str,
    workers: int,
    trouble: Callable[[Plan, AirflowStack, Cluster, Lake, _Trouble], None] | None = None,
) -> Outcome:
    parts = [tuple(WORKER.format(f"w{n}").split()) for n in range(workers)]
    lake = Lake(top / "lake")
    with Cluster(top / "cluster") as cluster:
        environment = _environment(top / "lake", plan.engine, cluster.store_url) | cluster.airflow
        stack = AirflowStack(
            top / "airflow", environment, further_parts=parts, retries=3, retry_seconds=15
        )
        with stack:
            client = stack.ready()
            watch = Watch(client, out=sys.stderr, patience=6 * 3600)
            open_dags(client, watch)
            # A shard that waits for a worker waits in the pool, where nothing takes it for lost.
            client.ensure_pool("training", workers, "as many as there are workers")
            time.sleep(15)  # workers import for a while; the clock starts when all stand ready
            told = _Trouble(time.perf_counter())
            run = client.trigger("forecast_sales", {}, partition_key=f"{CUTOFF:%Y-%m}")
            if trouble:
                values = (plan, stack, cluster, lake, told)
                threading.Thread(target=trouble, args=values, daemon=True).start()
            watch.until_done(run, f"by {workers} workers")
            seconds = time.perf_counter() - told.began
            told.over.set()
            done = Counter({part[-1][:2]: _tasks_done(stack, " ".join(part)) for part in parts})
            made = plan.first if part == "one" else plan.shards
            forecasting, retries = _forecasting(client, run, made)
        served = _served(cluster.store_url)
    if trouble and len(told.events) < len(_STEPS):
        sys.exit(f"the run ended before all went wrong, only {told.events}: make it longer")
    work = _job_seconds(lake, range(made))
    outcome = Outcome(
        part, workers, made, seconds, forecasting, work, dict(done), retries, True, told.events
    )
    if part == "two":
        shutil.copytree(top / "lake" / "predictions", FOLDER / "two" / "predictions")
        return replace(outcome, served=served)
    same = _hashes(lake) == _hashes(Lake(FOLDER / "two")) and served == _outcomes()["two"].served
    return replace(outcome, same=same, served=served)


def _forecasting(client: AirflowClient, run: DagRun, made: int) -> tuple[float, int]:
    """Seconds from the first of the tasks that made shards to the last, and retries of all."""
    tasks = client.tasks(run)
    own = [t for t in tasks if t.task_id == "predict_shards" and t.map_index < made]
    begun, ended = [t.began for t in own if t.began], [t.ended for t in own if t.ended]
    return (max(ended) - min(begun)).total_seconds(), sum(t.tries for t in tasks) - len(tasks)


class _Trouble:
    """What was done to a run, and when, in seconds since it `began`."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.over = threading.Event()
        self.events: list[str] = []

    def note(self, what: str) -> None:
        self.events.append(f"{what} at {time.perf_counter() - self.began:.0f} s")


def _trouble(plan: Plan, stack: AirflowStack, cluster: Cluster, lake: Lake, told: _Trouble) -> None:
    """One thing after the other goes wrong, each when so many shards are there.

    Whatever ended is started again, as a supervisor would: without its database Airflow's scheduler
    ends by itself.
    """
    steps = list(_STEPS)
    while not told.over.wait(1):
        stack.revive()
        if steps and len(lake.paths(RUN, ".csv")) >= steps[0][0] * plan.shards:
            steps.pop(0)[1](plan, stack, cluster, told)


def _lose_worker(_: Plan, stack: AirflowStack, __: Cluster, told: _Trouble) -> None:
    victim = WORKER.format("w0")
    while not _at_work(stack, victim) and not told.over.wait(0.1):
        pass
    time.sleep(1)
    stack.kill(victim)
    told.note("a worker killed")


def _restart_redis(_: Plan, __: AirflowStack, cluster: Cluster, told: _Trouble) -> None:
    cluster.stop_redis()
    time.sleep(2)
    cluster.start_redis()
    told.note("Redis killed and started")


def _restart_postgres(_: Plan, __: AirflowStack, cluster: Cluster, told: _Trouble) -> None:
    cluster.restart_postgres()
    told.note("PostgreSQL restarted")


def _stop_store(plan: Plan, __: AirflowStack, cluster: Cluster, told: _Trouble) -> None:
    cluster.stop_store()
    told.note(f"the store killed for {plan.store_away} s")
    time.sleep(plan.store_away)
    cluster.start_store()


_STEPS: list[tuple[float, Callable[[Plan, AirflowStack, Cluster, _Trouble], None]]] = [
    (0.2, _lose_worker),
    (0.4, _restart_redis),
    (0.6, _restart_postgres),
    (1.0, _stop_store),
]


def _at_work(stack: AirflowStack, worker: str) -> bool:
    """Whether a worker has begun a task that it has not finished."""
    return stack.log_of(worker).count("] received") > _tasks_done(stack, worker)


def _tasks_done(stack: AirflowStack, worker: str) -> int:
    """Tasks that a worker says it has finished."""
    return stack.log_of(worker).count("succeeded in")


def _job_seconds(lake: Lake, shards: Sequence[int]) -> float:
    """What the jobs noted that they took."""
    notes = [lake.read_json(f"{RUN}/notes/shard={number:04}.json") for number in shards]
    return sum(note["seconds"] for note in notes)


def _hashes(lake: Lake) -> dict[str, str]:
    """Digest of each shard's predictions."""
    paths = lake.paths(RUN, ".csv")
    return {path: hashlib.sha256(lake.read_bytes(path)).hexdigest() for path in paths}


def _served(url: str) -> str:
    """Digest of every forecast that the store serves; '' where nothing is published."""
    digest = hashlib.sha256()
    with closing(open_store(url)) as store:
        edition = store.current()
        if edition is None:
            return ""
        for merchant in MERCHANTS:
            for shop in STORES:
                after = ""
                while page := store.forecasts(edition.load, Scope(merchant), shop, after, 500):
                    for product, document in page:
                        digest.update(product.encode() + document)
                    after = page[-1][0]
    return digest.hexdigest()


def _keep(outcome: Outcome) -> None:
    known = {part: asdict(one) for part, one in _outcomes().items()}
    (FOLDER / "outcomes.json").write_text(json.dumps(known | {outcome.part: asdict(outcome)}))


def _outcomes() -> dict[str, Outcome]:
    """What each part told that was done with these shards."""
    path = FOLDER / "outcomes.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    return {part: Outcome(**known[part]) for part in PARTS if part in known}


def _told(plan: Plan) -> str:
    """What is known of all parts, as a section of the page."""
    known = _outcomes()
    lines = [
        f"`forecast_sales` over {plan.shards} generated shards of {plan.series} series of 48 "
        f"months each, engine `{plan.engine}`, by `tests/bench/bench_workers.py --scale`: real "
        "Redis, PostgreSQL, MongoDB server and Airflow processes on the same cores. *job s* is the "
        "wall time of the work inside the tasks, which the others on these cores lengthen (`plain` "
        "is alone); *Airflow* is what is left of the workers' time while shards were made.",
        f"\n{circumstances()}\n",
        table_of([_row(outcome) for outcome in known.values()]),
        "",
    ]
    if "one" in known:
        lines.append(_speed_up(plan, known["two"], known["one"]))
    if "disturbed" in known:
        lines.append(f"Disturbed: {', '.join(known['disturbed'].trouble)}; it ended by itself.")
    if others := [name for name in known if name != "two"]:
        same = all(known[name].same for name in others)
        verdict = "byte for byte" if same else "NOT"
        lines.append(
            f"Predictions, and what is published of them, are {verdict} those of `two` in: "
            f"{', '.join(others)}."
        )
    return "\n".join(lines)


def _row(outcome: Outcome) -> dict[str, Any]:
    by_worker = ", ".join(f"{name} {n}" for name, n in sorted(outcome.tasks_by_worker.items()))
    return {
        "part": outcome.part,
        "workers": outcome.workers,
        "shards made": outcome.shards,
        "trigger to end s": round(outcome.seconds),
        "forecasting s": round(outcome.forecasting),
        "job s a shard": round(outcome.job_seconds / outcome.shards, 1),
        "Airflow": f"{outcome.airflow_share:.1%}",
        "tasks by worker": by_worker or "–",
        "retries": outcome.retries,
    }


def _speed_up(plan: Plan, two: Outcome, one: Outcome) -> str:
    all_by_one = one.rate() * plan.shards
    return (
        f"Two workers were {all_by_one / two.forecasting:.2f} times as fast as one: "
        f"{two.forecasting:.0f} s for {plan.shards} shards against {all_by_one:.0f} s, the rate of "
        f"one over {one.shards} of the same shards, extrapolated."
    )


if __name__ == "__main__":
    main()
