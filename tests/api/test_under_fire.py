"""What readers see while a run is loaded, killed in the middle, or the store goes away."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pymongo import MongoClient

from api.publish import publish_run, published_runs
from api.store import open_store
from api.tokens import issue_token

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 5, 8, tzinfo=UTC)
SHARDS, SERIES = 6, 2500


@pytest.fixture
def large_lake(lake, write):
    """Two further runs of 15,000 series: every forecast of 2026-10.N is N units.

    Loading them takes half a second; the kills fall into its first 100 ms.
    """
    shop = write.stores[0]
    for revision in (2, 3):
        run = f"2026-10.{revision}"
        shards = []
        for shard in range(SHARDS):
            rows = [write.series(shop, f"P{shard}-{i:04d}", [5] * 12) for i in range(SERIES)]
            shards.append([(s, write.forecast(run, s, float(revision))) for s in rows])
        write.run(lake, run, shards)
    return lake


class Readers(threading.Thread):
    """Reads a forecast, a page and the totals until told to stop; keeps what did not fit."""

    def __init__(self, address, headers):
        super().__init__()
        self.address, self.headers = address, headers
        self.wrong, self.seen, self.reads = [], set(), 0
        self.stopped = threading.Event()

    def run(self):
        chooser = random.Random(1)
        with httpx.Client(base_url=self.address, headers=self.headers, timeout=30) as client:
            while not self.stopped.is_set():
                product = f"P{chooser.randrange(SHARDS)}-{chooser.randrange(SERIES):04d}"
                self.check(client.get(f"/v1/stores/S1/products/{product}/forecast"), lambda d: [d])
                page = client.get("/v1/stores/S1/products?limit=200&sort=name")
                self.check(page, lambda d: d["products"])

    def check(self, answer, forecasts_of):
        self.reads += 1
        if answer.status_code != 200:
            self.wrong.append((answer.status_code, answer.text[:200]))
            return
        document = answer.json()
        units = float(document["run_id"].split(".")[1])
        self.seen.add(document["run_id"])
        for forecast in forecasts_of(document):
            if forecast["units_forecast"] != [units] * 12:
                self.wrong.append((document["run_id"], forecast["units_forecast"]))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join()


def publishing(lake, settings, run):
    """`python -m api publish` in a process of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "STORECAST_LAKE_URL": lake.url,
        "STORECAST_STORE_URL": settings.store_url,
    }
    command = [sys.executable, "-m", "api", "publish", "--run", run]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def wait_for_load(store, before):
    """Until a new load has begun to write."""
    for _ in range(3000):
        if max(loads_of(store), default=0) > before:
            return
        time.sleep(0.01)
    raise AssertionError("the load did not begin")


def loads_of(store):
    connection = store._file.connection()
    return [load for (load,) in connection.execute("SELECT load FROM editions")]


def test_a_publish_killed_in_the_middle_is_never_seen(large_lake, store, settings, serve):
    publish_run(large_lake, store, "2026-10.2", settings)
    token = issue_token(store, "merchant", "M1", [], NOW, None)
    chooser = random.Random(7)
    headers = {"authorization": f"Bearer {token}"}
    with serve(settings, workers=2) as address:
        with Readers(address, headers) as readers:
            for _ in range(2):
                before = max(loads_of(store))
                publisher = publishing(large_lake, settings, "2026-10.3")
                wait_for_load(store, before)
                time.sleep(chooser.uniform(0.0, 0.1))
                publisher.send_signal(signal.SIGKILL)
                assert publisher.wait(30) == -signal.SIGKILL
                assert [run["run_id"] for run in published_runs(store)] == ["2026-10.2"]
            assert readers.seen <= {"2026-10.2"}

            assert publishing(large_lake, settings, "2026-10.3").wait(120) == 0
            for _ in range(300):
                if "2026-10.3" in readers.seen:
                    break
                time.sleep(0.1)
        operator = issue_token(store, "operator", None, [], NOW, None)
        figures = httpx.get(
            f"{address}/metrics", headers={"authorization": f"Bearer {operator}"}
        ).text
    of_reads = r'^storecast_request_seconds_count\{.*route="/v1/stores/.*status="200"\} (\S+)$'
    counts = re.findall(of_reads, figures, re.MULTILINE)
    assert sum(map(float, counts)) == readers.reads
    assert readers.wrong == []
    assert readers.seen == {"2026-10.2", "2026-10.3"} and readers.reads > 50


class Load(threading.Thread):
    """Reads one forecast again and again; keeps each answer's status, problem and patience."""

    def __init__(self, address, headers):
        super().__init__()
        self.address, self.headers = address, headers
        self.answers = []
        self.stopped = threading.Event()

    def run(self):
        with httpx.Client(base_url=self.address, headers=self.headers, timeout=60) as client:
            while not self.stopped.is_set():
                answer = client.get("/v1/stores/S1/products/MUG/forecast")
                problem = answer.json().get("type", "").rsplit(":", 1)[-1]
                told = (answer.status_code, problem, answer.headers.get("retry-after"))
                self.answers.append(told)


def wait_for_answer(readers, status, since):
    """Until every reader has had an answer of that status after its first `since` ones."""
    for _ in range(600):
        latest = [reader.answers[start:] for reader, start in zip(readers, since, strict=True)]
        if all(any(told[0] == status for told in answers) for answers in latest):
            return
        time.sleep(0.1)
    raise AssertionError(f"no {status} came")


def test_a_store_that_stops_under_load_is_503_and_recovers_by_itself(
    lake, settings, tmp_path, serve
):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"mongodb://127.0.0.1:{port}/shop?serverSelectionTimeoutMS=300&connectTimeoutMS=300"
    server = mongo_server_at(port, tmp_path / "mongo")
    try:
        with closing(open_store(url)) as store:
            publish_run(lake, store, "2026-10.1", settings)
            token = issue_token(store, "merchant", "M1", [], NOW, None)
        headers = {"authorization": f"Bearer {token}"}
        with serve(replace(settings, store_url=url)) as address:
            readers = [Load(address, headers) for _ in range(4)]
            for reader in readers:
                reader.start()
            try:
                wait_for_answer(readers, 200, [0] * 4)
                server.kill()
                server.wait()
                counts = [len(reader.answers) for reader in readers]
                wait_for_answer(readers, 503, counts)
                assert httpx.get(f"{address}/readyz").status_code == 503
                assert httpx.get(f"{address}/healthz").status_code == 200
                server = mongo_server_at(port, tmp_path / "mongo")
                counts = [len(reader.answers) for reader in readers]
                wait_for_answer(readers, 200, counts)
            finally:
                for reader in readers:
                    reader.stopped.set()
                    reader.join()
        told = {answer for reader in readers for answer in reader.answers}
        assert told == {(200, "", None), (503, "store-unavailable", "5")}
    finally:
        server.terminate()
        server.wait(20)


def mongo_server_at(port, folder):
    command = Path(sys.executable).parent / "secantusd-py"
    address = ["--host", "127.0.0.1", "--port", str(port), "--storage-path", str(folder)]
    server = subprocess.Popen(
        [command, *address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=30000) as client:
        client.admin.command("ping")
    return server
