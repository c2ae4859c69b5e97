"""The whole months on Azure Blob Storage and MongoDB (their emulators) as on the embedded parts."""

from __future__ import annotations

import json
import uuid
from contextlib import closing
from datetime import UTC, date, datetime

import pytest
from pymongo import MongoClient

from api.forget import forget
from api.publish import published_runs
from api.store import open_store
from api.store.documents import ProductQuery, Scope
from etl.lake import Lake

pytestmark = pytest.mark.slow

FIRST = date(2026, 8, 1)
AT = datetime(2026, 11, 4, tzinfo=UTC)
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
    same_in(azure, embedded, MERCHANTS)
    for settings in (embedded, azure):
        with closing(open_store(settings.store_url)) as store:
            receipt = forget(Lake(settings.lake_url), store, "andes", settings, AT)
            assert (receipt["left"], receipt["mentions_to_judge"]) == (0, 0)
    same_in(azure, embedded, ["plata"])


def same_in(azure, embedded, merchants):
    made, expected = files_of(azure), files_of(embedded)
    assert made.keys() == expected.keys()
    assert [path for path in made if made[path] != expected[path]] == []
    assert served_from(azure, merchants) == served_from(embedded, merchants)


def files_of(settings):
    """Every file of the lake, by path; of what says how long something took, all but that."""
    lake = Lake(settings.lake_url)
    found = {path: lake.read_bytes(path) for path in lake.paths("")}
    timed = [path for path in found if path.startswith(("costs/", "predictions/"))]
    return found | {
        path: timeless(json.loads(found[path])) for path in timed if path.endswith(".json")
    }


def timeless(document):
    """JSON without the seconds that something took, and without hashes of what tells them."""
    if isinstance(document, dict):
        kept = document.keys() - {"seconds", "manifest_sha256"}
        return {name: timeless(document[name]) for name in sorted(kept)}
    return [timeless(part) for part in document] if isinstance(document, list) else document


def served_from(settings, merchants):
    """Every document that readers can see, as bytes."""
    with closing(open_store(settings.store_url)) as store:
        load, found = store.current().load, {}
        for merchant in merchants:
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
        return found, timeless(runs)
