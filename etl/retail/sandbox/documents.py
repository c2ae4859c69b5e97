"""Order documents in MercadoLibre's shape, each as it stood at a moment.

Source of the shape: MercadoLibre's orders and returns resources. One deviation: `returns`, a
resource of its own there, is embedded.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from etl.retail.sandbox.book import CANCELLED, Floats, OrderBook, Seller
from etl.retail.sandbox.history import stable_number

__all__ = ["OrderWriter", "iso"]


def iso(milliseconds: int, zone: ZoneInfo) -> str:
    """A moment as the marketplace writes it.

    >>> iso(1_700_000_000_000, ZoneInfo("America/Sao_Paulo"))
    '2023-11-14T19:13:20.000-03:00'
    """
    return datetime.fromtimestamp(milliseconds / 1000, zone).isoformat(timespec="milliseconds")


class OrderWriter:
    """Writes the documents of a book; what a line shows of its listing is rendered once."""

    def __init__(self, book: OrderBook, categories: dict[str, str | None]) -> None:
        self._book = book
        self._categories = categories
        self._rendered: dict[int, orjson.Fragment] = {}

    def document(self, order: int, seller: Seller, now: int) -> dict[str, Any]:
        """The document of one order as of `now`."""
        book = self._book
        lines = slice(int(book.first_line[order]), int(book.first_line[order + 1]))
        changes = self._changes(order, now)
        cancelled = any(kind == CANCELLED for _, _, kind, _ in changes)
        created = iso(int(book.created[order]), seller.zone)
        updated = iso(changes[-1][0], seller.zone) if changes else created
        units = book.units[lines].tolist()
        prices = _told(book.unit_price[lines])
        total = round(sum(u * (p or 0.0) for u, p in zip(units, prices, strict=True)), 4)
        refunded = total if cancelled else _refunded(changes, prices)
        number = int(book.number[order])
        return {
            "id": number,
            "status": _status(cancelled, changes),
            "status_detail": None,
            "date_created": created,
            "date_closed": created,
            "last_updated": updated,
            "currency_id": seller.currency,
            "total_amount": total,
            "paid_amount": total,
            "order_items": self._order_items(lines, units, prices, seller),
            "payments": [_payment(number, cancelled, total, refunded, created, updated)],
            "returns": self._returns(order, seller, changes),
            "seller": {"id": seller.seller_id},
            "buyer": {"id": stable_number(f"buyer of {number}", 9)},
            "tags": ["return"] if book.is_return[order] else [],
        }

    def _changes(self, order: int, now: int) -> list[tuple[int, int, int, int]]:
        """Time, line, kind and units of each change that has happened, oldest first."""
        book = self._book
        first, end = int(book.first_change[order]), int(book.first_change[order + 1])
        if first == end:
            return []
        end = first + int(np.searchsorted(book.change_at[first:end], now, side="right"))
        return list(
            zip(
                book.change_at[first:end].tolist(),
                book.change_line[first:end].tolist(),
                book.change_kind[first:end].tolist(),
                book.change_units[first:end].tolist(),
                strict=True,
            )
        )

    def _order_items(
        self, lines: slice, units: list[int], prices: list[float | None], seller: Seller
    ) -> list[dict[str, Any]]:
        items = self._book.item[lines].tolist()
        full = _told(self._book.list_price[lines])
        return [
            {
                "item": self._item(item),
                "quantity": quantity,
                "unit_price": price,
                "full_unit_price": listed,
                "currency_id": seller.currency,
            }
            for item, quantity, price, listed in zip(items, units, prices, full, strict=True)
        ]

    def _item(self, row: int) -> orjson.Fragment:
        fragment = self._rendered.get(row)
        if fragment is None:
            shown = self._book.items.iloc[row]
            listing = shown["listing_id"]
            sku = shown["product_id"]
            fragment = orjson.Fragment(
                orjson.dumps(
                    {
                        "id": listing,
                        "title": shown["title"] if isinstance(shown["title"], str) else sku,
                        "category_id": self._categories.get(listing),
                        "seller_sku": None if sku == listing else sku,
                        "variation_id": None,
                    }
                )
            )
            self._rendered[row] = fragment
        return fragment

    def _returns(
        self, order: int, seller: Seller, changes: list[tuple[int, int, int, int]]
    ) -> list[dict[str, Any]]:
        """One claim for each refund; a cancellation sends nothing back."""
        book = self._book
        claims = []
        first = int(book.first_line[order])
        for place, (at, line, kind, units) in enumerate(changes):
            if kind == CANCELLED:
                continue
            number = int(book.number[order])
            sent_back = {
                "order_id": number,
                "item_id": book.items["listing_id"].iloc[int(book.item[first + line])],
                "variation_id": None,
                "total_quantity": int(book.units[first + line]),
                "return_quantity": units,
            }
            claims.append(
                {
                    "claim_id": stable_number(f"claim {place} of {number}", 10),
                    "status": "closed",
                    "date_created": iso(at, seller.zone),
                    "orders": [sent_back],
                }
            )
        return claims


def _told(prices: Floats) -> list[float | None]:
    return [None if math.isnan(price) else price for price in prices.tolist()]


def _status(cancelled: bool, changes: list[tuple[int, int, int, int]]) -> str:
    if cancelled:
        return "cancelled"
    return "partially_refunded" if changes else "paid"


def _refunded(changes: list[tuple[int, int, int, int]], prices: list[float | None]) -> float:
    return round(sum(units * (prices[line] or 0.0) for _, line, _, units in changes), 4)


def _payment(
    order: int, cancelled: bool, total: float, refunded: float, created: str, updated: str
) -> dict[str, Any]:
    return {
        "id": stable_number(f"payment of {order}", 11),
        "status": "refunded" if cancelled else "approved",
        "transaction_amount": total,
        "transaction_amount_refunded": refunded,
        "date_approved": created,
        "date_last_modified": updated,
    }
