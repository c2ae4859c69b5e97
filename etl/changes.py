"""Which months may have changed since they were built, so that no other is looked at.

Whoever writes store-days notes their months, before and after: the first note is there where the
writer is killed, the second where the month was built while it wrote. The builder takes the notes
away before it reads a day, so that one which comes later stays for the next time, and remembers
what they said in `changed/checking.json` until it is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date

from etl.dates import read_month
from etl.lake import Lake

__all__ = ["months_to_check", "noting_change"]

_FOLDER = "changed"
_CHECKING = f"{_FOLDER}/checking.json"


@contextmanager
def noting_change(lake: Lake, months: Iterable[date]) -> Iterator[None]:
    """A block that writes store-days of `months`, which are looked at when months are next built.

    >>> import tempfile
    >>> lake = Lake(tempfile.mkdtemp())
    >>> with noting_change(lake, [date(2026, 3, 1)]):
    ...     pass
    >>> with months_to_check(lake, date(2026, 4, 1)) as months:
    ...     print(sorted(map(str, months)))
    ['2026-03-01']
    >>> lake.paths("")
    []
    """
    noted = [f"{month:%Y-%m}" for month in months]
    _note(lake, noted)
    try:
        yield
    finally:
        _note(lake, noted)


@contextmanager
def months_to_check(lake: Lake, through: date) -> Iterator[set[date]]:
    """The months up to `through` that were noted, for a block that builds them.

    Where the block raises or is killed, they are told again the next time.
    """
    noted = {
        path: month
        for path in lake.paths(_FOLDER, ".json")
        if path != _CHECKING and (month := _month_of(path)) <= through
    }
    kept = lake.read_json(_CHECKING)["months"] if lake.exists(_CHECKING) else []
    months = {*noted.values(), *map(read_month, kept)}
    if noted:
        lake.write_json(_CHECKING, {"months": [f"{month:%Y-%m}" for month in sorted(months)]})
    for path in noted:
        lake.delete(path)
    yield months
    lake.delete(_CHECKING)


def _note(lake: Lake, months: Iterable[str]) -> None:
    for month in months:
        lake.write_json(f"{_FOLDER}/month={month}.json", {"month": month})


def _month_of(path: str) -> date:
    return read_month(path.removeprefix(f"{_FOLDER}/month=").removesuffix(".json"))
