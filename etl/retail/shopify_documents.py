"""Shopify's documents read: what an order says in common terms."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from etl.registry import Store
from etl.retail.shapes import field_of, instant, order_key, product_id, units_of
from etl.retail.shopify_shapes import Line, OrderHead, number
from etl.retail.source import Order, OrderLine, Refusal

__all__ = ["placed_at", "read_order", "updated_at"]

_UNPAID = frozenset({"PENDING", "EXPIRED", "VOIDED"})


def placed_at(document: Any) -> datetime | None:
    """When the order was placed; None where the document does not say it readably."""
    return instant(document, "processedAt")


def updated_at(document: Any) -> datetime | None:
    """When the order last changed; None where the document does not say it readably."""
    return instant(document, "updatedAt")


def read_order(document: Any, store: Store, fallback: datetime) -> Order:
    """`document` in common terms; what cannot be read is a refusal, never an error."""
    placed = placed_at(document) or fallback
    try:
        head = OrderHead.model_validate(document)
        updated = head.updated_at.astimezone(UTC)
    except ValidationError as error:
        return _refused(document, placed, f"unreadable field={field_of(error)}")
    except OverflowError:
        return _refused(document, placed, "unreadable field=updatedAt")
    if order_key(document) != head.id:
        return _refused(document, placed, "unreadable field=id")
    if head.test:
        return _refused(document, placed, "test_order")
    lines: list[OrderLine] = []
    refusals: list[Refusal] = []
    for position, line in enumerate(head.lines.nodes, start=1):
        read = _read_line(head, line, position)
        if isinstance(read, OrderLine):
            lines.append(read)
        else:
            refusals.append(read)
    return Order(number(head.id), placed, updated, tuple(lines), tuple(refusals))


def _read_line(order: OrderHead, document: Any, position: int) -> OrderLine | Refusal:
    try:
        line = Line.model_validate(document)
    except ValidationError as error:
        units = 0 if order.cancelled_at else units_of(document, "currentQuantity")
        return Refusal(f"{position}*", f"unreadable field={field_of(error)}", units)
    if line.is_gift_card:
        units = 0 if order.cancelled_at else units_of(document, "currentQuantity")
        return Refusal(number(line.id), "not_a_product sku=gift card", units)
    return _order_line(order, line)


def _order_line(order: OrderHead, line: Line) -> OrderLine:
    """One line; `currentQuantity` leaves out what was refunded and what was edited away."""
    status, cancelled = "paid", line.quantity - line.current_quantity
    if order.financial_status in _UNPAID:
        status = "not_paid"
    if order.cancelled_at:
        status, cancelled = "cancelled", line.quantity
    listing_id = number(line.variant.id) if line.variant else line.name
    return OrderLine(
        line_id=number(line.id),
        product_id=product_id(line.sku, listing_id),
        listing_id=listing_id,
        product_name=line.name,
        status=status,
        units_ordered=line.quantity,
        units_cancelled=cancelled,
        unit_price=_net_price(order, line),
        currency=line.price.shop.currency if line.price else "",
    )


def _net_price(order: OrderHead, line: Line) -> Decimal | None:
    """The unit's price in the shop's currency after all discounts, without the tax in it.

    Tax lines are of the whole line as it was ordered, refunded units included.
    """
    if line.price is None:
        return None
    price = line.price.shop.amount
    if not order.taxes_included or line.quantity <= 0:
        return price
    tax = sum((tax.price.shop.amount for tax in line.taxes), Decimal(0))
    return price - tax / line.quantity


def _refused(document: Any, placed: datetime, reason: str) -> Order:
    """The whole document refused, with the units that its lines would have moved."""
    held = document.get("lineItems") if isinstance(document, dict) else None
    lines = held.get("nodes") if isinstance(held, dict) else None
    units = 0
    if isinstance(lines, list) and not document.get("cancelledAt"):
        units = sum(units_of(line, "currentQuantity") for line in lines)
    refusals = (Refusal("*", reason, units),)
    return Order(number(order_key(document)), placed, placed, refusals=refusals)
