"""What a marketplace does to its callers: refuses the hasty, and now and then fails."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from hashlib import blake2b

__all__ = ["Faults", "RateLimit"]

_STATUSES = (500, 502, 503, 504)


class RateLimit:
    """At most `per_second` requests of one caller, a second's worth at once; 0 means no limit.

    >>> moments = iter([0.0, 0.0, 0.0, 0.25])
    >>> limit = RateLimit(2, clock=lambda: next(moments))
    >>> [limit.wait("M1") for _ in range(4)]
    [0, 0, 1, 1]
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, caller: str) -> int:
        """0 where the request may pass, else the whole seconds after which to try again."""
        if self._per_second <= 0:
            return 0
        now = self._clock()
        most = max(1.0, self._per_second)
        left, since = self._buckets.get(caller, (most, now))
        left = min(most, left + (now - since) * self._per_second)
        passes = left >= 1
        self._buckets[caller] = (left - 1 if passes else left, now)
        return 0 if passes else max(1, math.ceil((1 - left) / self._per_second))


class Faults:
    """Fails a share of the requests, always the same ones for a seed.

    >>> faults = Faults(share=0.5, seed=1)
    >>> first = [faults.next() for _ in range(20)]
    >>> again = Faults(share=0.5, seed=1)
    >>> first == [again.next() for _ in range(20)], 0 in first, 503 in first
    (True, True, True)
    """

    def __init__(self, share: float, seed: int) -> None:
        self._share = share
        self._seed = seed
        self._requests = 0

    def next(self) -> int:
        """The status that the next request fails with, or 0."""
        self._requests += 1
        drawn = blake2b(f"{self._seed}/{self._requests}".encode(), digest_size=8).digest()
        if int.from_bytes(drawn, "big") / 2**64 >= self._share:
            return 0
        return _STATUSES[drawn[0] % len(_STATUSES)] if self._share < 1 else 503
