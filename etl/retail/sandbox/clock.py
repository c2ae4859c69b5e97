"""The sandbox's clock: what is later than `now` has not happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from etl.errors import InputError

__all__ = ["Clock", "milliseconds"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(text: str) -> int:
    """Milliseconds since 1970 UTC of an ISO 8601 moment with offset.

    >>> milliseconds("1970-01-01T01:00:00.250+01:00")
    250

    Raises `InputError` where it is no such moment.
    """
    try:
        # A space where the plus was: a query string that was not encoded.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError as error:
        raise InputError(f"a moment is written as 2026-11-03T06:00:00Z; found {text!r}") from error
    if moment.tzinfo is None:
        raise InputError(f"a moment needs its offset, as in 2026-11-03T06:00:00Z; found {text!r}")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


class Clock:
    """The moment that the sandbox lives in; it stands until it is moved."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __str__(self) -> str:
        moment = _EPOCH + timedelta(milliseconds=self.now)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
