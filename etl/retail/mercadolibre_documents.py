"""MercadoLibre's documents read: what an order says in common terms, without its customer."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from etl.registry import Store
from etl.retail.mercadolibre_shapes import Line, OrderHead
from etl.retail.shapes import field_of, instant, order_key, product_id, units_of
from etl.retail.source import Order, OrderLine, Refusal

__all__ = ["PERSONAL", "created_at", "read_order", "updated_at", "without_customer"]

PERSONAL = frozenset(
    {
        *("buyer", "customer", "payer", "payer_id", "collector", "receiver_id", "receiver_name"),
        *("first_name", "last_name", "nickname", "identification", "email", "phone"),
        *("alternative_phone", "shipping", "shipping_address", "receiver_address", "destination"),
        *("address", "billing_info", "billing_address", "card", "card_id", "cardholder"),
        *("issuer_id", "comment", "comments", "feedback", "message", "messages", "context"),
    }
)
"""Fields that are about a customer, wherever in a document they stand."""

_SOLD = frozenset({"paid", "partially_refunded", "pending_cancel"})
_CANCELLED = frozenset({"cancelled", "invalid"})
_UNPAID = frozenset({"confirmed", "payment_required", "payment_in_process", "partially_paid"})
_CALLED_OFF = frozenset({"cancelled", "expired", "failed", "not_delivered", "pending_cancel"})


def without_customer(document: Any) -> Any:
    """`document` without its customer: names, addresses, payment, and what they wrote.

    >>> without_customer({"id": 1, "buyer": {"id": 7}, "payments": [{"id": 2, "payer_id": 7}]})
    {'id': 1, 'payments': [{'id': 2}]}
    """
    if isinstance(document, dict):
        kept = document.keys() - PERSONAL
        return {name: without_customer(value) for name, value in document.items() if name in kept}
    if isinstance(document, list):
        return [without_customer(part) for part in document]
    return document


def created_at(document: Any) -> datetime | None:
    """When the order was placed; None where the document does not say it readably."""
    return instant(document, "date_created")


def updated_at(document: Any) -> datetime | None:
    """When the order last changed; None where the document does not say it readably."""
    return instant(document, "last_updated")


def read_order(document: Any, store: Store, fallback: datetime) -> Order:
    """`document` in common terms; what cannot be read is a refusal, never an error."""
    created = created_at(document) or fallback
    try:
        head = OrderHead.model_validate(document)
        updated = head.last_updated.astimezone(UTC)
    except ValidationError as error:
        return _refused(document, created, f"unreadable field={field_of(error)}")
    except OverflowError:
        return _refused(document, created, "unreadable field=last_updated")
    if order_key(document) != str(head.id):
        return _refused(document, created, "unreadable field=id")
    if head.status not in _SOLD | _CANCELLED | _UNPAID:
        return _refused(document, created, f"unreadable field=status value={head.status[:40]!r}")
    lines, refusals = _read_lines(head)
    return Order(str(head.id), created, updated, tuple(lines), tuple(refusals))


def _read_lines(order: OrderHead) -> tuple[list[OrderLine], list[Refusal]]:
    returned = _returned_by_item(order)
    last_line = {_item_id(line): number for number, line in enumerate(order.order_items, start=1)}
    lines: list[OrderLine] = []
    refusals: list[Refusal] = []
    for number, document in enumerate(order.order_items, start=1):
        try:
            line = Line.model_validate(document)
        except ValidationError as error:
            units = 0 if order.status in _CANCELLED else units_of(document, "quantity")
            refusals.append(Refusal(str(number), f"unreadable field={field_of(error)}", units))
        else:
            is_last = last_line[line.item.id] == number
            lines.append(_order_line(order, line, number, returned, takes_rest=is_last))
    return lines, refusals


def _order_line(
    order: OrderHead, line: Line, number: int, returned: Counter[str], takes_rest: bool
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
        product_id=product_id(line.item.seller_sku or line.item.seller_custom_field, line.item.id),
        listing_id=line.item.id,
        product_name=line.item.title,
        status=status,
        units_ordered=line.quantity,
        units_cancelled=cancelled,
        unit_price=line.unit_price,
        currency=line.currency_id,
    )


def _returned_by_item(order: OrderHead) -> Counter[str]:
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
        units = sum(units_of(item, "quantity") for item in items)
    return Order(order_key(document), created, created, refusals=(Refusal("*", reason, units),))


def _item_id(line: Any) -> Any:
    item = line.get("item") if isinstance(line, dict) else None
    name = item.get("id") if isinstance(item, dict) else None
    return name if isinstance(name, str) else None
