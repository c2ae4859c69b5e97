"""Searching Shopify's orders by an instant: terms, and how far the pages of a search were read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from etl.retail.shapes import order_key
from etl.retail.shopify_documents import placed_at, updated_at
from etl.retail.shopify_shapes import Page
from etl.retail.source import Document

__all__ = ["PLACED", "UPDATED", "Edge", "Reading", "search_terms"]

_PAD = timedelta(minutes=1)
_SEARCH_ORDERS = 20_000


@dataclass(frozen=True)
class Edge:
    """An instant of an order that the search takes windows of, and can sort by."""

    term: str
    sort_key: str
    read: Callable[[Any], datetime | None]


PLACED = Edge("processed_at", "PROCESSED_AT", placed_at)
UPDATED = Edge("updated_at", "UPDATED_AT", updated_at)


def search_terms(by: Edge, start: datetime, end: datetime) -> str:
    """The search for a window, a little wider than it.

    >>> search_terms(PLACED, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    "processed_at:>='2026-02-28T23:59:00Z' processed_at:<'2026-03-02T00:01:00Z'"
    """
    first, last = (
        instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for instant in (start - _PAD, end + _PAD)
    )
    return f"{by.term}:>='{first}' {by.term}:<'{last}'"


@dataclass
class Reading:
    """How far the orders of [start, end) were read, page after page, in the order of `by`.

    A search ends at 25,000 objects, so one that gets near goes on as a new one that starts at the
    last instant, `start` from then on; `seen` are the orders of that instant.
    """

    by: Edge
    start: datetime
    end: datetime
    after: str | None = None
    seen: set[str] = field(default_factory=set)
    _latest: datetime = field(init=False)
    _page_end: datetime | None = None
    _page_orders: set[str] = field(default_factory=set)
    _count: int = 0

    def __post_init__(self) -> None:
        self._latest = self.start

    def goes_on(self, page: Page) -> bool:
        """Whether a page follows the one before it: no order again, no step back in time."""
        earlier = self._page_end
        for document in page.nodes:
            instant = self.by.read(document) or earlier
            if order_key(document) in self._page_orders or (
                instant and earlier and instant < earlier
            ):
                return False
            earlier = instant
        return True

    def take(self, page: Page) -> Iterator[Document]:
        """The documents of a page that are in the window and were not read before.

        One whose time cannot be read is taken to follow the one before it in the search.
        """
        for document in page.nodes:
            instant, name = self.by.read(document) or self._latest, order_key(document)
            if self.start <= instant < self.end and name not in self.seen:
                yield document
            if instant > self._latest:
                self._latest, self.seen = instant, set()
            if instant == self._latest:
                self.seen.add(name)
            self._page_end = instant

    def turn(self, page: Page) -> bool:
        """Go on behind `page`; False where it was the last."""
        self._page_orders = {order_key(document) for document in page.nodes}
        self.after, self._count = page.cursor, self._count + len(page.nodes)
        if self.after is None:
            return False
        if self._count >= _SEARCH_ORDERS and self._latest > self.start:
            self.start, self.after, self._count = self._latest, None, 0
            self._page_end, self._page_orders = None, set()
        return True
