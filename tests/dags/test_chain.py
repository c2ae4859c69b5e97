"""The whole chain of DAGs, in this process, on a few dozen series."""

from __future__ import annotations

from contextlib import closing
from datetime import date

import pandas as pd
import pytest

from api.store import open_store
from dags import jobs
from etl.errors import TableError
from forecasting import predict
from forecasting.engines import ENGINES

pytestmark = pytest.mark.slow

BACKFILL = {"from": "2023-07-01", "to": "2026-10-26", "at": "2026-10-28T06:00:00Z"}
CLOSING = "2026-11-03T06:00:00Z"
TABLES = ("raw", "stockouts", "sales", "monthly_sales", "shards")


def predictions(house, run_id: str) -> pd.DataFrame:
    paths = house.lake.paths(f"predictions/run_id={run_id}", ".csv")
    return pd.concat([pd.read_csv(house.lake.uri(path)) for path in paths])


@pytest.fixture(scope="module")
def engine() -> str:
    """The default engine."""
    from etl.settings import Settings

    assert Settings().engine in ENGINES
    return Settings().engine


def test_two_months_are_pulled_built_forecast_and_published(run_dag, house, engine):
    run_dag("ingest_sales", **BACKFILL)
    run_dag("build_monthly_sales", month="2026-09", at=BACKFILL["at"])
    run_dag("forecast_sales", month="2026-09", engine=engine)
    run_dag("ingest_sales", at=CLOSING)
    run_dag("build_monthly_sales", month="2026-10", at=CLOSING)
    run_dag("forecast_sales", month="2026-10", engine="pmdarima")

    shards = house.lake.read_json("shards/cutoff_month=2026-10/manifest.json")
    assert len(shards["shards"]) > 1
    made = predictions(house, "2026-10.1")
    assert len(made) == shards["series"] * house.settings.horizon
    assert (made["model"] == "pmdarima").any()
    with closing(open_store(house.settings.store_url)) as store:
        assert store.current().run_id == "2026-10.1"


def test_the_month_that_closed_was_scored_before_it_was_learnt(run_dag, house):
    scores = house.lake.read_json("scores/month=2026-10/summary.json")
    assert scores["runs"] == ["2026-09.1"]
    assert scores["total"]["rows"] > 0
    assert 0 <= scores["total"]["wape"] < 2


def test_running_everything_again_leaves_the_same_bytes(run_dag, house):
    before = house.tables(*TABLES)
    run_dag("ingest_sales", at=CLOSING)
    run_dag("build_monthly_sales", month="2026-10", at=CLOSING)
    assert house.tables(*TABLES) == before


def test_a_forecast_made_again_is_the_next_revision_with_the_same_numbers(run_dag, house):
    published = house.tables("predictions/run_id=2026-10.1")
    run_dag("forecast_sales", month="2026-10", engine="pmdarima")
    assert house.tables("predictions/run_id=2026-10.1") == published
    again = predictions(house, "2026-10.2").drop(columns="run_id")
    pd.testing.assert_frame_equal(again, predictions(house, "2026-10.1").drop(columns="run_id"))


def test_the_rest_is_published_where_one_shard_failed_and_somebody_is_told(
    bag, house, run_dag, monkeypatch
):
    def read(lake, cutoff, shard, whole=predict.read_shard):
        if shard == 1:
            raise TableError("shard 1 breaks its contract")
        return whole(lake, cutoff, shard)

    monkeypatch.setattr(predict, "read_shard", read)
    monkeypatch.setenv("STORECAST_FAILED_SHARDS_LIMIT", "0.9")
    conf = {"month": "2026-10", "engine": "seasonal_naive"}
    done = bag.dags["forecast_sales"].test(run_conf=conf)
    states = {(task.task_id, task.map_index): task.state for task in done.get_task_instances()}
    assert states["predict_shards", 1] == "failed"
    assert states["publish_run", -1] == "success" == done.state
    with closing(open_store(house.settings.store_url)) as store:
        assert store.current().run_id == "2026-10.3"
    (failed,) = house.lake.read_json("predictions/run_id=2026-10.3/manifest.json")["failed"]
    assert (failed["shard"], failed["served"]) == (1, "rule")
    codes = {path.split("/")[1] for path in house.lake.paths("alerts")}
    assert {"code=shards_failed", "code=task_failed"} <= codes


def test_each_task_run_twice_by_hand_changes_nothing(house, monkeypatch):
    settings, month = house.settings, date(2026, 10, 1)
    run_id = jobs.open_run(month, settings)
    numbers = jobs.list_shards(month, settings)
    jobs.predict_shards(run_id, numbers, settings)
    first = house.tables("predictions")
    assert jobs.open_run(month, settings) == run_id
    jobs.predict_shards(run_id, numbers[:1], settings)
    assert house.tables("predictions") == first
    closed = jobs.close_run(run_id, settings)
    assert jobs.close_run(run_id, settings) == closed
    assert jobs.publish_run(run_id, settings)["loaded"]
    assert not jobs.publish_run(run_id, settings)["loaded"]
