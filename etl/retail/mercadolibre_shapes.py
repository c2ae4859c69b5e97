"""The shapes of MercadoLibre's documents, as far as Storecast needs them.

What else a document carries is kept in `raw` and left alone; `drift` reports the fields by which
documents leave the documented shape.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from etl.registry import Store
from etl.retail.shapes import Name, Title, differences, local_day, product_id
from etl.retail.source import Listing, document_text

__all__ = [
    "Item",
    "ItemAnswer",
    "Line",
    "OrderHead",
    "SearchPage",
    "StockoutPage",
    "StorePage",
    "drift",
]


class _Paging(BaseModel):
    total: int


class SearchPage(BaseModel):
    """One page of a search."""

    results: list[Any]
    paging: _Paging


class _StoreFound(BaseModel):
    id: str
    seller_id: int
    name: str
    region: str
    country_id: str
    time_zone: str
    currency_id: str
    opening_hour: int


class StorePage(BaseModel):
    """The merchant's stores (an extension; MercadoLibre itself has users and brands)."""

    results: list[_StoreFound]


class _Stockout(BaseModel):
    item_id: Name
    seller_sku: Name | None = None
    date: date

    @property
    def product_id(self) -> str:
        return product_id(self.seller_sku, self.item_id)


class StockoutPage(BaseModel):
    """Days with an empty shelf (an extension); null results where the service cannot tell."""

    results: list[_Stockout] | None


class _Attribute(BaseModel):
    id: str
    value_name: Name | None = None


class Item(BaseModel):
    """A listing."""

    id: Name
    title: Title
    category_id: Name | None = None
    category_name: Title | None = None
    price: Decimal | None = None
    currency_id: str
    available_quantity: int | None = None
    status: str
    seller_custom_field: Name | None = None
    attributes: list[_Attribute] = []
    date_created: AwareDatetime | None = None
    stop_time: AwareDatetime | None = None
    promotions: list[dict[str, Any]] | None = None

    def listing(self, store: Store) -> Listing:
        """The listing in common terms."""
        skus = [a.value_name for a in self.attributes if a.id == "SELLER_SKU" and a.value_name]
        return Listing(
            listing_id=self.id,
            product_id=product_id(self.seller_custom_field or next(iter(skus), None), self.id),
            name=self.title,
            category=self.category_name or self.category_id or "unknown",
            price=self.price,
            currency=self.currency_id,
            status=self.status if self.status in ("active", "paused") else "closed",
            stock_on_hand=self.available_quantity,
            listed_on=local_day(self.date_created, store),
            last_listed_on=local_day(self.stop_time, store),
            promotions=document_text(self.promotions) if self.promotions else None,
        )


class ItemAnswer(BaseModel):
    """One answer of the multi-get of items; the body of a failed one is not an item."""

    code: int
    body: Any

    @property
    def is_item(self) -> bool:
        """Whether the body is an item."""
        return self.code == 200


class Sold(BaseModel):
    id: Name = Field(min_length=1)
    title: Title = ""
    seller_sku: Name | None = None
    seller_custom_field: Name | None = None


class Line(BaseModel):
    item: Sold
    quantity: int
    unit_price: Decimal | None = None
    currency_id: Name


class Returned(BaseModel):
    item_id: str
    return_quantity: int = Field(ge=0)


class Return(BaseModel):
    status: str = ""
    orders: list[Returned] = []


class OrderHead(BaseModel):
    """The head of an order; its lines are read one by one, so that one bad line stays alone."""

    id: int | str
    status: str
    date_created: AwareDatetime
    last_updated: AwareDatetime
    order_items: list[Any] = Field(min_length=1)
    returns: list[Return] | None = None
    tags: list[str] | None = None


_ORDER_FIELDS = frozenset(
    [
        "id",
        "status",
        "status_detail",
        "date_created",
        "date_closed",
        "last_updated",
        "expiration_date",
        "currency_id",
        "total_amount",
        "paid_amount",
        "order_items",
        "payments",
        "returns",
        "seller",
        "tags",
        "pack_id",
        "pickup_id",
        "coupon",
        "taxes",
        "shipping_cost",
        "fulfilled",
        "mediations",
        "order_request",
        "manufacturing_ending_date",
    ]
)
_ORDER_NEEDS = frozenset(
    ["id", "status", "date_created", "last_updated", "currency_id", "order_items", "payments"]
)
_LINE_FIELDS = frozenset(
    [
        "item",
        "quantity",
        "requested_quantity",
        "picked_quantity",
        "unit_price",
        "full_unit_price",
        "gross_price",
        "full_unit_price_currency_id",
        "currency_id",
        "manufacturing_days",
        "sale_fee",
        "listing_type_id",
        "base_exchange_rate",
        "base_currency_id",
        "element_id",
        "discounts",
        "bundle",
        "compat_id",
        "stock",
    ]
)
_LINE_NEEDS = frozenset(["item", "quantity", "unit_price", "currency_id"])
_ITEM_FIELDS = frozenset(
    [
        "id",
        "title",
        "category_id",
        "variation_id",
        "variation_attributes",
        "seller_custom_field",
        "seller_sku",
        "warranty",
        "condition",
        "global_price",
        "net_weight",
        "user_product_id",
        "release_date",
    ]
)
_ITEM_NEEDS = frozenset(["id", "title", "seller_sku"])


def drift(document: Any) -> set[str]:
    """Fields by which the document differs from MercadoLibre's documentation.

    >>> sorted(drift({"id": 1, "gift": True, "order_items": []}))[-2:]
    ['gone order.status', 'new order.gift']
    """
    if not isinstance(document, dict):
        return {"gone order"}
    found = differences("order", document, _ORDER_FIELDS, _ORDER_NEEDS)
    lines = document.get("order_items")
    for line in lines if isinstance(lines, list) else []:
        found |= differences("order_items", line, _LINE_FIELDS, _LINE_NEEDS)
        item = line.get("item") if isinstance(line, dict) else None
        found |= differences("order_items.item", item, _ITEM_FIELDS, _ITEM_NEEDS)
    return found
