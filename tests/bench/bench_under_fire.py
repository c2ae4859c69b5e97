"""Two API processes read while runs are published, and publishers killed in the middle.

    python tests/bench/bench_under_fire.py            3 kills, 30 seconds
    python tests/bench/bench_under_fire.py --scale    20 kills, ten minutes

Every forecast of a run bears its name as its model, so that each answer shows whether it is whole
and of one run. Counted: reads, answers that were not 200, answers of two runs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
from large_run import write_large_run
from page import circumstances, put_section, table_of

from api.store import open_store
from api.tokens import issue_token
from etl.lake import Lake

ROOT = Path(__file__).resolve().parents[2]
SERIES = 25_000
ABOUT = (
    "Two API processes under four readers on one embedded store, while publishers, each with its "
    "loading processes, load the next run, are killed at random moments, and succeed. `wrong` are "
    "answers that were not 200, or of two runs."
)


class Reader(threading.Thread):
    """Reads pages and forecasts of one merchant until told to stop."""

    def __init__(self, address: str, token: str, seed: int) -> None:
        super().__init__()
        self.address, self.token = address, token
        self.chooser = random.Random(seed)
        self.reads, self.failed, self.mixed = 0, [], []
        self.runs: set[str] = set()
        self.stopped = threading.Event()

    def run(self) -> None:
        headers = {"authorization": f"Bearer {self.token}"}
        with httpx.Client(base_url=self.address, headers=headers, timeout=60) as client:
            while not self.stopped.is_set():
                store = f"S{self.chooser.randrange(4) * 5:03d}"
                page = self.read(client, f"/v1/stores/{store}/products?limit=200&sort=risk")
                if page:
                    product = self.chooser.choice(page["products"])["product_id"]
                    self.read(client, f"/v1/stores/{store}/products/{product}/forecast")

    def read(self, client: httpx.Client, path: str) -> dict | None:
        self.reads += 1
        try:
            answer = client.get(path)
        except httpx.HTTPError as error:
            self.failed.append(repr(error))
            return None
        if answer.status_code != 200:
            self.failed.append(f"{answer.status_code} {answer.text[:200]}")
            return None
        document = answer.json()
        self.runs.add(document["run_id"])
        marks = {forecast["model"] for forecast in document.get("products", [document])}
        if marks != {document["run_id"]}:
            self.mixed.append((path, document["run_id"], sorted(marks)))
        return document


def publisher(lake: Lake, url: str, run: str) -> subprocess.Popen:
    environment = {**os.environ, "STORECAST_LAKE_URL": lake.url, "STORECAST_STORE_URL": url}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "api", "publish", "--run", run]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", action="store_true")
    options = parser.parse_args()
    kills, seconds = (20, 600) if options.scale else (3, 30)
    folder = Path(tempfile.mkdtemp(prefix="storecast-bench-"))
    try:
        measured = circumstances()
        text = f"{ABOUT}\n\n{measured}\n\n{table_of([fire(folder, kills, seconds)])}"
        print(text)
        if options.scale:
            put_section("under-fire", "Reading while publishers are killed", text)
    finally:
        shutil.rmtree(folder)


def fire(folder: Path, kills: int, seconds: int) -> dict:
    """What the readers met while publishers came, were killed, and succeeded."""
    lake, url = Lake(folder / "lake"), f"sqlite:///{folder}/store.sqlite"
    write_large_run(lake, "2026-10.1", SERIES, model="2026-10.1")
    assert publisher(lake, url, "2026-10.1").wait() == 0
    store = open_store(url)
    token = issue_token(store, "merchant", "M0", [], datetime.now(UTC), None)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STORECAST_STORE_URL": url}
    environment |= {
        "STORECAST_REQUEST_LOG": str(folder / "requests.jsonl"),
        "STORECAST_REQUESTS_PER_SECOND": "1000000",
        "STORECAST_REQUEST_BURST": "1000000",
    }
    command = [sys.executable, "-m", "api", "serve", "--port", str(port), "--workers", "2"]
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    address = f"http://127.0.0.1:{port}"
    _wait_for(f"{address}/healthz")
    readers = [Reader(address, token, seed) for seed in range(4)]
    for reader in readers:
        reader.start()
    killed, published, started = 0, 1, time.monotonic()
    end = started + seconds
    chooser = random.Random(5)
    while killed < kills or time.monotonic() < end:
        run = f"2026-10.{published + 1}"
        write_large_run(lake, run, SERIES, model=run)
        for _ in range(chooser.randrange(1, 3) if killed < kills else 0):
            victim = publisher(lake, url, run)
            time.sleep(chooser.uniform(2.0, 6.0))
            victim.send_signal(signal.SIGKILL)
            killed += victim.wait() == -signal.SIGKILL
        assert publisher(lake, url, run).wait() == 0
        published += 1
    for reader in readers:
        reader.stopped.set()
        reader.join()
    minutes = (time.monotonic() - started) / 60
    server.terminate()
    server.wait(30)
    store.close()
    return {
        "series": SERIES,
        "minutes": round(minutes, 1),
        "publishers_killed": killed,
        "runs_published": published,
        "runs_seen": len(set().union(*(reader.runs for reader in readers))),
        "reads": sum(reader.reads for reader in readers),
        "wrong": sum(len(reader.failed) + len(reader.mixed) for reader in readers),
        "examples": [one for reader in readers for one in (*reader.failed, *reader.mixed)][:5],
    }


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise SystemExit(f"{url} did not come up")


if __name__ == "__main__":
    main()
