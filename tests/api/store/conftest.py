"""Both homes of the forecast store, empty."""

from __future__ import annotations

import uuid

import pytest
from pymongo import MongoClient

from api.store import open_store


@pytest.fixture(params=["sqlite", "mongodb"])
def store(request, tmp_path):
    """An empty store of each kind."""
    if request.param == "sqlite":
        store = open_store(f"sqlite:///{tmp_path}/store.sqlite")
        yield store
        store.close()
        return
    uri = request.getfixturevalue("mongo_server")
    name = f"contract_{uuid.uuid4().hex[:12]}"
    separator = "" if uri.endswith("/") else "/"
    store = open_store(f"{uri}{separator}{name}")
    yield store
    store.close()
    with MongoClient(uri) as client:
        client.drop_database(name)
