"""Several API processes and workers on one store, and what becomes of a refresh when they die."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

SLOWLY = """
import os, time
import forecasting.daily.serve as serve

real = serve.forecast_fleet

def slowly(works, *more):
    for work in works:
        with open(os.environ["TRAINED"], "a") as file:
            file.write(f"{work.series.store_id} {work.series.product_id}\\n")
        time.sleep(0.4)
        yield from real([work], *more)

serve.forecast_fleet = slowly
"""


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """What was trained so far in any process, by store and product; each takes its time."""
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SLOWLY)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("TRAINED", str(tmp_path / "trained"))

    def read():
        file = tmp_path / "trained"
        lines = file.read_text().splitlines() if file.exists() else []
        return Counter(tuple(line.split()) for line in lines)

    return read


def children(process):
    """Processes that a process has started and that live."""
    lists = Path(f"/proc/{process.pid}/task").glob("*/children")
    return [int(pid) for file in lists for pid in file.read_text().split()]


def awaited(condition, seconds=60):
    """What the condition gives as soon as it gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def test_many_who_ask_two_processes_at_once_cost_one_training_and_its_end_comes_once(
    published, settings, token_of, serve, trained
):
    queue, processes = published.refreshes, {}
    with ExitStack() as stack, httpx.Client(headers=token_of(), timeout=60) as http:
        addresses = [
            stack.enter_context(serve(settings, refresh_workers=1, process_of=processes))
            for _ in range(2)
        ]

        def ask(number):
            return http.post(f"{addresses[number % 2]}/v1/stores/S1/refresh")

        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(ask, range(20)))
        assert {answer.status_code for answer in answers} == {202}
        (refresh_id,) = {answer.json()["id"] for answer in answers}
        outcomes = Counter(answer.json()["outcome"] for answer in answers)
        assert outcomes == {"started": 1, "joined": 19}

        first, made = awaited(lambda: at_work(published, refresh_id, 0))
        os.kill(first, signal.SIGKILL)
        trained_once = trained()
        second, made_then = awaited(lambda: at_work(published, refresh_id, 1, len(made)))
        keeper = next(one for one in processes.values() if second in children(one))
        keeper.kill()
        keeper.wait()
        os.kill(second, signal.SIGKILL)
        trained_then = trained()
        other = next(url for url, one in processes.items() if one is not keeper)

        def ended():
            told = http.get(f"{other}/v1/refreshes/{refresh_id}").json()
            return told if told["state"] not in ("queued", "pulling", "training") else None

        told = awaited(ended)
        assert (told["state"], told["done"], told["of"]) == ("done", 12, 12)
        again = http.post(f"{other}/v1/stores/S1/refresh")
        assert (again.status_code, again.json()["outcome"]) == (200, "present")
        (left,) = awaited(lambda: children(processes[other]))
    assert left not in (first, second) and not Path(f"/proc/{left}").exists()
    row = queue.get(refresh_id)
    assert row.losses == 2 and len(queue.latest("M1", "S1")) == 1
    assert len(trained()) == 12 and made and len(made_then) < 12
    for done, before in ((made, trained_once), (made_then, trained_then)):
        for product in done:
            assert trained()["S1", product] == before["S1", product], "it was done already"
    assert sum(trained().values()) <= 12 + 2, "but for the one in hand at each loss"


def at_work(store, refresh_id, losses, done=0):
    """The process that works on the refresh, and what is made, once it has made so much."""
    row = store.refreshes.get(refresh_id)
    if row.holder and row.losses == losses and row.done > done:
        return int(row.holder.split("/")[1]), set(store.daily.stamps("M1", "S1"))
    return None
