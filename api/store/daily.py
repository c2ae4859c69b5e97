"""What the forecast store keeps of the next seven days: one document a product of a store.

Unlike a monthly edition they are replaced one by one, as a refresh makes them. Each bears a stamp,
the watermark of the data and the configuration that it was made from, which tells what a refresh
still has to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from api.store.documents import Scope

__all__ = ["DAILY_SORTS", "DailyDocument", "DailyQuery", "DailyShelf", "ListedDaily"]

DAILY_SORTS = ("volume", "name")
"""Orders of a list of daily forecasts: units from the highest down, names from A to Z."""


class DailyDocument(NamedTuple):
    """The daily forecast of one product: what lists filter and sort by, and its JSON.

    `sums` is JSON too: the few numbers that a store's totals are added up from.
    """

    merchant_id: str
    store_id: str
    product_id: str
    category: str
    volume: float
    search: str
    stamp: str
    sums: bytes
    json: bytes


@dataclass(frozen=True)
class DailyQuery:
    """Which products of a store to list, in what order, and after which one.

    `after` is the sort key and product of the last line of the page before.
    """

    store_id: str
    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    text: str = ""
    sort: str = "volume"
    after: tuple[float | str, str] | None = None
    limit: int = 50


class ListedDaily(NamedTuple):
    """One document of a list, with its place in the order."""

    sort_key: float | str
    product_id: str
    json: bytes


class DailyShelf(Protocol):
    """Daily forecasts as a home of the store keeps them; each read is within a `Scope`."""

    def put(self, documents: Sequence[DailyDocument]) -> None:
        """Write documents, replacing those of the same product; a batch is seen whole."""

    def one(self, scope: Scope, store_id: str, product_id: str) -> bytes | None:
        """The JSON of one product; None where the scope holds no such product."""

    def page(self, scope: Scope, query: DailyQuery) -> list[ListedDaily]:
        """The page of products that the query asks for."""

    def sums(self, scope: Scope, store_id: str, categories: Sequence[str] = ()) -> list[bytes]:
        """The `sums` of a store's products, or of those in the categories."""

    def stamps(self, merchant_id: str, store_id: str) -> dict[str, str]:
        """Stamp by product id."""

    def remove_others(self, merchant_id: str, store_id: str, stamp: str) -> int:
        """Remove the store's documents of any other stamp: of products that went."""
