"""Cosmos DB's request limit: what it refuses is sent again after the time that it says."""

from __future__ import annotations

import pytest
from pymongo.errors import BulkWriteError, OperationFailure

from api.store.mongo_limits import client_options, replace_all, within_limit

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
