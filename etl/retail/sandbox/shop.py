"""What a seller lists and has on the shelf, as of a moment."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from etl.retail.sandbox.book import OrderBook, Seller
from etl.retail.sandbox.documents import iso
from etl.retail.sandbox.history import OrderHistory
from etl.retail.sandbox.listings import (
    Listing,
    as_date,
    derived_listings,
    seller_ids,
    told_listings,
)

__all__ = ["Shop", "open_shop"]

_ANNOUNCED_DAYS = 14
_YEAR_MS = 365 * 24 * 3600 * 1000
_NEVER = np.iinfo(np.int64).max


class Shop:
    """Listings of all sellers, and their stock and stock-outs where those are known."""

    def __init__(
        self,
        listings: list[Listing],
        book: OrderBook,
        stock: dict[str, tuple[np.ndarray, np.ndarray]] | None,
        stockouts: pd.DataFrame | None,
    ) -> None:
        self.listings = {listing.listing_id: listing for listing in listings}
        self._stock = stock
        self._stockouts = stockouts
        self._book = book
        position = {listing.listing_id: i for i, listing in enumerate(listings)}
        self._position = position
        of_item = book.items["listing_id"].map(position).to_numpy(dtype=np.int64)
        self._line_listing = of_item[book.item]
        self._line_created = np.repeat(book.created, np.diff(book.first_line))
        self._sold_by = lru_cache(maxsize=2)(self._sales_until)

    def listed(self, seller: Seller, now: int) -> list[Listing]:
        """The listings of a seller that exist at `now`, by id."""
        mine = (x for x in self.listings.values() if x.seller_id == seller.seller_id)
        return sorted(
            (x for x in mine if self.listed_at(x, seller) <= now), key=lambda x: x.listing_id
        )

    def status(self, listing: Listing, seller: Seller, now: int) -> str:
        """active, paused (its shelf is empty) or closed, as of `now`.

        Where no last day is told, a listing is closed once nothing was sold for twelve months.
        """
        today = _local_date(now, seller)
        if listing.listed_on is None:
            _, last_sale, _ = self._sold_by(now)
            idle = now - int(last_sale[self._position[listing.listing_id]])
            return "closed" if idle > _YEAR_MS else "active"
        if listing.retired_on is not None and listing.retired_on <= today:
            return "closed"
        return "paused" if self._on_hand(listing, seller, now) == 0 else "active"

    def document(self, listing: Listing, seller: Seller, now: int) -> dict[str, Any]:
        """The listing in MercadoLibre's shape, with its promotions, as of `now`."""
        status = self.status(listing, seller, now)
        _, _, price = self._sold_by(now)
        asked = float(price[self._position[listing.listing_id]])
        return {
            "id": listing.listing_id,
            "site_id": listing.listing_id[:3],
            "title": listing.title,
            "seller_id": seller.seller_id,
            "category_id": listing.category_id,
            "category_name": listing.category_name,
            "price": listing.price if math.isnan(asked) else asked,
            "currency_id": seller.currency,
            "available_quantity": 0 if status == "closed" else self._on_hand(listing, seller, now),
            "status": status,
            "seller_custom_field": listing.sku,
            "attributes": [{"id": "SELLER_SKU", "name": "SKU", "value_name": listing.sku}],
            "date_created": iso(self.listed_at(listing, seller), seller.zone),
            "stop_time": self._stopped(listing, seller, status, now),
            "promotions": _announced(listing, _local_date(now, seller)),
        }

    def empty_days(
        self, seller: Seller, first: date, last: date, now: int
    ) -> list[dict[str, Any]] | None:
        """Days with an empty shelf from `first` to `last`; None where they are not known."""
        if self._stockouts is None:
            return None
        rows = self._stockouts
        last = min(last, _local_date(now, seller))
        mine = rows[
            (rows["seller_id"] == seller.seller_id)
            & (rows["date"] >= first)
            & (rows["date"] <= last)
        ]
        return [
            {
                "item_id": row["listing_id"],
                "seller_sku": self.listings[row["listing_id"]].sku,
                "date": row["date"].isoformat(),
            }
            for row in mine.to_dict("records")
        ]

    def _sales_until(self, now: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """By listing: first and last sale, and the last price asked, as of `now`."""
        count = len(self.listings)
        sold = (self._line_created <= now) & (self._book.units > 0)
        first = np.full(count, _NEVER, dtype=np.int64)
        last = np.full(count, -_NEVER, dtype=np.int64)
        np.minimum.at(first, self._line_listing, self._line_created)
        np.maximum.at(last, self._line_listing[sold], self._line_created[sold])
        price = np.full(count, np.nan)
        priced = sold & (self._book.list_price > 0)
        # Lines of a listing lie in the order of time: the last one written stays.
        price[self._line_listing[priced]] = self._book.list_price[priced]
        return first, np.where(last < 0, first, last), price

    def listed_at(self, listing: Listing, seller: Seller) -> int:
        """When the listing came into being, in milliseconds."""
        if listing.listed_on is not None:
            return _local_start(listing.listed_on, seller)
        first, _, _ = self._sold_by(0)
        return int(first[self._position[listing.listing_id]])

    def _stopped(self, listing: Listing, seller: Seller, status: str, now: int) -> str | None:
        """When the listing was closed, None while it is not.

        Where no last day is told, its last sale is the last that is known of it: a product that
        has not sold for a year is then not on sale for another.
        """
        if status != "closed":
            return None
        if listing.retired_on is not None:
            return iso(_local_start(listing.retired_on, seller), seller.zone)
        _, last_sale, _ = self._sold_by(now)
        return iso(int(last_sale[self._position[listing.listing_id]]), seller.zone)

    def _on_hand(self, listing: Listing, seller: Seller, now: int) -> int | None:
        """Units on the evening before `now`; None where stock is not told."""
        if self._stock is None:
            return None
        days, units = self._stock.get(
            listing.listing_id, (np.array([], dtype="M8[D]"), np.array([]))
        )
        yesterday = np.datetime64(_local_date(now, seller) - timedelta(days=1))
        place = int(np.searchsorted(days, yesterday, side="right")) - 1
        return int(units[place]) if place >= 0 else None


def _local_date(now: int, seller: Seller) -> date:
    return datetime.fromtimestamp(now / 1000, seller.zone).date()


def _local_start(day: date, seller: Seller) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=seller.zone).timestamp() * 1000)


def _announced(listing: Listing, today: date) -> list[dict[str, Any]]:
    """Promotions of the past, and those that a merchant has announced two weeks ahead."""
    latest = (today + timedelta(days=_ANNOUNCED_DAYS)).isoformat()
    return [promotion for promotion in listing.promotions if promotion["start"] <= latest]


def open_shop(history: OrderHistory, book: OrderBook) -> Shop:
    """The shop of a history; listings that no file tells are derived from the order lines."""
    told = told_listings(history)
    known = {listing.listing_id for listing in told}
    derived = [x for x in derived_listings(book) if x.listing_id not in known]
    return Shop(told + derived, book, _stock(history), _stockouts(history))


def _stock(history: OrderHistory) -> dict[str, tuple[np.ndarray, np.ndarray]] | None:
    if history.stock is None:
        return None
    rows = history.stock[["listing_id", "date", "units_on_hand"]].astype({"listing_id": str})
    rows = rows.assign(
        date=pd.to_datetime(rows["date"].astype(object)),
        units_on_hand=pd.to_numeric(rows["units_on_hand"].astype(object)),
    ).sort_values(["listing_id", "date"])
    return {
        str(listing): (
            of_listing["date"].to_numpy().astype("M8[D]"),
            of_listing["units_on_hand"].to_numpy(),
        )
        for listing, of_listing in rows.groupby("listing_id")
    }


def _stockouts(history: OrderHistory) -> pd.DataFrame | None:
    if history.stockouts is None:
        return None
    rows = history.stockouts.astype(object)
    sellers = seller_ids(history)
    keys = zip(rows["merchant_id"], rows["store_id"], strict=True)
    rows = rows.assign(
        seller_id=[sellers[key] for key in keys],
        date=rows["date"].map(as_date),
    )
    return rows.sort_values(["seller_id", "date", "listing_id"], ignore_index=True)
