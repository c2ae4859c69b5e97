"""What the jobs do when disk, lake, store or marketplace fail them, and how they go on after."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from api.store import open_store
from dags import jobs
from etl.errors import (
    IncompleteError,
    LakeError,
    SourceDeniedError,
    SourceUnreachableError,
    StoreError,
    TableError,
)
from etl.lake import Lake
from etl.ledger import missing_days, read_day
from etl.registry import read_stores

MONTH = date(2026, 10, 1)
CLOSING = datetime(2026, 11, 3, 6, tzinfo=UTC)
SPAN = (date(2026, 6, 1), date(2026, 11, 1))
OLD = date(2026, 7, 9)
NOBODY = "http://127.0.0.1:9"
CLOSED_ACCOUNT = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=aGVsbG8=;"
    "BlobEndpoint=http://127.0.0.1:9/a"
)


@pytest.fixture(scope="module")
def settings(house):
    """The house with its shards of October, and a run of September's served before."""
    settings = replace(house.settings, engine="seasonal_naive", shard_series=0)
    stores = jobs.list_stores(settings)
    jobs.backfill_orders(stores, *SPAN, CLOSING, settings)
    jobs.refresh_products(stores, CLOSING, settings)
    jobs.build_months(MONTH, settings)
    jobs.build_shards(MONTH, replace(settings, shard_series=12))
    jobs.build_shards(date(2026, 9, 1), replace(settings, shard_series=12))
    _forecast(date(2026, 9, 1), settings)
    return settings


def _forecast(month, settings, run=None):
    run = run or jobs.open_run(month, settings)
    jobs.predict_shards(run, jobs.list_shards(month, settings), settings)
    jobs.close_run(run, settings)
    jobs.publish_run(run, settings)
    return run


def _served(settings):
    with closing(open_store(settings.store_url)) as store:
        return store.current().run_id


def _files(lake, *names):
    return {path: lake.read_bytes(path) for name in names for path in lake.paths(name)}


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 24 MB, where one may be mounted; else files may not grow at all."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    mounted = os.getuid() == 0 and not subprocess.run(["mount", *options], check=False).returncode
    yield folder
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def full(small_disk):
    """Fills the disk, or forbids this process to write, until the block ends."""

    class Full:
        def __enter__(self):
            self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            if os.path.ismount(small_disk):
                with (small_disk / "filler").open("wb", buffering=0) as filler:
                    while self._grow(filler):
                        pass
            else:
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, self.limits[1]))

        @staticmethod
        def _grow(filler):
            try:
                return filler.write(b"x" * 4096)
            except OSError:
                return 0

        def __exit__(self, *_):
            (small_disk / "filler").unlink(missing_ok=True)
            resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)

    return Full()


def test_a_full_disk_leaves_nothing_half_written_and_the_run_before_served(
    settings, small_disk, full, house
):
    shutil.copytree(house.folder / "lake", small_disk / "lake")
    shutil.copy(house.folder / "store.sqlite", small_disk / "store.sqlite")
    there = replace(
        settings,
        lake_url=str(small_disk / "lake"),
        store_url=f"sqlite:///{small_disk}/store.sqlite",
    )
    lake = Lake(there.lake_url)
    before = _files(lake, "predictions", "shards", "monthly_sales", "raw")
    run = jobs.open_run(MONTH, there)
    numbers = jobs.list_shards(MONTH, there)
    with full:
        with pytest.raises(LakeError, match=r"cannot be written: (No space left|File too large)"):
            jobs.predict_shards(run, numbers, there)
        with pytest.raises((LakeError, IncompleteError)):
            jobs.close_run(run, there)
        assert _files(lake, "predictions", "shards", "monthly_sales", "raw") == before
    jobs.predict_shards(run, numbers, there)
    jobs.close_run(run, there)
    with full, pytest.raises(StoreError, match=r"full|cannot be|disk"):
        jobs.publish_run(run, there)
    assert _served(there) == "2026-09.1"
    assert jobs.publish_run(run, there)["loaded"]
    assert _served(there) == run
    assert not list(Path(there.lake_url).rglob("*.tmp"))


def test_a_full_disk_loses_no_day_of_a_pull(settings, small_disk, full, house):
    there = replace(settings, lake_url=str(small_disk / "lake"))
    shutil.copytree(house.folder / "lake" / "registry", small_disk / "lake" / "registry")
    (store,) = read_stores(Lake(there.lake_url))[:1]
    key = [[store.merchant_id, store.store_id]]
    week = (date(2026, 10, 1), date(2026, 10, 7))
    with full, pytest.raises(LakeError, match="cannot be written"):
        jobs.backfill_orders(key, *week, CLOSING, there)
    jobs.backfill_orders(key, *week, CLOSING, there)
    assert missing_days(Lake(there.lake_url), store, *week) == []
    mine = f"merchant_id={store.merchant_id}/store_id={store.store_id}/day=2026-10-0"
    whole = {path: content for path, content in _files(house.lake, "raw").items() if mine in path}
    found = _files(Lake(there.lake_url), "raw")
    assert {name: found[name] for name in found if name.endswith(".parquet")} == {
        name: whole[name]
        for name in whole
        if name.endswith(".parquet") and name[name.index("day=") + 4 :][:10] <= "2026-10-07"
    }


@pytest.mark.parametrize(
    "url", ["mongodb://127.0.0.1:9/storecast?serverSelectionTimeoutMS=200", "sqlite:////proc/x/s"]
)
def test_a_store_out_of_reach_holds_publishing_and_nothing_else(settings, url):
    away = replace(settings, store_url=url)
    run = jobs.open_run(MONTH, away)
    jobs.predict_shards(run, jobs.list_shards(MONTH, away), away)
    jobs.close_run(run, away)
    with pytest.raises(StoreError, match=r"cannot be (reached|made|opened)"):
        jobs.publish_run(run, away)
    assert _served(settings) != run
    assert jobs.publish_run(run, settings)["loaded"]
    assert _served(settings) == run


def test_a_lake_out_of_reach_stops_a_job_at_once_with_its_name(settings, monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", CLOSED_ACCOUNT)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    away = replace(settings, lake_url="az://lake/prod")
    for job in (
        lambda: jobs.list_stores(away),
        lambda: jobs.build_months(MONTH, away),
        lambda: jobs.list_shards(MONTH, away),
    ):
        with pytest.raises(LakeError, match="az://lake/prod"):
            job()


def test_a_marketplace_out_of_reach_leaves_days_to_the_next_pull(settings, house):
    stores = jobs.list_stores(settings)[:1]
    later = datetime(2026, 11, 4, 6, tzinfo=UTC)
    house.move_clock(later)
    before = _files(house.lake, "raw")
    with pytest.raises(SourceUnreachableError, match="does not answer"):
        jobs.pull_orders(stores, later, replace(settings, source_url=NOBODY, source_attempts=1))
    assert _files(house.lake, "raw") == before
    with pytest.raises(SourceDeniedError):
        tokens = '{"norte-tech": "SANDBOX-wrong"}'
        jobs.pull_orders(stores, later, replace(settings, source_tokens=tokens))
    assert _files(house.lake, "raw") == before
    jobs.pull_orders(stores, later, settings)
    (store,) = [one for one in read_stores(house.lake) if one.store_id == stores[0][1]]
    assert missing_days(house.lake, store, date(2026, 10, 1), date(2026, 11, 2)) == []


def test_a_store_that_cannot_be_pulled_does_not_stop_those_after_it(settings, house, monkeypatch):
    first, *others = jobs.list_stores(settings)
    open_source, later = jobs.open_source, datetime(2026, 11, 5, 6, tzinfo=UTC)
    house.move_clock(later)

    def refused(settings, store):
        if store.store_id == first[1]:
            raise SourceDeniedError(f"the token of {store.store_id} is refused")
        return open_source(settings, store)

    monkeypatch.setattr(jobs, "open_source", refused)
    with pytest.raises(SourceDeniedError, match=first[1]) as raised:
        jobs.pull_orders([first, *others], later, settings)
    assert raised.value.__notes__ == ["1 of 3 stores failed; the log names them all"]
    yesterday, missing = date(2026, 11, 4), {}
    for store in read_stores(house.lake):
        missing[store.store_id] = missing_days(house.lake, store, yesterday, yesterday)
    assert missing == {first[1]: [yesterday], **{one[1]: [] for one in others}}


def test_a_back_fill_says_how_far_it_is_and_how_long_it_takes(settings, house, caplog):
    (key, *_) = jobs.list_stores(settings)
    with caplog.at_level("INFO", "dags.jobs"):
        jobs.backfill_orders([key], SPAN[0], date(2026, 7, 31), CLOSING, settings)
    name = "/".join(key)
    assert [record.getMessage().partition(", about")[0] for record in caplog.records] == [
        f"{name}: 30 of 61 days",
        f"{name}: 61 of 61 days",
    ]
    assert caplog.records[-1].getMessage().endswith("about 0:00:00 to go")


def test_the_daily_pull_sweeps_what_changed_before_its_window_since_the_pull_before(
    settings, house, monkeypatch
):
    (key, *_), asked = jobs.list_stores(settings), []
    later = datetime(2026, 11, 6, 6, tzinfo=UTC)
    house.move_clock(later)
    monkeypatch.setattr(jobs.ingest, "changed_days", lambda *told: asked.append(told[2:4]) or [OLD])
    (store,) = [one for one in read_stores(house.lake) if one.store_id == key[1]]
    before = read_day(house.lake, store, date(2026, 10, 20)).pulled_at
    jobs.pull_orders([key], later, settings)
    assert asked == [(before - timedelta(hours=2), later)]
    assert read_day(house.lake, store, OLD).pulled_at == later


def test_half_a_month_is_not_built_and_says_which_days_of_which_store(settings, tmp_path, house):
    shutil.copytree(house.folder / "lake", tmp_path / "lake")
    there = replace(settings, lake_url=str(tmp_path / "lake"))
    lake = Lake(there.lake_url)
    before = _files(lake, "monthly_sales", "sales", "shards")
    for path in lake.paths("raw", "manifest.json"):
        if "store_id=miami" in path and path.split("day=")[1] >= "2026-10-16":
            lake.delete(path)
    with pytest.raises(
        IncompleteError,
        match=r"2026-10 is not closed: .*norte-tech/miami: 16 days from 2026-10-16 to 2026-10-31",
    ):
        jobs.build_months(MONTH, there)
    assert _files(lake, "monthly_sales", "sales", "shards") == before
    jobs.backfill_orders([["norte-tech", "miami"]], *SPAN, CLOSING, there)
    jobs.build_months(MONTH, there)
    for table in ("monthly_sales", "sales"):
        assert _tables(lake, table) == {
            k: v for k, v in before.items() if k in _tables(lake, table)
        }


def _tables(lake, name):
    return {path: lake.read_bytes(path) for path in lake.paths(name, ".parquet")}


def test_a_table_whose_schema_changed_is_refused_by_name_and_the_others_go_on(
    settings, tmp_path, house
):
    shutil.copytree(house.folder / "lake", tmp_path / "lake")
    there = replace(settings, lake_url=str(tmp_path / "lake"))
    lake = Lake(there.lake_url)
    path = "shards/cutoff_month=2026-10/shard=0000.parquet"
    renamed = lake.read_table(path).rename_columns({"units_sold": "quantity"})
    pq.write_table(renamed, lake.uri(path))
    run = jobs.open_run(MONTH, there)
    with pytest.raises(TableError, match="shards needs the columns units_sold"):
        jobs.predict_shards(run, jobs.list_shards(MONTH, there), there)
    assert lake.exists(f"predictions/run_id={run}/shard=0001.csv")
    with pytest.raises(IncompleteError, match=r"lacks the shards 0 of .*shards needs the columns"):
        jobs.close_run(run, there)
    jobs.build_shards(MONTH, there)
    jobs.predict_shards(run, jobs.list_shards(MONTH, there), there)
    assert jobs.close_run(run, there)["failed"] == []
