"""The whole months on Azure Blob Storage and MongoDB (their emulators) as on the embedded parts."""

from __future__ import annotations

import uuid
from contextlib import closing
from datetime import date

import pytest
from pymongo import MongoClient

from api.publish import published_runs
from api.store import open_store
from api.store.documents import ProductQuery, Scope
from etl.lake import Lake

pytestmark = pytest.mark.slow

FIRST = date(2026, 5, 1)
MERCHANTS = ("andes", "plata")


@pytest.fixture
def in_mongo(mongo_server):
    """The address of a database of the test's own."""
    name = f"whole_{uuid.uuid4().hex[:12]}"
    yield f"{mongo_server.rstrip('/')}/{name}"
    with MongoClient(mongo_server) as client:
        client.drop_database(name)


def test_the_whole_months_have_the_same_results(live, blob_path, in_mongo, settings_at, tmp_path):
    embedded = settings_at(tmp_path)
    azure = settings_at(tmp_path, lake_url=f"az://whole/{blob_path}", store_url=in_mongo)
    for settings in (embedded, azure):
        live(settings, FIRST)
    made, expected = files_of(azure), files_of(embedded)
    assert made.keys() == expected.keys()
    assert [path for path in made if made[path] != expected[path]] == []
    assert served_from(azure) == served_from(embedded)


def files_of(settings):
    """Every file of the lake, by path."""
    lake = Lake(settings.lake_url)
    return {path: lake.read_bytes(path) for path in lake.paths("")}


def served_from(settings):
    """Every document that readers can see, as bytes."""
    with closing(open_store(settings.store_url)) as store:
        load, found = store.current().load, {}
        for merchant in MERCHANTS:
            scope = Scope(merchant)
            stores = store.stores(load, scope)
            assert stores
            found[merchant] = [
                stores,
                [store.forecasts(load, scope, one.store_id, "", 500) for one in stores],
                store.products(load, scope, ProductQuery(limit=200)),
                [store.summary(load, scope, kind, "", "") for kind in ("totals", "accuracy")],
            ]
        runs = published_runs(store)
        assert [run.pop("published_at") is not None for run in runs] == [True, True]
        return found, runs
