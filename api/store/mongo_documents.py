"""How MongoDB keeps the store's documents: string ids, JSON as text, and the filter of a page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pymongo import ASCENDING, DESCENDING

from api.store.documents import Edition, ProductQuery, Scope

__all__ = [
    "DESCENDING_SORTS",
    "INDEXES",
    "Document",
    "document_of",
    "edition_of",
    "id_of",
    "page_filter",
    "page_order",
    "record_of",
]

Document = dict[str, Any]

INDEXES: dict[str, list[tuple[str, ...]]] = {
    "stores": [("load", "merchant_id", "store_id")],
    "forecasts": [
        ("load", "merchant_id", "store_id", "product_id"),
        ("load", "merchant_id", "search", "store_id", "product_id"),
    ],
    "records": [("kind", "key"), ("kind", "merchant_id", "store_id", "product_id", "key")],
    "daily": [
        ("merchant_id", "store_id", "volume", "product_id"),
        ("merchant_id", "store_id", "search", "product_id"),
    ],
    "refreshes": [("merchant_id", "store_id", "requested_at"), ("active", "requested_at")],
    "leases": [("merchant_id", "store_id")],
    "asked": [("merchant_id",)],
}
DESCENDING_SORTS = ("volume", "growth", "decline", "risk", "attention")


def page_order(sort: str) -> list[tuple[str, int]]:
    """Keys and directions of a page; the first is what the list is sorted by."""
    key, direction = ("search", ASCENDING) if sort == "name" else (sort, DESCENDING)
    return [(key, direction), ("store_id", ASCENDING), ("product_id", ASCENDING)]


def page_filter(load: int, scope: Scope, query: ProductQuery, key: str) -> Document:
    """The filter of one page of products."""
    terms: list[Document] = [{"load": load, "merchant_id": scope.merchant_id}]
    if scope.stores is not None:
        terms.append({"store_id": {"$in": sorted(scope.stores)}})
    if query.stores is not None:
        terms.append({"store_id": {"$in": list(query.stores)}})
    if query.categories:
        terms.append({"category": {"$in": list(query.categories)}})
    if query.confidences:
        terms.append({"confidence": {"$in": list(query.confidences)}})
    if query.text:
        terms.append({"search": {"$regex": re.escape(query.text)}})
    if query.sort == "attention":
        terms.append({"attention": {"$gt": 0}})
    if query.after is not None:
        value, store_id, product_id = query.after
        beyond = "$gt" if key == "search" else "$lt"
        terms.append(
            {
                "$or": [
                    {key: {beyond: value}},
                    {key: value, "store_id": {"$gt": store_id}},
                    {key: value, "store_id": store_id, "product_id": {"$gt": product_id}},
                ]
            }
        )
    return {"$and": terms}


def id_of(*parts: int | str) -> str:
    """The string id of a key; a slash within a part is escaped."""
    return "/".join(quote(str(part), safe="") for part in parts)


def document_of(load: int, values: Any, keys: int) -> Document:
    """A named tuple of documents.py as MongoDB keeps it: its key as a string, its JSON as text."""
    document = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in values._asdict().items()
    }
    return {"_id": id_of(load, *values[:keys]), "load": load, **document}


def record_of(
    kind: str, key: str, document: Mapping[str, Any], owner: tuple[str, str, str]
) -> Document:
    """A record as kept."""
    merchant_id, store_id, product_id = owner
    return {
        "_id": id_of(kind, key),
        "kind": kind,
        "key": key,
        "merchant_id": merchant_id,
        "store_id": store_id,
        "product_id": product_id,
        "json": json.dumps(dict(document)),
    }


def edition_of(document: Mapping[str, Any]) -> Edition:
    """The edition that a kept document describes."""
    return Edition(
        document["load"],
        document["run_id"],
        document["digest"],
        document["details"],
        document["published_at"],
        document["before"],
    )
