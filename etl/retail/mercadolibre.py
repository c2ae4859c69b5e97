"""MercadoLibre: orders of a seller by creation window, listings by id, a currency per site.

Its ways, and how they are met:

- Search pages by offset, 50 at a time, and refuses offsets beyond 10,000: windows are cut until
  each holds at most 1,000 orders, which also bounds what is held in memory.
- Pages move while they are read (an order is cancelled and leaves the search): each page repeats
  the last order of the one before, and a window that does not join up, or that counts differently
  at its end, is read again.
- `from` and `to` are inclusive: windows are padded, then cut to [start, end) by `date_created`.
- Refunds come as the post-purchase resource `returns`, by item of the order; a cancelled order
  keeps its lines. A return that names no order is an order of its own with negative quantities.
- What is out of stock is told by an extension, `/users/{seller}/stockouts`; where the service does
  not have it, nothing is known, which is not the same as never empty.

Documents are kept as received except for their customer, who never passes the door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from etl.errors import SourceContractError
from etl.registry import Store
from etl.retail.connection import Connection
from etl.retail.mercadolibre_documents import (
    created_at,
    read_order,
    updated_at,
    without_customer,
)
from etl.retail.mercadolibre_shapes import (
    Item,
    ItemAnswer,
    SearchPage,
    StockoutPage,
    StorePage,
    drift,
)
from etl.retail.shapes import order_key
from etl.retail.source import Document, Listing, Order
from etl.settings import Settings

__all__ = ["MercadoLibre"]

_PAGE = 50
_PAGES_AT_ONCE = 4
"""So that a marketplace whose answers take their time is still read as fast as its limit allows."""
_WINDOW_ORDERS = 1_000
_AIMED_ORDERS = 800
_PAD = timedelta(minutes=1)
_SHORTEST_WINDOW = timedelta(seconds=2)
_READINGS = 16
_ITEMS_AT_ONCE = 20


@dataclass(frozen=True)
class _Edge:
    """An instant of an order that the search takes windows of."""

    parameter: str
    read: Callable[[Any], datetime | None]


_CREATED = _Edge("order.date_created", created_at)
_UPDATED = _Edge("order.date_last_updated", updated_at)

_Shape = TypeVar("_Shape", bound=BaseModel)


@dataclass(frozen=True)
class MercadoLibre:
    """MercadoLibre as one merchant sees it; fulfils `etl.retail.source.RetailSource`."""

    connection: Connection
    merchant_id: str
    at_once: int = 1

    @classmethod
    def open(cls, settings: Settings, merchant_id: str, token: str) -> MercadoLibre:
        """The marketplace at `source_url`, seen with `token`."""
        headers = {"Authorization": f"Bearer {token}"}
        connection = Connection(
            settings.source_url, merchant_id, headers, attempts=settings.source_attempts
        )
        return cls(connection, merchant_id, _PAGES_AT_ONCE)

    @staticmethod
    def read_order(document: Any, store: Store, fallback: datetime) -> Order:
        """`document` in common terms; never raises."""
        return read_order(document, store, fallback)

    @staticmethod
    def drift(document: Any) -> set[str]:
        """Where the document differs from the documented shape."""
        return drift(document)

    def stores(self) -> list[Store]:
        """The merchant's stores."""
        page = self._answer(StorePage, "/stores")
        return [
            Store(
                merchant_id=self.merchant_id,
                store_id=found.id,
                name=found.name,
                region=found.region,
                country=found.country_id,
                time_zone=found.time_zone,
                currency=found.currency_id,
                opening_hour=found.opening_hour,
                source="mercadolibre",
                source_ref=str(found.seller_id),
            )
            for found in page.results
        ]

    def orders(self, store: Store, start: datetime, end: datetime) -> Iterator[Document]:
        """Orders created in [start, end), each once, in its latest state, by time of creation."""
        return self._found(store, _CREATED, start, end)

    def changed_orders(self, store: Store, start: datetime, end: datetime) -> Iterator[Document]:
        """Orders last changed in [start, end), each once, as far as the search still shows them."""
        return self._found(store, _UPDATED, start, end)

    def listings(self, store: Store) -> Iterator[Listing]:
        """What the seller has on sale, and had, as far as the marketplace remembers."""
        ids = list(dict.fromkeys(self._listing_ids(store)))
        for first in range(0, len(ids), _ITEMS_AT_ONCE):
            some = ids[first : first + _ITEMS_AT_ONCE]
            for answer in self.connection.get("/items", ids=",".join(some)):
                found = _checked(ItemAnswer, answer, "/items")
                if found.is_item:
                    yield _checked(Item, found.body, "/items").listing(store)

    def stockouts(self, store: Store, first: date, last: date) -> dict[date, list[str]] | None:
        """Products with an empty shelf by local day; None where the service does not tell."""
        path = f"/users/{store.source_ref}/stockouts"
        answer = self.connection.get_if_there(
            path, **{"from": first.isoformat(), "to": last.isoformat()}
        )
        found = None if answer is None else _checked(StockoutPage, answer, path).results
        if found is None:
            return None
        days: dict[date, list[str]] = {}
        for stockout in found:
            days.setdefault(stockout.date, []).append(stockout.product_id)
        return days

    def _found(self, store: Store, by: _Edge, start: datetime, end: datetime) -> Iterator[Document]:
        """Documents whose instant `by` lies in [start, end), window after window."""
        windows = [(start, end)]
        while windows:
            start, end = windows.pop()
            first = self._search(store, by, start, end, offset=0)
            if first.paging.total > _WINDOW_ORDERS and end - start >= _SHORTEST_WINDOW:
                windows += reversed(_parts(start, end, first.paging.total))
                continue
            yield from _in_order(self._window(store, by, start, end, first), by, start, end)

    def _window(
        self, store: Store, by: _Edge, start: datetime, end: datetime, first: SearchPage
    ) -> list[Document]:
        """Every order of a window, read again until its pages join up."""
        for _ in range(_READINGS):
            documents = self._joined_pages(store, by, start, end, first)
            if documents is not None:
                return documents
            first = self._search(store, by, start, end, offset=0)
        raise SourceContractError(
            f"orders of seller {store.source_ref} from {start.isoformat()} to {end.isoformat()} "
            f"moved between the pages in each of {_READINGS} readings; pull this window again when "
            "the marketplace is calmer"
        )

    def _joined_pages(
        self, store: Store, by: _Edge, start: datetime, end: datetime, first: SearchPage
    ) -> list[Document] | None:
        """The pages of one reading put together; None where something moved meanwhile."""
        documents, total = list(first.results), first.paging.total
        step = len(documents) - 1
        if step < 1 and len(documents) < total:
            return None
        for page in self._pages(store, by, start, end, range(step, total - 1, max(step, 1))):
            moved = page.paging.total != total or not page.results
            if moved or order_key(page.results[0]) != order_key(documents[-1]):
                return None
            documents += page.results[1:]
        return documents if len({order_key(d) for d in documents}) == total else None

    def _pages(
        self, store: Store, by: _Edge, start: datetime, end: datetime, offsets: Sequence[int]
    ) -> Iterator[SearchPage]:
        """The pages at these offsets, in their order, `at_once` of them asked for at a time."""
        if self.at_once == 1:
            yield from (self._search(store, by, start, end, offset) for offset in offsets)
            return
        with ThreadPoolExecutor(self.at_once) as askers:
            asked = [askers.submit(self._search, store, by, start, end, at) for at in offsets]
            try:
                yield from (answer.result() for answer in asked)
            finally:
                askers.shutdown(cancel_futures=True)

    def _search(
        self, store: Store, by: _Edge, start: datetime, end: datetime, offset: int
    ) -> SearchPage:
        parameters: dict[str, str | int] = {
            "seller": store.source_ref,
            f"{by.parameter}.from": _stamp(start - _PAD),
            f"{by.parameter}.to": _stamp(end + _PAD),
            "sort": "date_asc",
            "offset": offset,
            "limit": _PAGE,
        }
        return self._answer(SearchPage, "/orders/search", **parameters)

    def _listing_ids(self, store: Store) -> Iterator[str]:
        path, seen, total = f"/users/{store.source_ref}/items/search", 0, 1
        while seen < total:
            page = self._answer(SearchPage, path, offset=seen, limit=_PAGE)
            if not page.results:
                return
            yield from map(str, page.results)
            seen, total = seen + len(page.results), page.paging.total

    def _answer(self, shape: type[_Shape], path: str, **parameters: str | int) -> _Shape:
        return _checked(shape, self.connection.get(path, **parameters), path)


def _checked(shape: type[_Shape], answer: Any, path: str) -> _Shape:
    try:
        return shape.model_validate(answer)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise SourceContractError(
            f"the marketplace's answer to {path} is not of its documented shape: {field or 'it'}: "
            f"{first['msg']}; the connector needs a look"
        ) from error


def _parts(start: datetime, end: datetime, orders: int) -> list[tuple[datetime, datetime]]:
    """[start, end) in equal parts of about `_AIMED_ORDERS`, at least two."""
    count = max(2, -(-orders // _AIMED_ORDERS))
    cuts = [start + (end - start) * n / count for n in range(count)]
    return list(pairwise([*cuts, end]))


def _in_order(
    documents: list[Document], by: _Edge, start: datetime, end: datetime
) -> Iterator[Document]:
    """The documents whose instant `by` lies in [start, end), by it, without their customers.

    One whose time cannot be read is taken to follow the one before it in the search.
    """
    latest = start
    placed: list[tuple[datetime, bool, str, Document]] = []
    for document in documents:
        found = by.read(document)
        latest = found or latest
        if start <= latest < end:
            placed.append((latest, found is None, order_key(document), document))
    for *_, document in sorted(placed, key=lambda place: place[:3]):
        yield without_customer(document)


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")
