"""MercadoLibre's documents: the shapes that its documentation gives, and what an order says.

The shapes hold only what Storecast needs; what else a document carries is kept in `raw` and left
alone, except for the customer's data, which `without_customer` takes out before anything is kept.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, ValidationError

from etl.registry import Store
from etl.retail.source import Listing, Order, OrderLine, Refusal, document_text

__all__ = [
    "Item",
    "ItemAnswer",
    "SearchPage",
    "StockoutPage",
    "StorePage",
    "created_at",
    "order_key",
    "read_order",
    "without_customer",
]

_PERSONAL = ("buyer", "shipping", "comment", "feedback", "billing_info", "context")
_PERSONAL_OF_PAYMENTS = ("payer", "payer_id", "card_id", "card", "collector", "issuer_id")

_SOLD = frozenset({"paid", "partially_refunded", "pending_cancel"})
_CANCELLED = frozenset({"cancelled", "invalid"})
_UNPAID = frozenset({"confirmed", "payment_required", "payment_in_process", "partially_paid"})
_CALLED_OFF = frozenset({"cancelled", "expired", "failed", "not_delivered", "pending_cancel"})


def _printable(text: str) -> str:
    """Text that can name something: no control characters, no halves of characters."""
    if not text.isprintable():
        raise ValueError("holds characters that cannot be shown")
    return text


_Name = Annotated[str, AfterValidator(_printable)]
_Title = Annotated[str, AfterValidator(lambda text: text.encode(errors="replace").decode())]


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
    item_id: _Name
    seller_sku: _Name | None = None
    date: date

    @property
    def product_id(self) -> str:
        return _product_id(self.seller_sku, self.item_id)


class StockoutPage(BaseModel):
    """Days with an empty shelf (an extension); null results where the service cannot tell."""

    results: list[_Stockout] | None


class _Attribute(BaseModel):
    id: str
    value_name: _Name | None = None


class Item(BaseModel):
    """A listing."""

    id: _Name
    title: _Title
    category_id: _Name | None = None
    category_name: _Title | None = None
    price: Decimal | None = None
    currency_id: str
    available_quantity: int | None = None
    status: str
    seller_custom_field: _Name | None = None
    attributes: list[_Attribute] = []
    date_created: AwareDatetime | None = None
    stop_time: AwareDatetime | None = None
    promotions: list[dict[str, Any]] | None = None

    def listing(self, store: Store) -> Listing:
        """The listing in common terms."""
        skus = [a.value_name for a in self.attributes if a.id == "SELLER_SKU" and a.value_name]
        return Listing(
            listing_id=self.id,
            product_id=_product_id(self.seller_custom_field or next(iter(skus), None), self.id),
            name=self.title,
            category=self.category_name or self.category_id or "unknown",
            price=self.price,
            currency=self.currency_id,
            status=self.status if self.status in ("active", "paused") else "closed",
            stock_on_hand=self.available_quantity,
            listed_on=_local_day(self.date_created, store),
            last_listed_on=_local_day(self.stop_time, store),
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


class _Sold(BaseModel):
    id: _Name = Field(min_length=1)
    title: _Title = ""
    seller_sku: _Name | None = None
    seller_custom_field: _Name | None = None


class _Line(BaseModel):
    item: _Sold
    quantity: int
    unit_price: Decimal | None = None
    currency_id: _Name


class _Returned(BaseModel):
    item_id: str
    return_quantity: int = Field(ge=0)


class _Return(BaseModel):
    status: str = ""
    orders: list[_Returned] = []


class _Order(BaseModel):
    """The head of an order; its lines are read one by one, so that one bad line stays alone."""

    id: int | str
    status: str
    date_created: AwareDatetime
    last_updated: AwareDatetime
    order_items: list[Any] = Field(min_length=1)
    returns: list[_Return] | None = None
    tags: list[str] | None = None


class _Created(BaseModel):
    date_created: AwareDatetime


def without_customer(document: Any) -> Any:
    """`document` without its customer: buyer, payer, shipping, billing, and what they wrote."""
    if not isinstance(document, dict):
        return document
    kept = {name: value for name, value in document.items() if name not in _PERSONAL}
    if isinstance(kept.get("payments"), list):
        kept["payments"] = [_without_payer(payment) for payment in kept["payments"]]
    return kept


def created_at(document: Any) -> datetime | None:
    """When the order was placed; None where the document does not say it readably."""
    try:
        return _Created.model_validate(document).date_created.astimezone(UTC)
    except (ValidationError, OverflowError):
        return None


def order_key(document: Any) -> str:
    """The order's name, or a digest of the document where it has none that can be read."""
    name = document.get("id") if isinstance(document, dict) else None
    if isinstance(name, int) and not isinstance(name, bool) and abs(name) < 10**30:
        return str(name)
    if isinstance(name, str) and 0 < len(name) <= 100 and name.isprintable():
        return name
    return f"unreadable-{hashlib.sha256(document_text(document).encode()).hexdigest()[:12]}"


def read_order(document: Any, store: Store, fallback: datetime) -> Order:
    """`document` in common terms; what cannot be read is a refusal, never an error."""
    created = created_at(document) or fallback
    try:
        head = _Order.model_validate(document)
        updated = head.last_updated.astimezone(UTC)
    except ValidationError as error:
        return _refused(document, created, f"unreadable field={_field(error)}")
    except OverflowError:
        return _refused(document, created, "unreadable field=last_updated")
    if order_key(document) != str(head.id):
        return _refused(document, created, "unreadable field=id")
    if head.status not in _SOLD | _CANCELLED | _UNPAID:
        return _refused(document, created, f"unreadable field=status value={head.status[:40]!r}")
    lines, refusals = _read_lines(head)
    return Order(str(head.id), created, updated, tuple(lines), tuple(refusals))


def _read_lines(order: _Order) -> tuple[list[OrderLine], list[Refusal]]:
    returned = _returned_by_item(order)
    last_line = {_item_id(line): number for number, line in enumerate(order.order_items, start=1)}
    lines: list[OrderLine] = []
    refusals: list[Refusal] = []
    for number, document in enumerate(order.order_items, start=1):
        try:
            line = _Line.model_validate(document)
        except ValidationError as error:
            units = 0 if order.status in _CANCELLED else _units_of(document)
            refusals.append(Refusal(str(number), f"unreadable field={_field(error)}", units))
        else:
            is_last = last_line[line.item.id] == number
            lines.append(_order_line(order, line, number, returned, takes_rest=is_last))
    return lines, refusals


def _order_line(
    order: _Order, line: _Line, number: int, returned: Counter[str], takes_rest: bool
) -> OrderLine:
    """One line; units returned of an item are taken from its lines in their order."""
    cancelled = returned[line.item.id]
    if not takes_rest:
        cancelled = min(cancelled, max(line.quantity, 0))
    returned[line.item.id] -= cancelled
    is_return = "return" in (order.tags or []) or line.quantity < 0
    status = "return" if is_return else "paid"
    if order.status in _UNPAID:
        status = "not_paid"
    if order.status in _CANCELLED:
        status, cancelled = "cancelled", line.quantity
    return OrderLine(
        line_id=str(number),
        product_id=_product_id(line.item.seller_sku or line.item.seller_custom_field, line.item.id),
        listing_id=line.item.id,
        product_name=line.item.title,
        status=status,
        units_ordered=line.quantity,
        units_cancelled=cancelled,
        unit_price=line.unit_price,
        currency=line.currency_id,
    )


def _returned_by_item(order: _Order) -> Counter[str]:
    """Units that came back, by item; a return that was called off counts nothing."""
    returned: Counter[str] = Counter()
    for claim in order.returns or []:
        if claim.status not in _CALLED_OFF:
            for part in claim.orders:
                returned[part.item_id] += part.return_quantity
    return returned


def _refused(document: Any, created: datetime, reason: str) -> Order:
    """The whole document refused, with the units that its lines would have moved."""
    status = document.get("status") if isinstance(document, dict) else None
    items = document.get("order_items") if isinstance(document, dict) else None
    units = 0
    if isinstance(items, list) and status not in ("cancelled", "invalid"):
        units = sum(_units_of(item) for item in items)
    return Order(order_key(document), created, created, refusals=(Refusal("*", reason, units),))


def _units_of(line: Any) -> int:
    quantity = line.get("quantity") if isinstance(line, dict) else None
    if isinstance(quantity, int) and not isinstance(quantity, bool) and abs(quantity) <= 10**9:
        return quantity
    return 0


def _item_id(line: Any) -> Any:
    item = line.get("item") if isinstance(line, dict) else None
    name = item.get("id") if isinstance(item, dict) else None
    return name if isinstance(name, str) else None


def _product_id(sku: str | None, listing_id: str) -> str:
    """The seller's SKU, or the listing's id where there is none."""
    return (sku or "").strip() or listing_id


def _local_day(instant: datetime | None, store: Store) -> date | None:
    return instant.astimezone(store.zone).date() if instant else None


def _without_payer(payment: Any) -> Any:
    if not isinstance(payment, dict):
        return payment
    return {name: value for name, value in payment.items() if name not in _PERSONAL_OF_PAYMENTS}


def _field(error: ValidationError) -> str:
    """The first field that did not fit, as in ``item.id``."""
    return ".".join(str(part) for part in error.errors()[0]["loc"]) or "document"
