"""What of a JSON document of the lake is about a merchant, and the document without it.

Rows and keys are told by their shape. Sentences that a job wrote down (why a shard failed, what an
alert said) may name anyone: those that name the merchant are replaced, and its alerts go whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["file_without", "named_in", "word_of"]

_NOTHING: Any = object()

_ALERTS = "alerts/"
"""Alerts are words from end to end, kept so that none is sent twice within a day."""

_BY_GROUP = frozenset({"courses", "first_sales", "starts"})
"""Names of objects whose keys may be a merchant's id and nothing more; elsewhere such a key is a
name of our own, `series` or `models`, whatever a merchant is called."""

_KEYS = frozenset({"first", "last"})
"""Names under which the key of a series stands as a list."""

_SENTENCES = frozenset({"message", "why"})
"""Names under which a job tells in words what became of its work."""

_REPLACED = "what was told here named a merchant who was forgotten"


def file_without(path: str, document: Any, merchant_id: str) -> Any:
    """The document of the file at `path` without what is about the merchant; None: all of it is.

    About it is an object whose `merchant_id` it is, the key of a series, and what stands under a
    key that is it or begins with it: `M/store`, `M|category`, `=M|store` (no id holds `=`),
    `["M", "store", …]`, and `M` alone where keys are merchants.

    >>> file_without("a", {"x": [{"merchant_id": "M", "n": 1}, {"merchant_id": "N"}]}, "M")
    {'x': [{'merchant_id': 'N'}]}
    >>> file_without("a", {"M/centro": 1, "M2/centro": 2, "N|toys": 3, "M|": 4, "=M": 5}, "M")
    {'M2/centro': 2, 'N|toys': 3}
    >>> file_without("a", {"series": 3, "courses": {"series": [], "N": []}}, "series")
    {'series': 3, 'courses': {'N': []}}
    >>> file_without("a", {"message": "no sales of M", "tries": 3}, "M")["message"]
    'what was told here named a merchant who was forgotten'
    """
    if path.startswith(_ALERTS) and named_in(document, merchant_id):
        return None
    kept = _kept(document, merchant_id)
    return None if kept is _NOTHING else kept


def named_in(document: Any, merchant_id: str) -> bool:
    """Whether the id is a word of any text of the document.

    >>> named_in({"details": ["3 days\\nM/centro"]}, "M"), named_in({"M2": ["M-3"]}, "M")
    (True, False)
    """
    word = word_of(merchant_id)
    return any(word.search(text) for text in _texts(document))


def word_of(merchant_id: str) -> re.Pattern[str]:
    """The id where it stands as a word of its own.

    >>> [bool(word_of("M").search(text)) for text in ("store S of M", "M-2", "M2")]
    [True, False, False]
    """
    return re.compile(rf"(?<![\w-]){re.escape(merchant_id)}(?![\w-])")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield name
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _kept(value: Any, merchant_id: str, under: str = "") -> Any:
    """The value, which stands under that name, without what is about the merchant."""
    if isinstance(value, dict):
        if value.get("merchant_id") == merchant_id:
            return _NOTHING
        rest = {
            name: _sentence(part, merchant_id)
            if name in _SENTENCES
            else _kept(part, merchant_id, name)
            for name, part in value.items()
            if not _names(name, merchant_id, under)
        }
        return {name: part for name, part in rest.items() if part is not _NOTHING}
    if isinstance(value, list):
        if under in _KEYS and value[:1] == [merchant_id]:
            return _NOTHING
        parts = [_kept(part, merchant_id) for part in value]
        return [part for part in parts if part is not _NOTHING]
    return value


def _sentence(told: Any, merchant_id: str) -> Any:
    return _REPLACED if named_in(told, merchant_id) else told


def _names(key: str, merchant_id: str, under: str) -> bool:
    """Whether a key of the object of that name is the merchant, or something of it."""
    if key.startswith("["):
        try:
            parts = json.loads(key)
        except ValueError:
            return False
        return isinstance(parts, list) and parts[:1] == [merchant_id]
    if key == merchant_id:
        return under in _BY_GROUP
    named = key.removeprefix("=")
    return named == merchant_id or named.startswith((f"{merchant_id}/", f"{merchant_id}|"))
