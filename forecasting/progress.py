"""How far a long job is: a bar where a person looks on, a line of log now and then otherwise."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

__all__ = ["shown"]

_LOG = logging.getLogger(__name__)
_SECONDS_BETWEEN_LINES = 10.0

T = TypeVar("T")


def shown(items: Iterable[T], title: str, total: int | None = None) -> Iterator[T]:
    """`items` as they come, counted in front of a person or in the log."""
    if sys.stderr.isatty():
        yield from tqdm(items, desc=title, total=total, unit=" series")
        return
    said = time.monotonic()
    count = 0
    for item in items:
        yield item
        count += 1
        if time.monotonic() - said > _SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            _LOG.info("%s: %s", title, _of(count, total))
    _LOG.info("%s: %s, done", title, _of(count, total))


def _of(count: int, total: int | None) -> str:
    return f"{count} of {total}" if total else f"{count}"
