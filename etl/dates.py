"""Days, months and instants as people write them, on a command line or in a file of theirs.

>>> read_month("2026-10"), read_day("2026-10-31")
(datetime.date(2026, 10, 1), datetime.date(2026, 10, 31))
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from etl.errors import InputError

__all__ = ["read_day", "read_instant", "read_month"]


def read_day(text: str) -> date:
    """The day that is written YYYY-MM-DD. Raises `InputError` where it is not."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"a day is written YYYY-MM-DD, as in 2026-10-31; found {text!r}"
        ) from error


def read_month(text: str) -> date:
    """The first day of the month that is written YYYY-MM. Raises `InputError` where it is not."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise InputError(f"a month is written YYYY-MM, as in 2026-10; found {text!r}") from error


def read_instant(text: str) -> datetime:
    """The instant that is written in ISO 8601, in UTC where it has no offset.

    Raises `InputError` where it is not.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"an instant is written as 2026-11-03T06:00:00Z; found {text!r}"
        ) from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
