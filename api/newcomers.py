"""Stores that the registry has and the served run does not: registered since it was published.

A run knows the stores of its day. One that joins later has no forecast of the month, but its next
seven days can be asked for and read at once, by whoever has a token for it. Whose it is, the
registry says. A lake that is slow or out of reach costs a reader half a second now and then, and
nobody anything that was published.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock

from api.registered import store_document
from api.store.documents import Scope, StoreDocument
from etl.errors import StorecastError
from etl.lake import Lake
from etl.registry import read_stores

__all__ = ["Newcomers"]

_LOG = logging.getLogger("storecast.newcomers")
_REMEMBERED, _AFTER_FAILURE = 2.0, 30.0
_PATIENCE = 0.5

Registered = dict[str, list[StoreDocument]]
"""Stores by merchant."""


class Newcomers:
    """The registry of the lake at `lake_url`, read again where what is known is seconds old."""

    def __init__(self, lake_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._lake_url = lake_url
        self._clock = clock
        self._known: Registered = {}
        self._until = float("-inf")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="registry")
        self._reading: Future[None] | None = None
        self._lock = Lock()

    def of(self, scope: Scope) -> list[StoreDocument]:
        """The registered stores within the scope, as far as they are known by now."""
        reading = self._begin()
        if reading is not None:
            wait([reading], _PATIENCE)
        return [store for store in self._known.get(scope.merchant_id, []) if _within(scope, store)]

    def close(self) -> None:
        """Read no more."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    def _begin(self) -> Future[None] | None:
        """A new look at the registry, where one is due and none is under way."""
        with self._lock:
            under_way = self._reading is not None and not self._reading.done()
            if under_way or self._clock() < self._until:
                return None
            self._reading = self._reader.submit(self._read)
            return self._reading

    def _read(self) -> None:
        seconds = _REMEMBERED
        found: Registered = defaultdict(list)
        try:
            for store in read_stores(Lake(self._lake_url)):
                found[store.merchant_id].append(store_document(store))
            self._known = dict(found)
        except (StorecastError, OSError) as error:
            _LOG.warning("the registry cannot be read, so new stores are not found: %s", error)
            seconds = _AFTER_FAILURE
        self._until = self._clock() + seconds


def _within(scope: Scope, store: StoreDocument) -> bool:
    return scope.merchant_id == store.merchant_id and scope.allows(store.store_id)
