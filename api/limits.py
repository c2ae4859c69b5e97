"""How much one token may ask: a bucket of requests that refills steadily.

Of each bucket only the moment is kept at which it will be full again: a single number, so that the
API processes of one machine can count in one file without locks. Two requests of a token that meet
in the same microsecond may count as one; nothing else is lost.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from math import ceil
from pathlib import Path

from api.errors import TooManyRequestsError
from etl.errors import SettingError

__all__ = ["Buckets", "RateLimit"]

_PLACES = 65_536
_NEAR = 8
_BYTES = 16


class Buckets:
    """The moment at which each token's bucket is full, for one process, or all that share a file.

    A token has one of a few neighbouring places by its hash. The place of a bucket that is full
    again is free for another token: a full bucket is what every new token has.
    """

    def __init__(self, file: str = "") -> None:
        memory = _shared(Path(file)) if file else mmap.mmap(-1, _PLACES * _BYTES)
        view = memoryview(memory)
        self._owners = view[: _PLACES * 8].cast("Q")
        self._full_at = view[_PLACES * 8 :].cast("d")

    def place_of(self, token: str, now: float) -> int:
        """Where the token's moment stands; a place that was another's is made its own."""
        owner = _owner(token)
        first = owner % (_PLACES - _NEAR)
        places = range(first, first + _NEAR)
        for place in places:
            if self._owners[place] == owner:
                return place
        freest = min(places, key=self._full_at.__getitem__)
        self._full_at[freest] = now
        self._owners[freest] = owner
        return freest

    def __getitem__(self, place: int) -> float:
        return self._full_at[place]

    def __setitem__(self, place: int, moment: float) -> None:
        self._full_at[place] = moment


class RateLimit:
    """A token bucket for each caller.

    >>> limit = RateLimit(per_second=1, burst=2, clock=lambda: 5.0)
    >>> limit.take("t1"), limit.take("t1")
    (None, None)
    >>> limit.take("t1")
    Traceback (most recent call last):
    api.errors.TooManyRequestsError: token t1 may make 1 requests a second and 2 at once; ...
    """

    def __init__(
        self,
        per_second: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        buckets: Buckets | None = None,
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._each = 1 / per_second
        # A thousandth of a request more, since moments are rounded.
        self._most = (burst + 0.001) / per_second
        self._clock = clock
        self._buckets = buckets or Buckets()

    def take(self, caller: str) -> None:
        """Count one request. Raises `TooManyRequestsError` where the bucket is empty."""
        now = self._clock()
        place = self._buckets.place_of(caller, now)
        full_at = self._buckets[place]
        # A moment further ahead than a bucket takes to fill is one of another life of the machine.
        full_at = (full_at if now < full_at < now + self._most else now) + self._each
        if full_at > now + self._most:
            wait = max(1, ceil(full_at - now - self._most))
            raise TooManyRequestsError(
                f"token {caller} may make {self._per_second:g} requests a second and "
                f"{self._burst} at once; try again in {wait} s",
                retry_after=wait,
            )
        self._buckets[place] = full_at


@lru_cache(maxsize=4096)
def _owner(token: str) -> int:
    """A hash of the token, below 2 to the power of 64."""
    return int.from_bytes(blake2b(token.encode(), digest_size=8).digest())


def _shared(file: Path) -> mmap.mmap:
    """The file in memory, made where it is missing. Raises `SettingError` where that fails."""
    try:
        opened = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(opened, _PLACES * _BYTES)
            return mmap.mmap(opened, _PLACES * _BYTES)
        finally:
            os.close(opened)
    except OSError as error:
        raise SettingError(
            f"STORECAST_LIMITS_FILE must be a file that the API may write; {file}: {error.strerror}"
        ) from error
