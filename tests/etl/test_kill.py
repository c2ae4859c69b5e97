"""Killed at any moment and run again, the ETL leaves the tables that an unkilled run leaves."""

import json
import os
import random
import subprocess
import sys
import time

import pytest

from etl.lake import Lake
from etl.retail.sandbox import Behaviour, read_history, running, sandbox_app, sandbox_tokens
from etl.sample import make_sample

KILLS = 5 * int(os.environ.get("STORECAST_TEST_SCALE", "1"))

_MONTHLY_RUN = """
import sys
from etl.__main__ import main

def run(*arguments):
    code = main(arguments)
    if code:
        sys.exit(code)

print("started", flush=True)
merchant, first, last, month = sys.argv[1:]
run("store", "sync", "--merchant", merchant)
run("ingest", "--from", first, "--to", last, "--as-of", "2027-01-01")
run("monthly", "--month", month)
run("shards", "--cutoff", month)
"""


@pytest.fixture
def monthly_run(tmp_path):
    """Starts the month's ingest, ETL and shards in a process of their own, into a lake."""
    folder = tmp_path / "sample"
    make_sample(folder, seed=7, scale=0.1, months=18)
    app = sandbox_app(read_history(folder), Behaviour(rate=0, fault_share=0))
    merchant = min(s.merchant_id for s in app.state.marketplace.book.sellers.values())
    with running(app) as url:

        def start(lake: Lake) -> subprocess.Popen:
            environment = os.environ | {
                "STORECAST_LAKE_URL": lake.url,
                "STORECAST_SOURCE_URL": url,
                "STORECAST_SOURCE_TOKENS": json.dumps(sandbox_tokens([merchant])),
                "STORECAST_QUARANTINE_LIMIT": "0.5",
            }
            scope = [merchant, "2026-10-01", "2026-10-31", "2026-10"]
            return subprocess.Popen(
                [sys.executable, "-c", _MONTHLY_RUN, *scope],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

        yield start


def _tables(lake: Lake) -> dict[str, bytes]:
    return {path: lake.read_bytes(path) for path in lake.paths("")}


def test_killed_and_run_again_leaves_the_same_tables(monthly_run, tmp_path):
    undisturbed = Lake(tmp_path / "undisturbed")
    with monthly_run(undisturbed) as process:
        assert process.stdout.readline() == "started\n"
        began = time.monotonic()
        errors = process.communicate()[1]
        assert process.returncode == 0, errors
    seconds = time.monotonic() - began
    killed = Lake(tmp_path / "killed")
    chance, deaths, survived = random.Random(7), 0, 0
    while deaths < KILLS:
        with monthly_run(killed) as process:
            assert process.stdout.readline() == "started\n"
            try:
                process.communicate(timeout=chance.uniform(0, seconds))
                survived += 1
                seconds *= 0.8
            except subprocess.TimeoutExpired:
                process.kill()
                deaths += 1
                process.communicate()
        assert survived <= KILLS, "the runs end before they can be killed"
    with monthly_run(killed) as process:
        errors = process.communicate()[1]
        assert process.returncode == 0, errors
    assert _tables(killed) == _tables(undisturbed)
