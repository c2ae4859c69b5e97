"""Vendure's documents read: what an order says in common terms."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from etl.registry import Store
from etl.retail.shapes import field_of, instant, order_key, product_id, units_of
from etl.retail.source import Order, OrderLine, Refusal
from etl.retail.vendure_shapes import Line, OrderHead, money

__all__ = ["placed_at", "read_order", "updated_at"]

_CANCELLED = "Cancelled"
_UNPAID = frozenset({"Created", "Draft", "AddingItems", "ArrangingPayment"})


def placed_at(document: Any) -> datetime | None:
    """When the order was placed; None where the document does not say it readably."""
    return instant(document, "orderPlacedAt")


def updated_at(document: Any) -> datetime | None:
    """When the order last changed; None where the document does not say it readably."""
    return instant(document, "updatedAt")


def read_order(document: Any, store: Store, fallback: datetime) -> Order:
    """`document` in common terms; what cannot be read is a refusal, never an error.

    A shop may have states of its own: whatever was placed and is not cancelled is sold.
    """
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
    lines: list[OrderLine] = []
    refusals: list[Refusal] = []
    refunded = _refunded_by_line(head)
    for position, line in enumerate(head.lines, start=1):
        try:
            lines.append(_order_line(head, Line.model_validate(line), refunded))
        except ValidationError as error:
            units = 0 if head.state == _CANCELLED else units_of(line, "quantity")
            reason = f"unreadable field={field_of(error)}"
            refusals.append(Refusal(f"{position}*", reason, units))
    return Order(head.id, placed, updated, tuple(lines), tuple(refusals))


def _order_line(order: OrderHead, line: Line, refunded: Counter[str]) -> OrderLine:
    """One line; what was cancelled left `quantity`, what was only refunded is still in it.

    Units added by a modification were not there when the order was placed.
    """
    ordered = max(line.placed_quantity, line.quantity)
    status, cancelled = "paid", max(ordered - line.quantity, refunded[line.id])
    if order.state in _UNPAID:
        status = "not_paid"
    if order.state == _CANCELLED:
        status, cancelled = "cancelled", ordered
    price = None if line.price is None else money(line.price, order.precision)
    return OrderLine(
        line_id=line.id,
        product_id=product_id(line.variant.sku, line.variant.id),
        listing_id=line.variant.id,
        product_name=line.variant.name,
        status=status,
        units_ordered=ordered,
        units_cancelled=cancelled,
        unit_price=price,
        currency=order.currency,
    )


def _refunded_by_line(order: OrderHead) -> Counter[str]:
    """Units whose money went back, by line; a refund that failed counts nothing."""
    refunded: Counter[str] = Counter()
    for payment in order.payments or []:
        for refund in payment.refunds:
            if refund.state != "Failed":
                for line in refund.lines:
                    refunded[line.line_id] += line.quantity
    return refunded


def _refused(document: Any, placed: datetime, reason: str) -> Order:
    """The whole document refused, with the units that its lines would have moved."""
    lines = document.get("lines") if isinstance(document, dict) else None
    units = 0
    if isinstance(lines, list) and document.get("state") != _CANCELLED:
        units = sum(units_of(line, "quantity") for line in lines)
    return Order(order_key(document), placed, placed, refusals=(Refusal("*", reason, units),))
