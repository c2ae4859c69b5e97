"""Cursors: the place of a page's last line, sealed with the list that it belongs to.

Callers hand a cursor back as they got it. It fits only the list that it came from: a fingerprint of
what makes the list (merchant, stores, filters, sort) stands before the place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from types import UnionType
from typing import Any

import orjson

from api.errors import BadRequestError

__all__ = ["cursor_of", "place_of"]


def cursor_of(parts: Sequence[Any], place: Sequence[Any]) -> str:
    """The cursor for a place in the list that `parts` make.

    >>> place_of(["M1", "volume"], cursor_of(["M1", "volume"], [3.5, "MUG"]), [int | float, str])
    [3.5, 'MUG']
    """
    sealed = orjson.dumps([_fingerprint(parts), *place])
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def place_of(parts: Sequence[Any], cursor: str, types: Sequence[type | UnionType]) -> list[Any]:
    """The place that a cursor names, of those types.

    Raises `BadRequestError` where it is damaged or comes from another list.
    """
    place: list[Any]
    try:
        found = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        fingerprint, *place = found
    except (binascii.Error, UnicodeError, ValueError, TypeError):
        fingerprint, place = "", []
    told = len(place) == len(types) and all(map(isinstance, place, types))
    if not told or fingerprint != _fingerprint(parts):
        raise BadRequestError(
            "the cursor does not fit this list; start without a cursor, and keep merchant, "
            "stores, filters and sort from page to page"
        )
    return place


def _fingerprint(parts: Sequence[Any]) -> str:
    return hashlib.blake2b(orjson.dumps(parts), digest_size=6).hexdigest()
