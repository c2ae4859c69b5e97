"""What the marketplace answers, endpoint by endpoint. `docs/sandbox.md` describes each."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from starlette.requests import Request

from etl.retail.sandbox.book import Seller
from etl.retail.sandbox.clock import milliseconds
from etl.retail.sandbox.history import Ints
from etl.retail.sandbox.marketplace import Marketplace, RefusalError

__all__ = ["error_document", "listing_ids", "listings", "orders", "stockouts", "stores"]

_MOST_ORDERS = 50
_MOST_LISTINGS = 100
_LAST_OFFSET = 10_000
_MOST_IDS = 20


def error_document(status: int, error: str, message: str) -> dict[str, Any]:
    """An error as MercadoLibre writes it."""
    return {"message": message, "error": error, "status": status, "cause": []}


def stores(market: Marketplace, request: Request, merchant: str) -> Any:
    """The merchant's stores."""
    return {
        "results": [
            {
                "id": seller.store_id,
                "seller_id": seller.seller_id,
                "name": seller.name,
                "region": seller.region,
                "country_id": seller.country,
                "time_zone": seller.zone.key,
                "currency_id": seller.currency,
                "opening_hour": seller.opening_hour,
                "merchant_id": seller.merchant_id,
            }
            for seller in market.book.sellers.values()
            if seller.merchant_id == merchant
        ]
    }


def orders(market: Marketplace, request: Request, merchant: str) -> Any:
    """A page of a seller's orders, each as of the clock."""
    query = request.query_params
    seller = market.seller(query.get("seller"), merchant)
    offset, limit = _page(request, _MOST_ORDERS)
    if offset + limit > _LAST_OFFSET:
        raise RefusalError(
            400, "bad_request", f"offset + limit may not exceed {_LAST_OFFSET}; narrow the window"
        )
    found = _matching(market, seller, request)
    sort = query.get("sort", "date_asc")
    if sort not in ("date_asc", "date_desc"):
        raise RefusalError(
            400, "bad_request", f"sort must be date_asc or date_desc; found {sort!r}"
        )
    if sort == "date_desc":
        found = found[::-1]
    now = market.clock.now
    page = found[offset : offset + limit]
    return {
        "query": "",
        "results": [market.writer.document(order, seller, now) for order in page.tolist()],
        "paging": {"total": len(found), "offset": offset, "limit": limit},
        "sort": {"id": sort, "name": sort.replace("_", " ")},
        "filters": [{"id": k, "values": [v]} for k, v in query.items() if k.startswith("order.")],
    }


def _matching(market: Marketplace, seller: Seller, request: Request) -> Ints:
    """The seller's orders inside the windows of the query, both ends included, by time."""
    query = request.query_params
    created = market.book.created[seller.orders]
    start, end = _window(query.get("order.date_created.from"), query.get("order.date_created.to"))
    now = market.clock.now
    low = int(np.searchsorted(created, start, side="left"))
    high = int(np.searchsorted(created, min(end, now), side="right"))
    found = np.arange(seller.orders.start + low, seller.orders.start + max(low, high))
    changed = [query.get(f"order.date_last_updated.{edge}") for edge in ("from", "to")]
    if changed == [None, None]:
        return found
    start, end = _window(*changed)
    updated = market.last_updated(now)[found]
    return found[(start <= updated) & (updated <= end)]


def _window(start: str | None, end: str | None) -> tuple[int, int]:
    earliest, latest = 0, 2**62
    return (
        earliest if start is None else milliseconds(start),
        latest if end is None else milliseconds(end),
    )


def _page(request: Request, most: int) -> tuple[int, int]:
    values = []
    for name, default, lowest, highest in (("offset", 0, 0, 2**31), ("limit", most, 1, most)):
        text = request.query_params.get(name, str(default))
        if not text.isdigit() or not lowest <= int(text) <= highest:
            raise RefusalError(
                400, "bad_request", f"{name} must be from {lowest} to {highest}; found {text!r}"
            )
        values.append(int(text))
    return values[0], values[1]


def listing_ids(market: Marketplace, request: Request, merchant: str) -> Any:
    """A page of the ids of a seller's listings."""
    seller = market.seller(request.path_params["seller"], merchant)
    offset, limit = _page(request, _MOST_LISTINGS)
    status = request.query_params.get("status")
    if status not in (None, "active", "paused", "closed"):
        raise RefusalError(
            400, "bad_request", f"status is active, paused or closed; found {status!r}"
        )
    now = market.clock.now
    ids = [
        listing.listing_id
        for listing in market.shop.listed(seller, now)
        if status is None or market.shop.status(listing, seller, now) == status
    ]
    return {
        "seller_id": str(seller.seller_id),
        "results": ids[offset : offset + limit],
        "paging": {"total": len(ids), "offset": offset, "limit": limit},
    }


def listings(market: Marketplace, request: Request, merchant: str) -> Any:
    """Several listings at once, each with a code of its own."""
    ids = [name for name in request.query_params.get("ids", "").split(",") if name]
    if not 1 <= len(ids) <= _MOST_IDS:
        raise RefusalError(400, "bad_request", f"ids takes 1 to {_MOST_IDS} ids; found {len(ids)}")
    return [_listing(market, name, merchant) for name in ids]


def _listing(market: Marketplace, listing_id: str, merchant: str) -> dict[str, Any]:
    now = market.clock.now
    listing = market.shop.listings.get(listing_id)
    seller = market.book.sellers[listing.seller_id] if listing else None
    mine = listing and seller and seller.merchant_id == merchant
    if listing and seller and mine and market.shop.listed_at(listing, seller) <= now:
        return {"code": 200, "body": market.shop.document(listing, seller, now)}
    return {
        "code": 404,
        "body": error_document(404, "not_found", f"there is no listing {listing_id}"),
    }


def stockouts(market: Marketplace, request: Request, merchant: str) -> Any:
    """Days on which a seller's shelves were empty."""
    seller = market.seller(request.path_params["seller"], merchant)
    first, last = (_day(request, name) for name in ("from", "to"))
    days = market.shop.empty_days(seller, first, last, market.clock.now)
    if days is None:
        raise RefusalError(
            404, "not_found", "days with an empty shelf are not known for this seller"
        )
    return {"results": days}


def _day(request: Request, name: str) -> date:
    text = request.query_params.get(name, "")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise RefusalError(
            400, "bad_request", f"{name} must be a day as in 2026-11-03; found {text!r}"
        ) from error
