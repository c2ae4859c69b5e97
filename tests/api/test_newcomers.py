"""Stores that joined after the run that is served was published."""

from __future__ import annotations

import shutil

import orjson
import pytest

from api.newcomers import Newcomers
from api.store.documents import Scope
from etl.lake import Lake
from etl.registry import Store, add_store

M1 = Scope("M1")
NEW = Store("M1", "S9", "Nuevo", "AMBA", "AR", "America/Bogota", "COP", 8, "x", "9")


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path / "registry")
    add_store(lake, NEW)
    return lake


@pytest.fixture
def clock():
    """Seconds, as a list of one."""
    return [0.0]


@pytest.fixture
def newcomers(lake, clock, monkeypatch):
    monkeypatch.setattr("api.newcomers._PATIENCE", 60.0)  # a busy machine reads slowly
    found = Newcomers(lake.url, lambda: clock[0])
    yield found
    found.close()


def names(newcomers, scope=M1):
    return [store.store_id for store in newcomers.of(scope)]


def test_a_registered_store_is_told_as_a_published_one_without_series(newcomers):
    (found,) = newcomers.of(Scope("M1"))
    told = orjson.loads(found.json)
    assert (told["name"], told["time_zone"], told["series"]) == ("Nuevo", "America/Bogota", 0)


def test_it_is_its_merchants_and_within_the_tokens_stores_only(newcomers):
    assert names(newcomers, Scope("M2")) == []
    assert names(newcomers, Scope("M1", frozenset({"S1"}))) == []
    assert names(newcomers, Scope("M1", frozenset({"S9"}))) == ["S9"]


def test_the_registry_is_read_again_after_seconds(newcomers, lake, clock):
    assert names(newcomers) == ["S9"]
    add_store(lake, Store("M1", "T1", "Otro", "AMBA", "AR", "America/Bogota", "COP", 8, "x", "7"))
    assert names(newcomers) == ["S9"]
    clock[0] = 3.0
    assert names(newcomers) == ["S9", "T1"]


def test_a_lake_that_cannot_be_read_takes_away_nothing_that_was_known(newcomers, lake, clock):
    assert names(newcomers) == ["S9"]
    registry = f"{lake.url}/registry/stores.parquet"
    shutil.move(registry, f"{lake.url}/away")
    lake.write_bytes("registry/stores.parquet", b"damaged")
    clock[0] = 3.0
    assert names(newcomers) == ["S9"]
    shutil.move(f"{lake.url}/away", registry)
    add_store(lake, Store("M1", "T1", "Otro", "AMBA", "AR", "America/Bogota", "COP", 8, "x", "7"))
    clock[0] = 10.0
    assert names(newcomers) == ["S9"], "a lake in trouble is left alone for half a minute"
    clock[0] = 40.0
    assert names(newcomers) == ["S9", "T1"]
