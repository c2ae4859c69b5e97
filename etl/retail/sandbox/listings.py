"""Listings: those that a file tells, and those that only their orders tell."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from etl.retail.sandbox.book import OrderBook
from etl.retail.sandbox.history import OrderHistory

__all__ = ["Listing", "as_date", "derived_listings", "seller_ids", "told_listings"]


@dataclass(frozen=True)
class Listing:
    """One listing. `listed_on` is None where it is known from its orders alone."""

    listing_id: str
    seller_id: int
    sku: str | None
    title: str
    category_id: str | None
    category_name: str | None
    price: float | None
    listed_on: date | None
    retired_on: date | None
    promotions: tuple[dict[str, Any], ...]


def told_listings(history: OrderHistory) -> list[Listing]:
    if history.listings is None:
        return []
    sellers = seller_ids(history)
    return [
        Listing(
            listing_id=row["listing_id"],
            seller_id=sellers[row["merchant_id"], row["store_id"]],
            sku=None if row["product_id"] == row["listing_id"] else row["product_id"],
            title=row["name"],
            category_id=row["category_id"],
            category_name=row["category"],
            price=_number(row.get("price")),
            listed_on=as_date(row["listed_on"]),
            retired_on=as_date(row.get("retired_on")),
            promotions=tuple(json.loads(row.get("promotions") or "[]")),
        )
        for row in history.listings.astype(object).to_dict("records")
    ]


def derived_listings(book: OrderBook) -> list[Listing]:
    """Named as most recently sold at a price; of a category that nobody told."""
    line_items = pd.DataFrame(
        {
            "item": book.item,
            "created": np.repeat(book.created, np.diff(book.first_line)),
            "priced": (book.list_price > 0) & (book.units > 0),
        }
    )
    last = line_items.groupby(["item", "priced"], as_index=False)["created"].max()
    items = last.merge(book.items, left_on="item", right_index=True, validate="m:1")
    items["named"] = items["title"].notna()
    items = items.sort_values(["named", "priced", "created"]).drop_duplicates(
        "listing_id", keep="last"
    )
    return [
        Listing(
            listing_id=row["listing_id"],
            seller_id=row["seller_id"],
            sku=None if row["product_id"] == row["listing_id"] else row["product_id"],
            title=row["title"] if isinstance(row["title"], str) else row["product_id"],
            category_id=None,
            category_name=None,
            price=None,
            listed_on=None,
            retired_on=None,
            promotions=(),
        )
        for row in items.to_dict("records")
    ]


def seller_ids(history: OrderHistory) -> dict[tuple[str, str], int]:
    stores = history.stores
    keys = zip(stores["merchant_id"], stores["store_id"], strict=True)
    return {
        (str(m), str(s)): int(ref) for (m, s), ref in zip(keys, stores["source_ref"], strict=True)
    }


def as_date(value: object) -> date | None:
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return None
    return pd.Timestamp(value).date()  # type: ignore[arg-type]


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
