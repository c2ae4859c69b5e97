"""Vendure: orders of one channel by the time they were placed, through the GraphQL Admin API.

Its ways, and how they are met:

- A channel is a store, chosen by the header `vendure-token`. The default channel shows the orders
  of all others too; there, what belongs to another channel is left out.
- `between` includes both its ends: windows are padded, then cut to [start, end). An order's time is
  `orderPlacedAt`; `createdAt` is when its cart was begun, and a cart never placed has no time.
- Pages move when an order changes between them, so none is asked for by its number: each begins at
  the last instant of the one before, and leaves out what was read. An answer that goes back in time
  is asked for again.
- `updatedAt` may tell whole seconds only.
- A cancelled unit leaves `quantity`, and `orderPlacedQuantity` keeps it; money is in the smallest
  units, its places told by the server; the price is that of one unit after all discounts, without
  tax.
- An order of several sellers is there twice, whole and by seller; the whole (`Aggregate`) is left
  out.
- What was out of stock in the past is not told, nor is a channel's time zone, unless the shop's
  channels have a field of their own called `timeZone`.

Customers are never asked for, so documents are kept as received, with the places of their money.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from etl.errors import SourceContractError
from etl.registry import Store
from etl.retail.connection import Connection
from etl.retail.graphql import GraphQL, QueryRefusedError
from etl.retail.shapes import field_of, order_key
from etl.retail.source import Document, Listing, Order
from etl.retail.vendure_documents import placed_at, read_order, updated_at
from etl.retail.vendure_queries import CHANNELS, LISTINGS, ORDERS, TIME_ZONES
from etl.retail.vendure_shapes import (
    DEFAULT_CHANNEL,
    ChannelAnswer,
    ListingAnswer,
    OrderAnswer,
    TimeZoneAnswer,
    Variant,
    drift,
)
from etl.settings import Settings

__all__ = ["Vendure"]

_PAGE = 100
_PAD = timedelta(minutes=1)
_READINGS = 8
_UNKNOWN_FIELD = "GRAPHQL_VALIDATION_FAILED"


@dataclass(frozen=True)
class _Edge:
    """An instant of an order that the search takes windows of, and can sort by."""

    field: str
    read: Callable[[Any], datetime | None]


_PLACED = _Edge("orderPlacedAt", placed_at)
_UPDATED = _Edge("updatedAt", updated_at)


@dataclass(frozen=True)
class Vendure:
    """A Vendure shop as one API key sees it; fulfils `etl.retail.source.RetailSource`."""

    api: GraphQL
    merchant_id: str

    @classmethod
    def open(cls, settings: Settings, merchant_id: str, token: str) -> Vendure:
        """The shop at `source_url`, seen with the API key `token`."""
        headers = {"vendure-api-key": token}
        return cls.over(
            Connection(
                settings.source_url, merchant_id, headers, attempts=settings.source_attempts
            ),
            merchant_id,
        )

    @classmethod
    def over(cls, connection: Connection, merchant_id: str) -> Vendure:
        """The shop at the other end of `connection`."""
        return cls(GraphQL(connection, "/admin-api", merchant_id), merchant_id)

    @staticmethod
    def read_order(document: Any, store: Store, fallback: datetime) -> Order:
        """`document` in common terms; never raises."""
        return read_order(document, store, fallback)

    @staticmethod
    def drift(document: Any) -> set[str]:
        """Where the document differs from what is asked for."""
        return drift(document)

    def stores(self) -> list[Store]:
        """The shop's channels; the default one is a store where it is the only one.

        Channels do not tell when they open; 9 is assumed, and UTC where no time zone is told.
        """
        channels = self.api.ask(ChannelAnswer, CHANNELS).channels.items
        own = [channel for channel in channels if channel.code != DEFAULT_CHANNEL] or channels
        zones = self._time_zones()
        return [channel.store(self.merchant_id, zones.get(channel.id) or "UTC") for channel in own]

    def orders(self, store: Store, start: datetime, end: datetime) -> Iterator[Document]:
        """Orders placed in [start, end), each once, in its latest state, by time of placing."""
        return self._found(store, _PLACED, start, end)

    def changed_orders(self, store: Store, start: datetime, end: datetime) -> Iterator[Document]:
        """Orders last changed in [start, end), each once, in the state that was seen last."""
        latest = {order_key(order): order for order in self._found(store, _UPDATED, start, end)}
        yield from latest.values()

    def listings(self, store: Store) -> Iterator[Listing]:
        """What the channel has on sale; what is disabled counts as paused."""
        seen, total = 0, 1
        while seen < total:
            options = {"skip": seen, "take": _PAGE, "sort": {"id": "ASC"}}
            answer = self.api.ask(ListingAnswer, LISTINGS, _in_channel(store), options=options)
            if not answer.page.items:
                return
            for document in answer.page.items:
                yield _variant(document).listing(store, answer.settings)
            seen, total = seen + len(answer.page.items), answer.page.total

    def stockouts(self, store: Store, first: date, last: date) -> dict[date, list[str]] | None:
        """None: Vendure tells the stock of now, not of days gone by."""
        return None

    def _time_zones(self) -> dict[str, str | None]:
        """Time zones by channel, where the shop's channels have a field for them."""
        try:
            channels = self.api.ask(TimeZoneAnswer, TIME_ZONES).channels.items
        except QueryRefusedError as error:
            if error.code == _UNKNOWN_FIELD:
                return {}
            raise
        return {channel.id: channel.fields.time_zone for channel in channels}

    def _found(self, store: Store, by: _Edge, start: datetime, end: datetime) -> Iterator[Document]:
        """Documents whose instant `by` lies in [start, end), page after page, in its order.

        One whose time cannot be read is taken to follow the one before it in the search.
        """
        since, seen, skip = start - _PAD, set[str](), 0
        while True:
            answer = self._page(store, by, since, end, skip)
            latest, read = since, set(seen)
            for document in answer.page.items:
                instant, name = by.read(document) or latest, order_key(document)
                if start <= instant < end and name not in seen and _is_own(document, answer):
                    precision = answer.settings.server.precision
                    yield document | {"moneyStrategyPrecision": precision}
                latest, read = (instant, read) if instant == latest else (instant, set())
                read.add(name)
            if skip + len(answer.page.items) >= answer.page.total or not answer.page.items:
                return
            skip = skip + len(answer.page.items) if latest == since else 0
            since, seen = latest, read

    def _page(
        self, store: Store, by: _Edge, since: datetime, end: datetime, skip: int
    ) -> OrderAnswer:
        """The page that begins at `since`, asked for again until it does not go back in time."""
        window = {"between": {"start": _stamp(since), "end": _stamp(end + _PAD)}}
        options = {
            "filter": {"orderPlacedAt": {"isNull": False}} | {by.field: window},
            "sort": {by.field: "ASC", "id": "ASC"},
            "skip": skip,
            "take": _PAGE,
        }
        for _ in range(_READINGS):
            answer = self.api.ask(OrderAnswer, ORDERS, _in_channel(store), options=options)
            instants = [instant for order in answer.page.items if (instant := by.read(order))]
            if [since, *instants] == sorted([since, *instants]):
                return answer
        raise SourceContractError(
            f"orders of channel {store.store_id} from {since.isoformat()} to {end.isoformat()} "
            f"went back in time in each of {_READINGS} readings; pull this window again when the "
            "shop is calmer"
        )


def _in_channel(store: Store) -> dict[str, str]:
    return {"vendure-token": store.source_ref}


def _is_own(document: Any, answer: OrderAnswer) -> bool:
    """Whether the order is the channel's own, and not the whole of several sellers' orders."""
    if document.get("type") == "Aggregate":
        return False
    channels = document.get("channels") or []
    return answer.channel.code != DEFAULT_CHANNEL or not any(
        channel["code"] != DEFAULT_CHANNEL for channel in channels
    )


def _variant(document: Any) -> Variant:
    try:
        return Variant.model_validate(document)
    except ValidationError as error:
        raise SourceContractError(
            f"a listing of the shop is not of its documented shape: {field_of(error)}: "
            f"{error.errors()[0]['msg']}; the connector needs a look"
        ) from error


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")
