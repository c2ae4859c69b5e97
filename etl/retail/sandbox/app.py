"""The sandbox over HTTP: a marketplace in MercadoLibre's shape, replaying a history of orders.

`docs/sandbox.md` gives every endpoint, what differs from MercadoLibre's, and why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from etl.errors import InputError
from etl.retail.sandbox.book import Seller, index_orders
from etl.retail.sandbox.clock import Clock, milliseconds
from etl.retail.sandbox.documents import OrderWriter
from etl.retail.sandbox.faults import Faults, RateLimit
from etl.retail.sandbox.history import Ints, OrderHistory
from etl.retail.sandbox.shop import open_shop
from etl.retail.sandbox.tokens import sandbox_tokens

__all__ = ["Behaviour", "sandbox_app"]

_MOST_ORDERS = 50
_MOST_LISTINGS = 100
_LAST_OFFSET = 10_000
_MOST_IDS = 20

Answer = Callable[["Marketplace", Request, str], Any]


@dataclass(frozen=True)
class Behaviour:
    """How the sandbox behaves: its moment (by default the last of the history), limits, faults."""

    now: str | None = None
    rate: float = 400.0
    fault_share: float = 0.002
    seed: int = 7


class _RefusalError(Exception):
    """A request that is answered with an error in the marketplace's shape."""

    def __init__(self, status: int, error: str, message: str, wait: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.wait = wait


class Marketplace:
    """A history behind its clock, with the tokens of its merchants."""

    def __init__(self, history: OrderHistory, behaviour: Behaviour) -> None:
        self.book = index_orders(history)
        self.shop = open_shop(history, self.book)
        categories = {x.listing_id: x.category_id for x in self.shop.listings.values()}
        self.writer = OrderWriter(self.book, categories)
        start = behaviour.now
        self.clock = Clock(milliseconds(start) if start else self.book.last_moment)
        self.rate = RateLimit(behaviour.rate)
        self.faults = Faults(behaviour.fault_share, behaviour.seed)
        merchants = sorted({seller.merchant_id for seller in self.book.sellers.values()})
        self._merchant_of = {
            token: merchant for merchant, token in sandbox_tokens(merchants, behaviour.seed).items()
        }
        self.last_updated: Callable[[int], Ints] = lru_cache(maxsize=1)(self.book.last_updated)

    def merchant(self, request: Request) -> str:
        """The merchant whose token the request carries."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        merchant = self._merchant_of.get(token.strip())
        if scheme.lower() != "bearer" or merchant is None:
            raise _RefusalError(401, "unauthorized", "invalid access token")
        return merchant

    def seller(self, text: str | None, merchant: str) -> Seller:
        """The seller of that id, if it is the merchant's."""
        if text is None:
            raise _RefusalError(400, "bad_request", "the parameter seller is needed")
        seller = self.book.sellers.get(int(text)) if text.isdigit() else None
        # A seller that does not exist is answered like another's: nobody may probe.
        if seller is None or seller.merchant_id != merchant:
            raise _RefusalError(
                403, "forbidden", f"the token does not give access to seller {text}"
            )
        return seller


def sandbox_app(history: OrderHistory, behaviour: Behaviour | None = None) -> Starlette:
    """The ASGI application that replays `history`."""
    market = Marketplace(history, behaviour or Behaviour())

    def route(path: str, answer: Answer) -> Route:
        return Route(path, _endpoint(market, answer), methods=["GET"])

    async def clock(request: Request) -> Response:
        return await _clock(market, request)

    app = Starlette(
        routes=[
            route("/stores", _stores),
            route("/orders/search", _orders),
            route("/users/{seller}/items/search", _listing_ids),
            route("/users/{seller}/stockouts", _stockouts),
            route("/items", _listings),
            Route("/sandbox/clock", clock, methods=["GET", "PUT"]),
        ]
    )
    app.state.marketplace = market
    return app


def _endpoint(market: Marketplace, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Token first, then the limit, then faults, then the answer."""

    async def endpoint(request: Request) -> Response:
        try:
            merchant = market.merchant(request)
            wait = market.rate.wait(merchant)
            if wait:
                raise _RefusalError(429, "too_many_requests", "too many requests", wait)
            fault = market.faults.next()
            if fault:
                raise _RefusalError(fault, "internal_error", "the marketplace failed; try again")
            return _json(answer(market, request, merchant))
        except _RefusalError as refusal:
            return _refuse(refusal)
        except InputError as error:
            return _refuse(_RefusalError(400, "bad_request", str(error)))

    return endpoint


def _json(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), status, headers, media_type="application/json")


def _refuse(refusal: _RefusalError) -> Response:
    headers = {"Retry-After": str(refusal.wait)} if refusal.wait else None
    return _json(_error(refusal.status, refusal.error, str(refusal)), refusal.status, headers)


def _error(status: int, error: str, message: str) -> dict[str, Any]:
    return {"message": message, "error": error, "status": status, "cause": []}


async def _clock(market: Marketplace, request: Request) -> Response:
    """Read the clock, or move it, forwards or back."""
    if request.method == "PUT":
        try:
            document = orjson.loads(await request.body())
            if not isinstance(document, dict) or not isinstance(document.get("now"), str):
                raise InputError('the clock is moved by {"now": "2026-11-03T06:00:00Z"}')
            market.clock.now = milliseconds(document["now"])
        except (orjson.JSONDecodeError, InputError) as error:
            return _refuse(_RefusalError(400, "bad_request", str(error)))
    return _json({"now": str(market.clock)})


def _stores(market: Marketplace, request: Request, merchant: str) -> Any:
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


def _orders(market: Marketplace, request: Request, merchant: str) -> Any:
    query = request.query_params
    seller = market.seller(query.get("seller"), merchant)
    offset, limit = _page(request, _MOST_ORDERS)
    if offset + limit > _LAST_OFFSET:
        raise _RefusalError(
            400, "bad_request", f"offset + limit may not exceed {_LAST_OFFSET}; narrow the window"
        )
    found = _matching(market, seller, request)
    sort = query.get("sort", "date_asc")
    if sort not in ("date_asc", "date_desc"):
        raise _RefusalError(
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
            raise _RefusalError(
                400, "bad_request", f"{name} must be from {lowest} to {highest}; found {text!r}"
            )
        values.append(int(text))
    return values[0], values[1]


def _listing_ids(market: Marketplace, request: Request, merchant: str) -> Any:
    seller = market.seller(request.path_params["seller"], merchant)
    offset, limit = _page(request, _MOST_LISTINGS)
    status = request.query_params.get("status")
    if status not in (None, "active", "paused", "closed"):
        raise _RefusalError(
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


def _listings(market: Marketplace, request: Request, merchant: str) -> Any:
    ids = [name for name in request.query_params.get("ids", "").split(",") if name]
    if not 1 <= len(ids) <= _MOST_IDS:
        raise _RefusalError(400, "bad_request", f"ids takes 1 to {_MOST_IDS} ids; found {len(ids)}")
    return [_listing(market, name, merchant) for name in ids]


def _listing(market: Marketplace, listing_id: str, merchant: str) -> dict[str, Any]:
    now = market.clock.now
    listing = market.shop.listings.get(listing_id)
    seller = market.book.sellers[listing.seller_id] if listing else None
    mine = listing and seller and seller.merchant_id == merchant
    if listing and seller and mine and market.shop.listed_at(listing, seller) <= now:
        return {"code": 200, "body": market.shop.document(listing, seller, now)}
    return {"code": 404, "body": _error(404, "not_found", f"there is no listing {listing_id}")}


def _stockouts(market: Marketplace, request: Request, merchant: str) -> Any:
    seller = market.seller(request.path_params["seller"], merchant)
    first, last = (_day(request, name) for name in ("from", "to"))
    days = market.shop.empty_days(seller, first, last, market.clock.now)
    if days is None:
        raise _RefusalError(
            404, "not_found", "days with an empty shelf are not known for this seller"
        )
    return {"results": days}


def _day(request: Request, name: str) -> date:
    text = request.query_params.get(name, "")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _RefusalError(
            400, "bad_request", f"{name} must be a day as in 2026-11-03; found {text!r}"
        ) from error
