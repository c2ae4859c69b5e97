"""The whole house by real Airflow processes, as `make run` starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from api.store import open_store
from etl.lake import Lake
from etl.registry import read_stores
from etl.sample import make_sample

PROJECT = Path(__file__).resolve().parents[3]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run_house(orders: Path, data: Path, **further: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "STORECAST_SHARD_SERIES": "8",
        "STORECAST_DAILY_ENGINE": "weekday_naive",
        **further,
    }
    return subprocess.run(
        [
            *(sys.executable, "-m", "dags", "run", "--no-serve", "--engine", "seasonal_naive"),
            *("--orders", str(orders), "--data", str(data), "--daily"),
        ],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def orders(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("orders")
    make_sample(folder, seed=7, scale=0.03, months=18)
    return folder


@pytest.fixture(scope="module")
def finished(orders, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    return run_house(orders, data), data


def test_every_dag_is_green_in_airflows_own_state(finished):
    done, _ = finished
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "All green in Airflow: 7 × ingest_sales" in done.stdout
    assert "2 × build_monthly_sales, 2 × forecast_sales, 1 × forecast_days" in done.stdout


def test_the_next_days_of_every_store_are_there_to_be_shown(finished):
    _, data = finished
    (database,) = data.glob("orders-*/store.sqlite")
    with closing(open_store(f"sqlite:///{database}")) as store:
        stores = read_stores(Lake(database.parent / "lake"))
        assert len(stores) == 8
        for one in stores:
            assert store.daily.stamps(one.merchant_id, one.store_id), one.store_id


def test_both_months_were_published_and_the_first_was_scored(finished):
    _, data = finished
    (lake,) = data.glob("orders-*/lake")
    for run_id in ("2026-09.1", "2026-10.1"):
        manifest = json.loads((lake / f"predictions/run_id={run_id}/manifest.json").read_text())
        assert manifest["series"] == sum(shard["series"] for shard in manifest["shards"])
        assert len(manifest["shards"]) > 1
    summary = json.loads((lake / "scores/month=2026-10/summary.json").read_text())
    assert summary["runs"] == ["2026-09.1"]
    assert summary["total"]["rows"] > 0


def test_it_says_how_each_merchant_signs_in(finished):
    done, _ = finished
    tokens = [
        line.split()[-1] for line in done.stdout.splitlines() if line.startswith("Sign in as")
    ]
    assert len(tokens) == len(set(tokens)) == 3


def test_nothing_that_was_started_goes_on(finished):
    _, data = finished
    left = [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/environ")
        if _mentions(path, str(data))
    ]
    assert left == []


def test_a_file_without_a_needed_column_is_refused_in_words(tmp_path):
    orders = tmp_path / "orders.csv"
    orders.write_text("merchant_id,store_id\nM1,S1\n")
    done = run_house(orders, tmp_path / "data")
    assert done.returncode == 2
    assert "lacks" in done.stderr and "order_id" in done.stderr
    assert "Traceback" not in done.stderr


def _mentions(environ: Path, text: str) -> bool:
    try:
        return text.encode() in environ.read_bytes()
    except OSError:
        return False
