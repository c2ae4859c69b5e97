"""How much one token may ask: a bucket of requests that refills steadily."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil

from api.errors import TooManyRequestsError

__all__ = ["RateLimit"]

_BUCKETS = 50_000


class RateLimit:
    """A token bucket for each caller, within one process.

    >>> limit = RateLimit(per_second=1, burst=2, clock=lambda: 0.0)
    >>> limit.take("t1"), limit.take("t1")
    (None, None)
    >>> limit.take("t1")
    Traceback (most recent call last):
    api.errors.TooManyRequestsError: token t1 may make 1 requests a second and 2 at once; ...
    """

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, caller: str) -> None:
        """Count one request. Raises `TooManyRequestsError` where the bucket is empty."""
        now = self._clock()
        left, since = self._buckets.get(caller, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._per_second)
        if left < 1:
            wait = max(1, ceil((1 - left) / self._per_second))
            raise TooManyRequestsError(
                f"token {caller} may make {self._per_second:g} requests a second and "
                f"{self._burst} at once; try again in {wait} s",
                retry_after=wait,
            )
        if caller not in self._buckets and len(self._buckets) >= _BUCKETS:
            self._buckets.pop(next(iter(self._buckets)))
        self._buckets[caller] = (left - 1, now)
