"""The request limit of Azure Cosmos DB for MongoDB, and waiting as long as it says.

Cosmos DB answers error 16500 (its 429) when a collection's request units of the second are used
up, with the milliseconds after which to come again. A bulk write may meet it in some of its
operations: those alone are sent again. Other servers never answer so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pymongo import ReplaceOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, OperationFailure

__all__ = ["WRITE_PATIENCE", "client_options", "replace_all", "within_limit"]

READ_PATIENCE = 2.0
"""Seconds that a reader is kept waiting before it is told that the store is busy."""

WRITE_PATIENCE = 120.0
"""Seconds without any progress after which a load gives up; the run before is still served."""

_OVER_LIMIT = frozenset({16500, 429})
_RETRY_AFTER = re.compile(r"RetryAfterMs[=:]\s*(\d+)")
_SHORTEST, _LONGEST = 0.01, 5.0
_COSMOS = ".cosmos.azure.com"

_T = TypeVar("_T")


def client_options(url: str) -> dict[str, Any]:
    """How long to wait for a server, and no retryable writes where Cosmos DB has none.

    What the URL says itself is left to it.

    >>> client_options("mongodb://a:k@b.mongo.cosmos.azure.com:10255/?ssl=true")["retryWrites"]
    False
    """
    options: dict[str, Any] = {
        "serverSelectionTimeoutMS": 3000,
        "connectTimeoutMS": 3000,
        "socketTimeoutMS": 60000,
    }
    if _COSMOS in urlsplit(url).netloc.lower():
        options["retryWrites"] = False
    return {name: value for name, value in options.items() if name.lower() not in url.lower()}


def within_limit(
    call: Callable[[], _T],
    patience: float = READ_PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
) -> _T:
    """What `call` gives, made again while the limit says to wait, up to `patience` seconds."""
    waited = 0.0
    tries = 0
    while True:
        try:
            return call()
        except OperationFailure as error:
            if error.code not in _OVER_LIMIT:
                raise
            pause = _pause(str(error), tries)
            if waited + pause > patience:
                raise
            sleep(pause)
            waited, tries = waited + pause, tries + 1


def replace_all(
    collection: Collection[dict[str, Any]],
    documents: Sequence[dict[str, Any]],
    patience: float = WRITE_PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Put the documents in the place of those with the same `_id`, in any order.

    `patience` counts from the last operation that went through.
    """
    waiting = [ReplaceOne({"_id": one["_id"]}, one, upsert=True) for one in documents]
    waited, tries = 0.0, 0
    while waiting:
        try:
            collection.bulk_write(waiting, ordered=False)
            return
        except BulkWriteError as error:
            failed = error.details["writeErrors"]
            if any(one["code"] not in _OVER_LIMIT for one in failed):
                raise
            if len(failed) < len(waiting):
                waited, tries = 0.0, 0
            pause = max(_pause(str(one.get("errmsg", "")), tries) for one in failed)
            if waited + pause > patience:
                raise
            waiting = [waiting[one["index"]] for one in failed]
        sleep(pause)
        waited, tries = waited + pause, tries + 1


def _pause(message: str, tries: int) -> float:
    """Seconds to wait: as the answer says, else longer each time."""
    told = _RETRY_AFTER.search(message)
    pause = int(told[1]) / 1000 if told else _SHORTEST * 2.0**tries
    return min(max(pause, _SHORTEST), _LONGEST)
