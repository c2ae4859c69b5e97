"""Shopify: orders of one shop by the time they were placed, through the GraphQL Admin API.

Its ways, and how they are met:

- A page is a cursor and costs points: of at most 1,000 in one query, from a bucket that fills by
  the second. A page that is refused as too costly is asked for smaller from then on, and THROTTLED,
  which comes with status 200, is waited out for just as long as the bucket needs.
- A search ends at 25,000 objects: one that gets near starts anew from its last instant.
- Orders are searched by `processedAt`, when the customer bought; `createdAt` is when an order that
  was imported came in. Search terms are padded, then cut to [start, end).
- An answer that repeats orders or goes back in time is asked for again.
- Lines beyond an order's first page are fetched with it.
- `currentQuantity` tells what refunds and edits left of a line; money is the shop's own.
- Without the scope `read_all_orders`, orders of more than 60 days ago are left out without a word:
  a window that reaches back further is refused, so that no day is taken to be empty.
- What was out of stock in the past is not told.

Customers are never asked for, so documents are kept as received.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from etl.errors import SourceContractError, SourceDeniedError
from etl.registry import Store
from etl.retail.connection import Connection
from etl.retail.graphql import GraphQL, QueryRefusedError
from etl.retail.shapes import order_key
from etl.retail.shopify_documents import read_order
from etl.retail.shopify_queries import LISTINGS, MORE_LINES, ORDERS, SCOPES, SHOP, VERSION
from etl.retail.shopify_search import PLACED, UPDATED, Edge, Reading, search_terms
from etl.retail.shopify_shapes import (
    ListingAnswer,
    MoreLinesAnswer,
    OrderAnswer,
    Page,
    ScopesAnswer,
    ShopAnswer,
    Variant,
    drift,
)
from etl.retail.source import Document, Listing, Order
from etl.settings import PREFIX, Settings

__all__ = ["Shopify"]

_READINGS = 8
_TOO_COSTLY = "MAX_COST_EXCEEDED"
_SHARED_BUCKET_SECONDS = 0.1
_SHOWN = timedelta(days=60)

_Shape = TypeVar("_Shape", bound=BaseModel)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class _Sizes:
    """How much one page asks for; shrinks where the marketplace finds it too costly."""

    orders: int = 50
    lines: int = 20
    variants: int = 100
    more_lines: int = 100

    def shrink(self, what: str) -> bool:
        """Halve one size; False where it is down to one."""
        size = getattr(self, what)
        setattr(self, what, max(size // 2, 1))
        return bool(size > 1)


@dataclass(frozen=True)
class Shopify:
    """One Shopify shop as a token sees it; fulfils `etl.retail.source.RetailSource`."""

    api: GraphQL
    merchant_id: str
    sizes: _Sizes = field(default_factory=_Sizes)
    now: Callable[[], datetime] = _now

    @classmethod
    def open(cls, settings: Settings, merchant_id: str, token: str) -> Shopify:
        """The shop at `source_url`, such as https://lamps.myshopify.com, seen with `token`."""
        headers = {"X-Shopify-Access-Token": token}
        return cls.over(
            Connection(
                settings.source_url, merchant_id, headers, attempts=settings.source_attempts
            ),
            merchant_id,
        )

    @classmethod
    def over(cls, connection: Connection, merchant_id: str) -> Shopify:
        """The shop at the other end of `connection`."""
        path = f"/admin/api/{VERSION}/graphql.json"
        return cls(GraphQL(connection, path, merchant_id, _seconds_until_full), merchant_id)

    @staticmethod
    def read_order(document: Any, store: Store, fallback: datetime) -> Order:
        """`document` in common terms; never raises."""
        return read_order(document, store, fallback)

    @staticmethod
    def drift(document: Any) -> set[str]:
        """Where the document differs from what is asked for."""
        return drift(document)

    def stores(self) -> list[Store]:
        """The shop that the token opens. It does not tell when it opens; 9 is assumed."""
        shop = self.api.ask(ShopAnswer, SHOP).shop
        return [
            Store(
                merchant_id=self.merchant_id,
                store_id=shop.domain.partition(".")[0],
                name=shop.name,
                region=shop.address.province or "",
                country=shop.address.country or "ZZ",
                time_zone=shop.time_zone,
                currency=shop.currency,
                opening_hour=9,
                source="shopify",
                source_ref=shop.domain,
            )
        ]

    def orders(self, store: Store, start: datetime, end: datetime) -> Iterator[Document]:
        """Orders placed in [start, end), each once, in its latest state, by time of placing."""
        return self._found(store, PLACED, start, end)

    def changed_orders(self, store: Store, start: datetime, end: datetime) -> Iterator[Document]:
        """Orders last changed in [start, end), each once, in the state that was seen last."""
        latest = {order_key(order): order for order in self._found(store, UPDATED, start, end)}
        yield from latest.values()

    def listings(self, store: Store) -> Iterator[Listing]:
        """What the shop has on sale, drafts and archived products; gift cards are left out."""
        after: str | None = None
        while True:
            answer = self._page(ListingAnswer, LISTINGS, {"first": "variants"}, after=after)
            for document in answer.page.nodes:
                variant = _checked(Variant, document)
                if not variant.product.is_gift_card:
                    yield variant.listing(store, answer.shop.currency)
            after = answer.page.cursor
            if after is None:
                return

    def stockouts(self, store: Store, first: date, last: date) -> dict[date, list[str]] | None:
        """None: Shopify tells the stock of now, not of days gone by."""
        return None

    def _found(self, store: Store, by: Edge, start: datetime, end: datetime) -> Iterator[Document]:
        """Documents whose instant `by` lies in [start, end), page after page, in its order."""
        if by is PLACED:
            self._refuse_what_is_not_shown(start)
        reading, more = Reading(by, start, end), True
        while more:
            page = self._next_page(store, reading)
            for document in reading.take(page):
                yield self._with_all_lines(document)
            more = reading.turn(page)

    def _next_page(self, store: Store, reading: Reading) -> Page:
        """The page at a cursor, asked for again until it goes on from what was read."""
        for _ in range(_READINGS):
            answer = self._page(
                OrderAnswer,
                ORDERS,
                {"first": "orders", "lines": "lines"},
                after=reading.after,
                search=search_terms(reading.by, reading.start, reading.end),
                sortKey=reading.by.sort_key,
            )
            _refuse_other_shop(answer.shop.domain, store)
            if reading.goes_on(answer.page):
                return answer.page
        raise SourceContractError(
            f"orders of {store.source_ref} from {reading.start.isoformat()} to "
            f"{reading.end.isoformat()} did not go on from page to page in each of {_READINGS} "
            "readings; pull this window again when the marketplace is calmer"
        )

    def _refuse_what_is_not_shown(self, start: datetime) -> None:
        oldest = self.now() - _SHOWN
        if start < oldest and not self.api.ask(ScopesAnswer, SCOPES).allows("read_all_orders"):
            raise SourceDeniedError(
                f"Shopify shows merchant {self.merchant_id} no orders of more than 60 days ago, "
                f"and {start.date()} was asked for; request the scope read_all_orders for the app, "
                f"or start on {(oldest + timedelta(days=1)).date()}"
            )

    def _with_all_lines(self, document: Document) -> Document:
        """The order with the lines of all its pages."""
        lines = document.get("lineItems")
        if not isinstance(lines, dict) or not isinstance(lines.get("pageInfo"), dict):
            return document
        nodes, told = list(lines.get("nodes") or []), lines["pageInfo"]
        after = told.get("endCursor") if told.get("hasNextPage") else None
        while after is not None:
            answer = self._page(
                MoreLinesAnswer,
                MORE_LINES,
                {"first": "more_lines"},
                id=order_key(document),
                after=after,
            )
            page = answer.order.page if answer.order else None
            nodes += page.nodes if page else []
            after = page.cursor if page else None
        return document | {"lineItems": {"nodes": nodes}}

    def _page(
        self, shape: type[_Shape], query: str, sizes: dict[str, str], **variables: Any
    ) -> _Shape:
        """One answer; pages get smaller until the marketplace does not find them too costly."""
        while True:
            asked = {name: getattr(self.sizes, size) for name, size in sizes.items()}
            try:
                return self.api.ask(shape, query, **asked, **variables)
            except QueryRefusedError as error:
                shrinks = [self.sizes.shrink(size) for size in sizes.values()]
                if error.code != _TOO_COSTLY or not any(shrinks):
                    raise


def _seconds_until_full(answer: dict[str, Any]) -> float:
    """Seconds until the bucket holds what the refused query asks for, as the answer tells."""
    try:
        cost = answer["extensions"]["cost"]
        bucket = cost["throttleStatus"]
        missing = float(cost["requestedQueryCost"]) - float(bucket["currentlyAvailable"])
        return max(missing / float(bucket["restoreRate"]), _SHARED_BUCKET_SECONDS)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return 1.0


def _refuse_other_shop(domain: str, store: Store) -> None:
    if domain != store.source_ref:
        raise SourceDeniedError(
            f"the token of merchant {store.merchant_id} opens the shop {domain}, but store "
            f"{store.store_id} is {store.source_ref}; put the store's own token and url under "
            f'"{store.merchant_id}/{store.store_id}" of {PREFIX}SOURCE_TOKENS'
        )


def _checked(shape: type[_Shape], document: Any) -> _Shape:
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise SourceContractError(
            f"a document of the marketplace is not of its documented shape: {path}: "
            f"{first['msg']}; the connector needs a look"
        ) from error
