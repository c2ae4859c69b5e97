"""The shapes of Shopify's answers and documents, as far as they are asked for."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from etl.registry import Store
from etl.retail.shapes import Amount, Name, Title, differences, local_day, product_id
from etl.retail.source import Listing

__all__ = [
    "Line",
    "ListingAnswer",
    "MoreLinesAnswer",
    "OrderAnswer",
    "OrderHead",
    "Page",
    "ScopesAnswer",
    "ShopAnswer",
    "Variant",
    "drift",
    "number",
]


def number(name: str) -> str:
    """The last part of one of Shopify's global names.

    >>> number("gid://shopify/Order/450789469")
    '450789469'
    """
    return name.rpartition("/")[2].partition("?")[0] or name


class _PageInfo(BaseModel):
    has_next: bool = Field(alias="hasNextPage")
    end: str | None = Field(alias="endCursor")


class Page(BaseModel):
    """One page of a connection."""

    nodes: list[dict[str, Any]]
    info: _PageInfo = Field(alias="pageInfo")

    @property
    def cursor(self) -> str | None:
        """Where the next page starts; None after the last."""
        return self.info.end if self.info.has_next else None


class _Address(BaseModel):
    country: str | None = Field(alias="countryCodeV2")
    province: str | None = Field(alias="provinceCode")


class Shop(BaseModel):
    """The shop that a token opens."""

    name: str
    domain: str = Field(alias="myshopifyDomain")
    currency: str = Field(alias="currencyCode")
    time_zone: str = Field(alias="ianaTimezone")
    address: _Address = Field(alias="shopAddress")


class ShopAnswer(BaseModel):
    """The answer to `SHOP`."""

    shop: Shop


class _Scope(BaseModel):
    handle: str


class _Installation(BaseModel):
    scopes: list[_Scope] = Field(alias="accessScopes")


class ScopesAnswer(BaseModel):
    """The answer to `SCOPES`: what the token may read."""

    installation: _Installation = Field(alias="currentAppInstallation")

    def allows(self, scope: str) -> bool:
        """Whether the token has `scope`."""
        return any(found.handle == scope for found in self.installation.scopes)


class _Domain(BaseModel):
    domain: str = Field(alias="myshopifyDomain")


class OrderAnswer(BaseModel):
    """The answer to `ORDERS`."""

    shop: _Domain
    page: Page = Field(alias="orders")


class _Lines(BaseModel):
    page: Page = Field(alias="lineItems")


class MoreLinesAnswer(BaseModel):
    """The answer to `MORE_LINES`; no order where it was deleted meanwhile."""

    order: _Lines | None


class _Currency(BaseModel):
    currency: str = Field(alias="currencyCode")


class ListingAnswer(BaseModel):
    """The answer to `LISTINGS`."""

    shop: _Currency
    page: Page = Field(alias="productVariants")


class _Category(BaseModel):
    name: Title


class _Product(BaseModel):
    status: str
    is_gift_card: bool = Field(alias="isGiftCard")
    type: Title = Field("", alias="productType")
    category: _Category | None = None


class _InventoryItem(BaseModel):
    tracked: bool


_STATUS = {"ACTIVE": "active", "UNLISTED": "active", "DRAFT": "paused"}


class Variant(BaseModel):
    """A listing: one variant of a product."""

    id: Name
    sku: Name | None = None
    name: Title = Field(alias="displayName")
    price: Amount
    created_at: AwareDatetime = Field(alias="createdAt")
    quantity: int | None = Field(None, alias="inventoryQuantity")
    inventory: _InventoryItem = Field(alias="inventoryItem")
    product: _Product

    def listing(self, store: Store, currency: str) -> Listing:
        """The listing in common terms; stock is told where the shop tracks it."""
        listing_id = number(self.id)
        category = self.product.type or (self.product.category and self.product.category.name)
        return Listing(
            listing_id=listing_id,
            product_id=product_id(self.sku, listing_id),
            name=self.name,
            category=category or "unknown",
            price=self.price,
            currency=currency,
            status=_STATUS.get(self.product.status, "closed"),
            stock_on_hand=self.quantity if self.inventory.tracked else None,
            listed_on=local_day(self.created_at, store),
        )


class _Money(BaseModel):
    amount: Amount
    currency: Name = Field(alias="currencyCode")


class _MoneyBag(BaseModel):
    shop: _Money = Field(alias="shopMoney")


class _Tax(BaseModel):
    amount: Amount


class _TaxBag(BaseModel):
    shop: _Tax = Field(alias="shopMoney")


class _TaxLine(BaseModel):
    price: _TaxBag = Field(alias="priceSet")


class _VariantName(BaseModel):
    id: Name


class Line(BaseModel):
    """One line of an order."""

    id: Name = Field(min_length=1)
    name: Title
    sku: Name | None = None
    is_gift_card: bool = Field(False, alias="isGiftCard")
    quantity: int
    current_quantity: int = Field(alias="currentQuantity")
    variant: _VariantName | None = None
    price: _MoneyBag | None = Field(None, alias="discountedUnitPriceAfterAllDiscountsSet")
    taxes: list[_TaxLine] = Field([], alias="taxLines")


class _Nodes(BaseModel):
    nodes: list[Any] = Field(min_length=1)


class OrderHead(BaseModel):
    """The head of an order; its lines are read one by one, so that one bad line stays alone."""

    id: Name = Field(min_length=1)
    test: bool = False
    processed_at: AwareDatetime = Field(alias="processedAt")
    updated_at: AwareDatetime = Field(alias="updatedAt")
    cancelled_at: AwareDatetime | None = Field(alias="cancelledAt")
    financial_status: str | None = Field(alias="displayFinancialStatus")
    taxes_included: bool = Field(alias="taxesIncluded")
    lines: _Nodes = Field(alias="lineItems")


_ORDER_FIELDS = frozenset(
    [
        "id",
        "name",
        "test",
        "createdAt",
        "processedAt",
        "updatedAt",
        "cancelledAt",
        "displayFinancialStatus",
        "taxesIncluded",
        "lineItems",
    ]
)
_LINE_FIELDS = frozenset(
    [
        "id",
        "name",
        "sku",
        "isGiftCard",
        "quantity",
        "currentQuantity",
        "variant",
        "discountedUnitPriceAfterAllDiscountsSet",
        "taxLines",
    ]
)


def drift(document: Any) -> set[str]:
    """Fields by which the document differs from what is asked for.

    >>> sorted(drift({"id": "gid://shopify/Order/1", "lineItems": {"nodes": []}}))[:2]
    ['gone order.cancelledAt', 'gone order.createdAt']
    """
    found = differences("order", document, _ORDER_FIELDS, _ORDER_FIELDS)
    held = document.get("lineItems") if isinstance(document, dict) else None
    lines = held.get("nodes") if isinstance(held, dict) else None
    for line in lines if isinstance(lines, list) else []:
        found |= differences("lineItems", line, _LINE_FIELDS, _LINE_FIELDS)
    return found
