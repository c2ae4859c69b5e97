"""What the forecast store keeps: an edition of a run, its documents, and the records beside them.

An *edition* is one load of one run. All documents of it carry its number, so that readers of one
edition can never meet a document of another, and a rerun after a broken load starts afresh.

Bodies are JSON, rendered once when the run is published and handed out as they are: a read is one
look-up, and both homes of the store answer the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = [
    "SORTS",
    "UNKNOWN",
    "Body",
    "Edition",
    "ForecastDocument",
    "ListedProduct",
    "ProductQuery",
    "Scope",
    "StoreDocument",
    "SummaryDocument",
]

UNKNOWN = -1e9
"""What a sort key holds where its number is not known, so that such products come last."""

SORTS = ("volume", "growth", "decline", "risk", "attention", "name")
"""Orders of a list of products: numbers from the highest down, names from A to Z."""


@dataclass(frozen=True)
class Scope:
    """Whose documents may be read: one merchant, and of its stores all (None) or those named.

    Every query of the store takes one, and puts it into the key that it looks up.
    """

    merchant_id: str
    stores: frozenset[str] | None = None

    def allows(self, store_id: str) -> bool:
        """Whether the store is within the scope."""
        return self.stores is None or store_id in self.stores


@dataclass(frozen=True)
class Edition:
    """One load of a run: its number, the run, the fingerprint of its manifest, and its counts."""

    load: int
    run_id: str
    digest: str
    details: Mapping[str, Any] = field(default_factory=dict)
    published_at: str | None = None
    before: int | None = None


class Body(NamedTuple):
    """A rendered document and the tag that changes when it does."""

    json: bytes
    etag: str


class StoreDocument(NamedTuple):
    """One store of one merchant."""

    merchant_id: str
    store_id: str
    region: str
    json: bytes


class ForecastDocument(NamedTuple):
    """One product in one store: what lists filter and sort by, its line there, and its forecast."""

    merchant_id: str
    store_id: str
    product_id: str
    category: str
    confidence: str
    volume: float
    growth: float
    decline: float
    risk: float
    attention: float
    search: str
    line: bytes
    etag: str
    json: bytes


class SummaryDocument(NamedTuple):
    """Totals or accuracy of a merchant (no store), a store, or a category within either."""

    kind: str
    merchant_id: str
    store_id: str
    category: str
    etag: str
    json: bytes


@dataclass(frozen=True)
class ProductQuery:
    """Which products to list, in what order, and after which one.

    `after` is the sort key, store and product of the last line of the page before.
    """

    stores: tuple[str, ...] | None = None
    categories: tuple[str, ...] = ()
    confidences: tuple[str, ...] = ()
    text: str = ""
    sort: str = "volume"
    after: tuple[float | str, str, str] | None = None
    limit: int = 50


class ListedProduct(NamedTuple):
    """One line of a list of products, with its place in the order."""

    sort_key: float | str
    store_id: str
    product_id: str
    line: bytes
