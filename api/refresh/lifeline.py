"""A worker's sign of life: the lease that it holds is renewed by a thread while it works."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from api.store.refreshes import RefreshQueue, RefreshRow
from etl.errors import StoreError

__all__ = ["LeaseLostError", "Lifeline"]

_LOG = logging.getLogger("storecast.refresh")
_RENEWALS = 4


class LeaseLostError(Exception):
    """The lease ran out and another worker has the store now."""


class Lifeline:
    """Renews the lease of the refresh that is held, four times within its length.

    One thread serves the worker's whole life, since each thread has a connection of its own.
    """

    def __init__(self, queue: RefreshQueue, seconds: float) -> None:
        self._queue = queue
        self._seconds = seconds
        self._held: RefreshRow | None = None
        self._until = 0.0
        self._lost = False
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="refresh-lifeline", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Renew no more."""
        self._ended.set()
        self._thread.join()

    @contextmanager
    def holding(self, row: RefreshRow) -> Iterator[None]:
        """Keep the lease of the refresh's store while the block lasts, and give it back then."""
        with self._lock:
            self._held, self._until, self._lost = row, 0.0, False
        try:
            yield
        finally:
            with self._lock:
                self._held = None
            self._queue.end_lease(row.merchant_id, row.store_id, row.holder, time.time())

    def check(self) -> None:
        """Raise `LeaseLostError` where the lease is another's.

        One that is not known to last is renewed first: whoever slept has not noticed yet.
        """
        with self._lock:
            if self._held is not None and time.time() >= self._until:
                self._renew(self._held)
        if self._lost:
            raise LeaseLostError("another worker has the store")

    def _run(self) -> None:
        while not self._ended.wait(self._seconds / _RENEWALS):
            with self._lock:
                if self._held is not None:
                    self._renew(self._held)

    def _renew(self, row: RefreshRow) -> None:
        now = time.time()
        until = now + self._seconds
        try:
            self._lost |= not self._queue.take_lease(
                row.merchant_id, row.store_id, row.holder, now, until
            )
        except StoreError:
            _LOG.warning("the lease of %s could not be renewed; trying again", row.id)
        else:
            self._until = until
