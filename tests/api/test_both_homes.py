"""MongoDB and SQLite answer the same bytes, whatever is asked."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pymongo import MongoClient

from api.app import create_app
from api.publish import publish_run, published_runs, rollback
from api.store import open_store
from api.tokens import issue_token

NOW = datetime(2026, 11, 5, 8, tzinfo=UTC)
PATHS = [
    "/v1/stores",
    "/v1/stores?region=NOA",
    "/v1/products",
    "/v1/products?sort=risk&confidence=high&confidence=unknown",
    "/v1/products?q=caf%C3%A9",
    "/v1/products?sort=attention&format=csv",
    "/v1/stores/S1/products",
    "/v1/stores/S1/products?sort=name&limit=2",
    "/v1/stores/S1/products/MUG/forecast",
    "/v1/stores/S1/products/POT%2F2/forecast",
    "/v1/stores/S1/products/NONE/forecast",
    "/v1/stores/S1/forecasts",
    "/v1/totals",
    "/v1/stores/S2/totals?category=kitchen",
    "/v1/accuracy",
]


@pytest.fixture
def in_mongo(mongo_server):
    """An empty store in MongoDB."""
    name = f"homes_{uuid.uuid4().hex[:12]}"
    store = open_store(f"{mongo_server.rstrip('/')}/{name}")
    yield store
    store.close()
    with MongoClient(mongo_server) as client:
        client.drop_database(name)


def test_both_homes_answer_alike(lake, store, in_mongo, settings, write, client_of):
    write.scores(lake)
    write.small_run(lake, "2026-10.2", factor=2.0)
    answers = []
    for home in (store, in_mongo):
        publish_run(lake, home, "2026-10.2", settings, NOW)
        publish_run(lake, home, "2026-10.1", settings, NOW)
        assert rollback(home)["run_id"] == "2026-10.2"
        token = issue_token(home, "merchant", "M1", [], NOW, None)
        headers = {"authorization": f"Bearer {token}"}
        log = replace(settings, request_log="/dev/null")
        with client_of(create_app(log, home)) as client:
            found = [client.get(path, headers=headers) for path in PATHS]
            product = "/v1/stores/S1/products/MUG"
            written = [
                client.post(f"{product}/feedback", headers=headers, json={"verdict": "other"}),
                client.put(f"{product}/adjustments/2026-12-01", headers=headers, json={"units": 3}),
                client.delete(f"{product}/adjustments/2026-12-01", headers=headers),
            ]
        assert [answer.status_code for answer in written] == [201, 200, 204]
        answers.append(found)
    for path, embedded, mongo in zip(PATHS, *answers, strict=True):
        assert embedded.status_code == mongo.status_code, path
        if embedded.status_code == 200:
            assert embedded.content == mongo.content, path
            assert embedded.headers["etag"] == mongo.headers["etag"], path
    assert sum(answer.status_code == 200 for answer in answers[0]) == len(PATHS) - 1


def test_runs_are_listed_alike(lake, store, in_mongo, settings):
    for home in (store, in_mongo):
        publish_run(lake, home, "2026-10.1", settings, NOW)
    assert published_runs(store) == published_runs(in_mongo)
