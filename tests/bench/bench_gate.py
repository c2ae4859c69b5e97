"""What the gate costs beside the run that it stands before, on small and large fleets.

    python tests/bench/bench_gate.py              2,000 and 10,000 series, engine arima
    python tests/bench/bench_gate.py --scale      10,000 to 100,000, engine ensemble: an hour

A lake of generated series, with shards of the last seven cutoffs and a year of vintages scored in
each of the last six months. Measured, each in a process of its own with one worker: `judge` where
the code is the same, where the settings want another engine, where the code is another version;
`review` of a scored month; and beside them a run of the same fleet: its survey, and one shard times
as many as there are. With `--scale` the section `gate` of docs/benchmarks.md is written.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from generated import CUTOFF, generate_shards
from page import circumstances, put_section, table_of

from etl.lake import Lake
from etl.settings import Settings
from etl.tables import SCORES, SHARDS
from forecasting import rollout
from forecasting.configured import Configured
from forecasting.forecaster import add_months
from forecasting.plan import begin_run
from forecasting.predict import predict_shard, survey_run
from forecasting.series import read_shard, shard_manifest
from forecasting.versions import Version

FOLDER = Path(__file__).resolve().parents[2] / ".bench" / "gate"
PER_SHARD = 1000
QUICK, SCALE = (2_000, 10_000), (10_000, 30_000, 100_000)
RUN = f"{CUTOFF:%Y-%m}.1"
OLD = Version("old", "old", (1.0,))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every size, print the table, and write it at full scale."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", action="store_true", help="10,000 to 100,000; write the section")
    parser.add_argument("--engine", default="")
    parser.add_argument("--series", type=int, nargs="*")
    parser.add_argument("--measure", choices=["generate", *MEASURED], help=argparse.SUPPRESS)
    parser.add_argument("--lake", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    engine = options.engine or ("ensemble" if options.scale else "arima")
    if options.measure == "generate":
        generate(Lake(options.lake), int(options.engine))
        print("{}")
        return
    if options.measure:
        print(json.dumps(measured(options.measure, Lake(options.lake), engine)))
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = [
        row
        for size in options.series or (SCALE if options.scale else QUICK)
        for row in rows_of(size, engine)
    ]
    print(table_of(rows))
    if options.scale:
        put_section("gate", "The gate beside the run that it stands before", told(rows, engine))


def rows_of(series: int, engine: str) -> list[dict]:
    """What each step takes on a fleet of that many series."""
    with tempfile.TemporaryDirectory(prefix="lake-", dir=FOLDER) as folder:
        # In a process of its own: those started by one with much memory would be told to have it.
        in_a_process("generate", folder, str(series))
        found = {step: in_a_process(step, folder, engine) for step in MEASURED}
    run = found["run"]["seconds"]
    return [
        {
            "series": f"{series:,}",
            "step": MEASURED[step][0],
            "CPU s": f"{one['seconds']:,.1f}",
            "of the run": f"{one['seconds'] / run:.1%}",
            "peak MB": f"{one['megabytes']:,.0f}",
        }
        for step, one in found.items()
    ]


def in_a_process(step: str, lake: str, engine: str) -> dict:
    """CPU seconds and peak memory of one step."""
    command = [sys.executable, __file__, "--measure", step, "--lake", lake, "--engine", engine]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def measured(step: str, lake: Lake, engine: str) -> dict:
    """CPU seconds of the step in this process, and the most memory that it had."""
    seconds = MEASURED[step][1](lake, Settings(engine=engine, jobs=1, lake_url=str(lake.url)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"seconds": seconds, "megabytes": peak}


def judge_the_same(lake: Lake, settings: Settings) -> float:
    """Nothing is new."""
    rollout.judge(lake, CUTOFF, settings)
    return _seconds(lambda: rollout.judge(lake, CUTOFF, settings))


def judge_engine(lake: Lake, settings: Settings) -> float:
    """The settings want another engine than the one that serves."""
    other = replace(settings, engine="theta" if settings.engine == "arima" else "arima")
    lake.delete("gate/state.json")
    rollout.judge(lake, CUTOFF, other)
    return _seconds(lambda: rollout.judge(lake, CUTOFF, settings))


def judge_version(lake: Lake, settings: Settings) -> float:
    """The code forecasts otherwise than what has published the last months."""
    serving = Configured(settings.engine, version=OLD)
    lake.write_json("gate/state.json", rollout.Rollout(serving, since="2025-01").to_json())
    for cutoff in cutoffs():
        told = {"run_id": f"{cutoff:%Y-%m}.1", "engine": settings.engine, "version": "old"}
        lake.write_json(f"predictions/run_id={cutoff:%Y-%m}.1/manifest.json", told)
    return _seconds(lambda: rollout.judge(lake, CUTOFF, settings))


def review(lake: Lake, settings: Settings) -> float:
    """A month was scored after a new engine took over."""
    serving, before = Configured(settings.engine, version=OLD), Configured("seasonal_naive")
    since = f"{add_months(CUTOFF, -1):%Y-%m}"
    state = rollout.Rollout(serving, since=since, previous=before)
    lake.write_json("gate/state.json", state.to_json())
    return _seconds(lambda: rollout.review(lake, CUTOFF))


def run(lake: Lake, settings: Settings) -> float:
    """The survey of the fleet, and every shard as long as the first."""
    lake.delete("gate/state.json")
    begin_run(lake, RUN, settings)
    surveyed = _seconds(lambda: survey_run(lake, RUN, settings))
    first = _seconds(lambda: predict_shard(lake, RUN, 0, settings))
    return surveyed + first * len(shard_manifest(lake, CUTOFF)["shards"])


MEASURED: dict[str, tuple[str, Callable[[Lake, Settings], float]]] = {
    "same": ("judge: nothing new", judge_the_same),
    "engine": ("judge: another engine", judge_engine),
    "version": ("judge: another version", judge_version),
    "review": ("review", review),
    "run": ("the run itself", run),
}


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def cutoffs() -> list[date]:
    """The last six cutoffs before the present one, the oldest first."""
    return [add_months(CUTOFF, -back) for back in range(6, 0, -1)]


def generate(lake: Lake, series: int) -> None:
    """Shards of seven cutoffs, and the last six months' scores of twelve vintages each."""
    generate_shards(lake, max(series // PER_SHARD, 1), min(series, PER_SHARD))
    manifest = shard_manifest(lake, CUTOFF)
    shards = {one["shard"]: read_shard(lake, CUTOFF, one["shard"]) for one in manifest["shards"]}
    for cutoff in cutoffs():
        folder, entries = f"shards/cutoff_month={cutoff:%Y-%m}", []
        for entry in manifest["shards"]:
            path = f"{folder}/shard={entry['shard']:04}.parquet"
            lake.write_table(path, _known_at(shards[entry["shard"]], cutoff), SHARDS)
            entries.append({**entry, "path": path})
        told = {**manifest, "cutoff_month": f"{cutoff:%Y-%m}", "shards": entries}
        lake.write_json(f"{folder}/manifest.json", told)
    for back in range(6):
        _write_scores(lake, add_months(CUTOFF, -back), list(shards.values()), back)


def _known_at(shard: pa.Table, cutoff: date) -> pa.Table:
    """The shard as it was at that cutoff."""
    rows, gone = shard.to_pandas(), (CUTOFF.year - cutoff.year) * 12 + CUTOFF.month - cutoff.month
    for name in ("units_sold", "revenue", "days_out_of_stock"):
        rows[name] = [values[:-gone] for values in rows[name]]
    return pa.Table.from_pandas(rows.assign(cutoff_month=cutoff), preserve_index=False)


def _write_scores(lake: Lake, month: date, shards: list[pa.Table], back: int) -> None:
    """SCORES of the month from the twelve cutoffs before it, as `score_month` lays them down."""
    rng, path = np.random.default_rng(back), f"scores/month={month:%Y-%m}/part.parquet"
    file = Path(lake.uri(path))
    file.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(file, SCORES.schema, compression="zstd") as writer:
        for ahead in range(12, 0, -1):
            for shard in shards:
                writer.write_table(_scores(rng, month, ahead, shard, back))


def _scores(
    rng: np.random.Generator, month: date, ahead: int, shard: pa.Table, back: int
) -> pa.Table:
    count, cutoff = shard.num_rows, add_months(month, -ahead)
    sold = np.array([units[-1 - back] for units in shard["units_sold"].to_pylist()], float)
    told = sold * rng.uniform(0.5, 1.5, count)
    of_all = {
        "run_id": f"{cutoff:%Y-%m}.1", "cutoff_month": cutoff, "month": month, "horizon": ahead,
        "model": "ensemble", "reason": "raced class=smooth length=long weights=ets:0.50,theta:0.50",
        "demand_class": "smooth", "mase_scale": 5.0, "rmsse_scale": 6.0,
    }  # fmt: skip
    columns = {name: [value] * count for name, value in of_all.items()}
    kept = (*SHARDS.key[:3], "category", "currency", "mean_net_price")
    columns |= {name: shard[name] for name in kept}
    columns |= {"units_sold": sold, "units_forecast": told, "units_naive": told}
    columns |= {f"lo{level}": told * 0.5 for level in (50, 80, 95)}
    columns |= {f"hi{level}": told * 1.5 for level in (50, 80, 95)}
    return SCORES.conform(pa.table(columns))


def told(rows: list[dict], engine: str) -> str:
    """The table with what was measured, as a section of the page."""
    return (
        f"`tests/bench/bench_gate.py --scale`: generated series of 48 months, engine `{engine}`, "
        "one worker, each step in a process of its own. The run is its survey and one shard of "
        f"{PER_SHARD:,} series, times the shards. {circumstances()}\n\n{table_of(rows)}"
    )


if __name__ == "__main__":
    main()
