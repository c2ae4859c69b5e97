"""The shapes of Vendure's answers and documents, as far as they are asked for."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from etl.registry import Store
from etl.retail.shapes import Amount, Name, Title, differences, local_day, product_id
from etl.retail.source import Listing

__all__ = [
    "DEFAULT_CHANNEL",
    "ChannelAnswer",
    "Line",
    "ListingAnswer",
    "OrderAnswer",
    "OrderHead",
    "TimeZoneAnswer",
    "Variant",
    "drift",
    "money",
]

DEFAULT_CHANNEL = "__default_channel__"
"""The code of the channel that holds every other channel's orders as well as its own."""

_UNFIT_FOR_A_FOLDER = re.compile(r"[/\\=.:\s]+")


def money(minor: Decimal, precision: int) -> Decimal:
    """An amount of Vendure's, which counts the smallest units, in the currency's own.

    >>> money(Decimal(1250), 2)
    Decimal('12.50')
    """
    return minor.scaleb(-precision)


class _Region(BaseModel):
    code: str


class _Zone(BaseModel):
    members: list[_Region]


class _Seller(BaseModel):
    name: str


class Channel(BaseModel):
    """A channel: what Storecast calls a store."""

    id: str
    code: str
    token: str
    currency: str = Field(alias="defaultCurrencyCode")
    seller: _Seller | None
    zone: _Zone | None = Field(alias="defaultShippingZone")

    def store(self, merchant_id: str, time_zone: str) -> Store:
        """The store; its country is told where the channel ships to one alone."""
        members = self.zone.members if self.zone else []
        return Store(
            merchant_id=merchant_id,
            store_id=_UNFIT_FOR_A_FOLDER.sub("-", self.code),
            name=self.seller.name if self.seller else self.code,
            region="",
            country=members[0].code if len(members) == 1 else "ZZ",
            time_zone=time_zone,
            currency=self.currency,
            opening_hour=9,
            source="vendure",
            source_ref=self.token,
        )


class _Channels(BaseModel):
    items: list[Channel]


class ChannelAnswer(BaseModel):
    """The answer to `CHANNELS`."""

    channels: _Channels


class _TimeZone(BaseModel):
    time_zone: str | None = Field(alias="timeZone")


class _ChannelFields(BaseModel):
    id: str
    fields: _TimeZone = Field(alias="customFields")


class _ChannelsFields(BaseModel):
    items: list[_ChannelFields]


class TimeZoneAnswer(BaseModel):
    """The answer to `TIME_ZONES`, where the shop's channels have such a field of their own."""

    channels: _ChannelsFields


class _Precision(BaseModel):
    precision: int = Field(alias="moneyStrategyPrecision")


class _Settings(BaseModel):
    tracks_stock: bool = Field(False, alias="trackInventory")
    server: _Precision = Field(alias="serverConfig")


class _Code(BaseModel):
    code: str


class _Page(BaseModel):
    items: list[dict[str, Any]]
    total: int = Field(alias="totalItems")


class OrderAnswer(BaseModel):
    """The answer to `ORDERS`."""

    channel: _Code = Field(alias="activeChannel")
    settings: _Settings = Field(alias="globalSettings")
    page: _Page = Field(alias="orders")


class ListingAnswer(BaseModel):
    """The answer to `LISTINGS`."""

    settings: _Settings = Field(alias="globalSettings")
    page: _Page = Field(alias="productVariants")


class _Collection(BaseModel):
    name: Title


class _Product(BaseModel):
    enabled: bool
    collections: list[_Collection]


class _StockLevel(BaseModel):
    on_hand: int = Field(alias="stockOnHand")
    allocated: int = Field(alias="stockAllocated")


class Variant(BaseModel):
    """A listing: one variant of a product."""

    id: Name
    sku: Name | None = None
    name: Title
    enabled: bool
    price: Amount
    currency: str = Field(alias="currencyCode")
    created_at: AwareDatetime = Field(alias="createdAt")
    tracks_stock: str = Field(alias="trackInventory")
    stock: list[_StockLevel] = Field(alias="stockLevels")
    product: _Product

    def listing(self, store: Store, settings: _Settings) -> Listing:
        """The listing in common terms, its price without tax; stock is told where it is tracked."""
        tracked = settings.tracks_stock if self.tracks_stock == "INHERIT" else None
        tracked = self.tracks_stock == "TRUE" if tracked is None else tracked
        free = sum(level.on_hand - level.allocated for level in self.stock)
        return Listing(
            listing_id=self.id,
            product_id=product_id(self.sku, self.id),
            name=self.name,
            category=next((found.name for found in self.product.collections), "unknown"),
            price=money(self.price, settings.server.precision),
            currency=self.currency,
            status="active" if self.enabled and self.product.enabled else "paused",
            stock_on_hand=max(free, 0) if tracked else None,
            listed_on=local_day(self.created_at, store),
        )


class _Sold(BaseModel):
    id: Name = Field(min_length=1)
    sku: Name | None = None
    name: Title = ""


class Line(BaseModel):
    """One line of an order."""

    id: Name = Field(min_length=1)
    quantity: int
    placed_quantity: int = Field(alias="orderPlacedQuantity")
    price: Amount | None = Field(None, alias="proratedUnitPrice")
    variant: _Sold = Field(alias="productVariant")


class RefundLine(BaseModel):
    line_id: str = Field(alias="orderLineId")
    quantity: int = Field(ge=0)


class Refund(BaseModel):
    state: str
    lines: list[RefundLine] = []


class Payment(BaseModel):
    refunds: list[Refund] = []


class OrderHead(BaseModel):
    """The head of an order; its lines are read one by one, so that one bad line stays alone."""

    id: Name = Field(min_length=1)
    state: str
    placed_at: AwareDatetime = Field(alias="orderPlacedAt")
    updated_at: AwareDatetime = Field(alias="updatedAt")
    currency: Name = Field(alias="currencyCode")
    lines: list[Any] = Field(min_length=1)
    payments: list[Payment] | None = None
    precision: int = Field(2, alias="moneyStrategyPrecision", ge=0, le=10)


_ORDER_FIELDS = frozenset(
    [
        "id",
        "code",
        "type",
        "state",
        "createdAt",
        "updatedAt",
        "orderPlacedAt",
        "currencyCode",
        "channels",
        "lines",
        "payments",
        "moneyStrategyPrecision",
    ]
)
_LINE_FIELDS = frozenset(
    ["id", "quantity", "orderPlacedQuantity", "proratedUnitPrice", "productVariant"]
)


def drift(document: Any) -> set[str]:
    """Fields by which the document differs from what is asked for.

    >>> sorted(drift({"id": "7", "lines": [], "gift": True}))[-1]
    'new order.gift'
    """
    found = differences("order", document, _ORDER_FIELDS, _ORDER_FIELDS)
    lines = document.get("lines") if isinstance(document, dict) else None
    for line in lines if isinstance(lines, list) else []:
        found |= differences("lines", line, _LINE_FIELDS, _LINE_FIELDS)
    return found
