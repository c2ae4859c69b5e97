"""The shortest way to the two answers that are asked for all day, beside the ordinary routes.

One forecast, and the first page of a store's products, are answered here when nothing stands in the
way: a GET with a bearer token and no query, on an embedded store. Whatever else, and whatever goes
wrong, is left to the ordinary route, which gives the same answer or says what is the matter.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from api.caller import Desk, scope_for
from api.pages import read_page
from api.responses import CACHED, tag_matches
from api.store.documents import Body, ProductQuery
from api.tokens import Principal
from api.view import MerchantView
from etl.errors import StorecastError

__all__ = ["DirectAnswer", "direct_answer"]

_STORES = "/v1/stores/"
_FORECAST_ROUTE = "/v1/stores/{store_id}/products/{product_id}/forecast"
_PRODUCTS_ROUTE = "/v1/stores/{store_id}/products"
_PRODUCT = re.compile(r"/.+/forecast")
_JSON = (b"content-type", b"application/json")
_CACHED = (b"cache-control", CACHED.encode())


class DirectAnswer(NamedTuple):
    """A ready answer, and for whom and by which route it is counted."""

    principal: Principal
    merchant_id: str
    route: str
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def direct_answer(desk: Desk, path: str, headers: dict[bytes, bytes]) -> DirectAnswer | None:
    """The answer to a GET of `path` (percent-encoded, no query), or None to go the ordinary way."""
    if not path.startswith(_STORES) or not desk.store.embedded:
        return None
    authorization = headers.get(b"authorization", b"")
    if not authorization.startswith(b"Bearer "):
        return None
    store_id, between, rest = path[len(_STORES) :].partition("/products")
    if not between or "/" in store_id or (rest and not _PRODUCT.fullmatch(rest)):
        return None
    try:
        principal = desk.gate.by_token(authorization[7:].decode("latin-1").strip())
        scope = scope_for(principal, None)
        if rest:
            route = _FORECAST_ROUTE
            body = desk.store.served_forecast(scope, unquote(store_id), unquote(rest[1:-9]))
        else:
            route, query = _PRODUCTS_ROUTE, ProductQuery((unquote(store_id),))
            body = read_page(MerchantView(desk.store, scope), query, None, desk.pages)
        if body is None:
            return None
        desk.limit.take(principal.token_id)
    except StorecastError:
        return None
    return _answer(principal, scope.merchant_id, route, body, headers.get(b"if-none-match"))


def _answer(
    principal: Principal, merchant_id: str, route: str, body: Body, if_none_match: bytes | None
) -> DirectAnswer:
    tag = (b"etag", body.etag.encode())
    if if_none_match and tag_matches(body.etag, if_none_match.decode("latin-1")):
        return DirectAnswer(principal, merchant_id, route, 304, [tag, _CACHED], b"")
    return DirectAnswer(principal, merchant_id, route, 200, [_JSON, tag, _CACHED], body.json)
