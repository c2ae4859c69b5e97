"""Cosmos DB's request limit: what it refuses is sent again after the time that it says."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
from pymongo import MongoClient
from pymongo.errors import BulkWriteError, OperationFailure

from api.store.daily import DailyDocument, DailyQuery
from api.store.documents import Scope
from api.store.mongo_daily import MongoDaily
from api.store.mongo_limits import client_options, replace_all, within_limit
from api.store.mongo_refreshes import MongoRefreshes
from api.store.refreshes import Limit, RefreshRow

TOLD = (
    "Error=16500, RetryAfterMs=250, Details='Response status code does not indicate success: "
    "TooManyRequests (429)'"
)


class Collection:
    """Refuses the operations at these places of its first writes, and keeps the rest."""

    def __init__(self, *refused):
        self.kept, self.sent, self._refused = set(), [], list(refused)

    def bulk_write(self, operations, ordered):
        assert not ordered
        names = [operation._filter["_id"] for operation in operations]
        self.sent.append(names)
        refused = self._refused.pop(0) if self._refused else {}
        self.kept |= {name for place, name in enumerate(names) if place not in refused}
        if refused:
            errors = [{"index": i, "code": c, "errmsg": TOLD} for i, c in refused.items()]
            raise BulkWriteError({"writeErrors": errors})


DOCUMENTS = [{"_id": name} for name in "abcd"]


def test_only_what_was_refused_is_sent_again_after_the_time_told():
    collection, slept = Collection({1: 16500, 3: 16500}, {1: 16500}), []
    replace_all(collection, DOCUMENTS, sleep=slept.append)
    assert collection.sent == [["a", "b", "c", "d"], ["b", "d"], ["d"]]
    assert (collection.kept, slept) == (set("abcd"), [0.25, 0.25])


def test_another_error_is_not_tried_again():
    collection, slept = Collection({1: 16500, 2: 11000}), []
    with pytest.raises(BulkWriteError):
        replace_all(collection, DOCUMENTS, sleep=slept.append)
    assert slept == []


def test_a_load_without_progress_gives_up():
    stuck = [dict.fromkeys(range(4), 16500)] * 99
    slept = []
    with pytest.raises(BulkWriteError):
        replace_all(Collection(*stuck), DOCUMENTS, patience=1.0, sleep=slept.append)
    assert slept == [0.25] * 4


def test_a_read_waits_a_little_and_then_says_so():
    answers, slept = [OperationFailure(TOLD, 16500), "found"], []

    def ask():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert within_limit(ask, sleep=slept.append) == "found"
    assert slept == [0.25]
    answers[:] = [OperationFailure(TOLD, 16500)] * 99
    with pytest.raises(OperationFailure):
        within_limit(ask, patience=0.6, sleep=slept.append)
    assert slept == [0.25] * 3


def test_without_a_time_told_the_pauses_grow():
    answers, slept = [OperationFailure("Request rate is large", 16500)] * 3 + ["found"], []

    def ask():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert within_limit(ask, sleep=slept.append) == "found"
    assert slept == [0.01, 0.02, 0.04]


def test_retryable_writes_are_off_for_cosmos_db_alone():
    cosmos = "mongodb://n:k@n.mongo.cosmos.azure.com:10255/?ssl=true"
    assert client_options(cosmos)["retryWrites"] is False
    assert "retryWrites" not in client_options(f"{cosmos}&retrywrites=false")
    assert "retryWrites" not in client_options("mongodb://127.0.0.1/storecast")


class Busy:
    """A collection of a server that refuses the first call of each operation."""

    def __init__(self, collection):
        self._collection, self._refused = collection, set()

    def __getattr__(self, name):
        if name not in self._refused:
            self._refused.add(name)
            return self._refuse
        return getattr(self._collection, name)

    @staticmethod
    def _refuse(*_, **__):
        raise OperationFailure("Request rate is large", 16500)


@contextmanager
def no_errors(_):
    yield


@pytest.fixture
def busy(mongo_server):
    """A database of which each collection is busy."""
    with MongoClient(mongo_server) as client:
        client.drop_database("busy")
        yield lambda name: Busy(client["busy"][name])
        client.drop_database("busy")


def test_refreshes_and_leases_wait_for_a_busy_server(busy):
    queue = MongoRefreshes(busy("refreshes"), busy("leases"), busy("asked"), no_errors)
    row, now = RefreshRow("r", "M1", "S1", "2026-11-05"), time.time()
    assert queue.add(row, Limit("2026-11-04", 1)) and queue.get("r") == row
    assert queue.active() == queue.latest("M1", "S1") == [row]
    assert queue.change("r", {"state": "done"})
    assert queue.take_lease("M1", "S1", "w", now, now + 9)
    assert [lease.holder for lease in queue.leases(["M1"])] == ["w"]
    assert queue.remove_asked_before("2026-12") == 1


def test_daily_forecasts_wait_for_a_busy_server(busy):
    shelf, scope = MongoDaily(busy("daily"), no_errors), Scope("M1")
    kept = DailyDocument("M1", "S1", "P1", "toys", 1.0, "p1", "s", b"{}", b"[]")
    MongoDaily(shelf._daily._collection, no_errors).put([kept])
    assert shelf.stamps("M1", "S1") == {"P1": "s"}
    assert shelf.one(scope, "S1", "P1") == b"[]"
    assert len(shelf.page(scope, DailyQuery("S1"))) == 1
    assert shelf.remove_others("M1", "S1", "t") == 1
