"""The door: what an order line must be to count, for all marketplaces alike.

Each line of an order becomes a row of ORDER_LINES or a row of QUARANTINE with its reason; nothing
is dropped. A reason is a code with parameters:

================================  ==================================================================
``unreadable field=…``            a field that is needed is missing or not of its documented type
``no_price``                      the line has no price
``price_not_positive price=…``    the price of one unit is zero or less
``quantity_zero``                 the line moves no units
``out_of_range field=…``          a number beyond what a retailer's order can hold
``currency_mismatch …``           the line is not in the store's currency
``returned_exceeds_ordered …``    more units came back than were ordered
``repeated_line``                 the document gives two lines the same name
``not_a_product sku=…``           a fee, postage or adjustment, by the setting `non_products`
``not_paid status=…``             the order waits for its payment; a later pull sees it paid
``test_order``                    the merchant tried out the shop; nothing was sold
================================  ==================================================================

The last three are refused by rule, not by error (`BY_RULE`): they say nothing about the quality of
the data, so they do not count against `quarantine_limit`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from etl.errors import SettingError
from etl.registry import Store
from etl.retail.source import Order, OrderLine, Refusal
from etl.settings import PREFIX, Settings

__all__ = ["BY_RULE", "Door", "reason_code"]

BY_RULE = frozenset({"not_a_product", "not_paid", "test_order"})

_MOST_UNITS = 10**9
_MOST_MONEY = Decimal(10) ** 13
_PRICE_STEP = Decimal("0.0001")


class Door:
    """Judges the lines of one store's orders."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._non_products = _pattern(settings.non_products)

    def judge(self, order: Order) -> tuple[list[dict[str, Any]], list[Refusal]]:
        """Rows of ORDER_LINES for the lines that count, and the refusals of the others."""
        rows: list[dict[str, Any]] = []
        refusals = list(order.refusals)
        seen = {refusal.line_id for refusal in refusals}
        for line in order.lines:
            reason = "repeated_line" if line.line_id in seen else self._objection(line)
            if reason:
                name = _free_name(line.line_id, seen)
                seen.add(name)
                refusals.append(Refusal(name, reason, _net_units(line)))
            else:
                seen.add(line.line_id)
                rows.append(self._row(order, line))
        return rows, refusals

    def _objection(self, line: OrderLine) -> str:
        return next(self._objections(line), "")

    def _objections(self, line: OrderLine) -> Iterator[str]:
        """What speaks against the line, the weightiest first."""
        if self._non_products.search(line.product_id):
            yield f"not_a_product sku={line.product_id}"
        if line.status == "not_paid":
            yield "not_paid"
        if line.units_ordered == 0:
            yield "quantity_zero"
        if abs(line.units_ordered) > _MOST_UNITS:
            yield "out_of_range field=quantity"
        if not min(line.units_ordered, 0) <= line.units_cancelled <= max(line.units_ordered, 0):
            yield (
                f"returned_exceeds_ordered returned={line.units_cancelled} "
                f"ordered={line.units_ordered}"
            )
        yield from self._objections_to_money(line)

    def _objections_to_money(self, line: OrderLine) -> Iterator[str]:
        price = line.unit_price
        if price is None:
            yield "no_price"
            return
        if price.adjusted() > 13 or abs(price) * max(abs(line.units_ordered), 1) > _MOST_MONEY:
            yield "out_of_range field=unit_price"
        elif price.quantize(_PRICE_STEP) <= 0:
            yield f"price_not_positive price={price}"
        if line.currency != self._store.currency:
            yield f"currency_mismatch currency={line.currency} expected={self._store.currency}"

    def _row(self, order: Order, line: OrderLine) -> dict[str, Any]:
        price = line.unit_price or Decimal(0)
        return {
            "merchant_id": self._store.merchant_id,
            "store_id": self._store.store_id,
            "order_id": order.order_id,
            "line_id": line.line_id,
            "product_id": line.product_id,
            "listing_id": line.listing_id,
            "product_name": line.product_name,
            "created_at": order.created_at,
            "updated_at": order.updated_at,
            "date": order.created_at.astimezone(self._store.zone).date(),
            "status": line.status,
            "units_ordered": line.units_ordered,
            "units_cancelled": line.units_cancelled,
            "unit_price": price.quantize(_PRICE_STEP),
            "currency": line.currency,
        }


def reason_code(reason: str) -> str:
    """The code of a reason, without its parameters.

    >>> reason_code("price_not_positive price=0")
    'price_not_positive'
    """
    return reason.partition(" ")[0]


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise SettingError(
            f"{PREFIX}NON_PRODUCTS must be a regular expression of SKUs; found {text!r}, in which "
            f"there is a fault: {error}"
        ) from error


def _net_units(line: OrderLine) -> int:
    units = line.units_ordered - line.units_cancelled
    return units if abs(units) <= _MOST_UNITS else 0


def _free_name(line_id: str, taken: set[str]) -> str:
    name, again = line_id, 2
    while name in taken:
        name, again = f"{line_id}~{again}", again + 1
    return name
