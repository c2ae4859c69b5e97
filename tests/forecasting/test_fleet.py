"""A shard over processes: everything in, everything out, whatever one series does."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from forecasting.fleet import Fleet, Work, cores, forecast_fleet
from forecasting.models.seasonal_naive import SeasonalNaive


@dataclass(frozen=True)
class Moody:
    """Seasonal naive that does to its process what the product's name says."""

    folder: str = ""
    name: str = "moody"

    def forecast(self, batch, horizon):
        return [self._one(series, horizon) for series in batch]

    def _one(self, series, horizon):
        match series.product_id:
            case "exit":
                os._exit(3)
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "raise":
                raise ValueError("no")
            case "killed_once":
                mark = Path(self.folder, "killed")
                if not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
            case "threads":
                count = float(os.environ["OPENBLAS_NUM_THREADS"])
                return replace(SeasonalNaive().forecast([series], horizon)[0], reason=f"{count=}")
            case "pid" | "pid_again":
                return replace(
                    SeasonalNaive().forecast([series], horizon)[0], reason=f"pid={os.getpid()}"
                )
            case "slow":
                Path(self.folder, f"{os.getpid()}.pid").touch()
                time.sleep(60)
        return SeasonalNaive().forecast([series], horizon)[0]


@pytest.fixture
def works(make_series):
    def make(count=40, **moods):
        names = {place: mood for mood, place in moods.items()}
        return [
            Work(make_series(np.arange(24.0) + i, names.get(i, f"P{i:03}"))) for i in range(count)
        ]

    return make


def test_everything_comes_back_in_order(works):
    given = works(100)
    done = list(forecast_fleet(given, Moody(), 12, jobs=2))
    assert [d.series.key for d in done] == [w.series.key for w in given]
    assert [d.forecast.units[0] for d in done] == [12.0 + i for i in range(100)]


def test_one_process_and_two_say_the_same(works):
    here = forecast_fleet(works(), Moody(), 12, jobs=1)
    there = forecast_fleet(works(), Moody(), 12, jobs=2)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one.forecast.upper, other.forecast.upper)


def test_a_series_that_kills_its_worker_is_alone_answered_by_the_rule(works):
    done = list(forecast_fleet(works(exit=1, segfault=17, **{"raise": 30}), Moody(), 12, jobs=2))
    reasons = {d.series.product_id: d.forecast.reason for d in done if d.forecast.reason}
    assert reasons == {
        "exit": "worker_died exit=3 served=seasonal_naive",
        "segfault": "worker_died signal=11 served=seasonal_naive",
        "raise": "engine_failed engine=moody error=ValueError served=seasonal_naive",
    }
    assert len(done) == 40


def test_a_worker_killed_from_outside_loses_nothing(works, tmp_path):
    done = list(forecast_fleet(works(killed_once=5), Moody(str(tmp_path)), 12, jobs=2))
    assert (tmp_path / "killed").exists()
    assert [d.forecast.reason for d in done] == [""] * 40


def test_linear_algebra_has_one_thread_in_a_worker(works):
    done = list(forecast_fleet(works(1, threads=0), Moody(), 12, jobs=2))
    assert done[0].forecast.reason == "count=1.0"


def test_input_is_drawn_only_as_far_as_needed(works):
    drawn = 0

    def draw():
        nonlocal drawn
        for work in works(20_000):
            drawn += 1
            yield work

    fleet = forecast_fleet(draw(), Moody(), 12, jobs=2)
    next(fleet)
    fleet.close()
    assert drawn < 200


def test_stopping_early_ends_the_workers(works, tmp_path):
    fleet = forecast_fleet(works(60, slow=5), Moody(str(tmp_path)), 12, jobs=2)
    next(fleet)
    deadline = time.monotonic() + 20
    while not (pids := list(tmp_path.glob("*.pid"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    fleet.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pids[0].stem), 0)


def test_workers_stay_for_the_next_stream(works):
    with Fleet(Moody(), 12, jobs=2) as fleet:
        first = {d.forecast.reason for d in fleet.forecast(works(8, pid=0, pid_again=4))}
        second = {d.forecast.reason for d in fleet.forecast(works(8, pid=0, pid_again=4))}
    assert len(first | second) <= 3


def test_zero_jobs_are_all_cores():
    assert cores(0) == len(os.sched_getaffinity(0))
    assert cores(3) == 3
