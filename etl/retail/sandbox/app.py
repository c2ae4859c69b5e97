"""The sandbox over HTTP: a marketplace in MercadoLibre's shape, replaying a history of orders.

`docs/sandbox.md` gives every endpoint, what differs from MercadoLibre's, and why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from etl.errors import InputError
from etl.retail.sandbox import answers
from etl.retail.sandbox.answers import error_document
from etl.retail.sandbox.clock import milliseconds
from etl.retail.sandbox.history import OrderHistory
from etl.retail.sandbox.marketplace import Behaviour, Marketplace, RefusalError

__all__ = ["sandbox_app"]

Answer = Callable[[Marketplace, Request, str], Any]


def sandbox_app(history: OrderHistory, behaviour: Behaviour | None = None) -> Starlette:
    """The ASGI application that replays `history`."""
    market = Marketplace(history, behaviour or Behaviour())

    def route(path: str, answer: Answer) -> Route:
        return Route(path, _endpoint(market, answer), methods=["GET"])

    async def clock(request: Request) -> Response:
        return await _clock(market, request)

    app = Starlette(
        routes=[
            route("/stores", answers.stores),
            route("/orders/search", answers.orders),
            route("/users/{seller}/items/search", answers.listing_ids),
            route("/users/{seller}/stockouts", answers.stockouts),
            route("/items", answers.listings),
            Route("/sandbox/clock", clock, methods=["GET", "PUT"]),
        ],
        exception_handlers={HTTPException: _unknown},
    )
    app.state.marketplace = market
    return app


def _endpoint(market: Marketplace, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Token first, then the limit, then faults, then the answer."""

    async def endpoint(request: Request) -> Response:
        try:
            merchant = market.merchant(request.headers.get("authorization", ""))
            wait = market.rate.wait(merchant)
            if wait:
                raise RefusalError(429, "too_many_requests", "too many requests", wait)
            fault = market.faults.next()
            if fault:
                raise RefusalError(fault, "internal_error", "the marketplace failed; try again")
            return _json(answer(market, request, merchant))
        except RefusalError as refusal:
            return _refuse(refusal)
        except InputError as error:
            return _refuse(RefusalError(400, "bad_request", str(error)))

    return endpoint


def _json(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), status, headers, media_type="application/json")


def _refuse(refusal: RefusalError) -> Response:
    headers = {"Retry-After": str(refusal.wait)} if refusal.wait else None
    document = error_document(refusal.status, refusal.error, str(refusal))
    return _json(document, refusal.status, headers)


def _unknown(request: Request, error: Exception) -> Response:
    """A path or a method that is not there."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = f"there is no {request.method} {request.url.path}"
    return _refuse(RefusalError(status, "not_found", message))


async def _clock(market: Marketplace, request: Request) -> Response:
    """Read the clock, or move it, forwards or back."""
    if request.method == "PUT":
        try:
            document = orjson.loads(await request.body())
            if not isinstance(document, dict) or not isinstance(document.get("now"), str):
                raise InputError('the clock is moved by {"now": "2026-11-03T06:00:00Z"}')
            market.clock.now = milliseconds(document["now"])
        except (orjson.JSONDecodeError, InputError) as error:
            return _refuse(RefusalError(400, "bad_request", str(error)))
    return _json({"now": str(market.clock)})
