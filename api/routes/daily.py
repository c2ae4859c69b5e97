"""The next seven days: of a store's products page by page, and of one product, as JSON or CSV."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Response

from api.caller import Caller
from api.daily_shapes import DailyForecast, DailyPage
from api.days import all_days, by_day, daily_query, product_days, store_days, store_today
from api.listing import page_size
from api.responses import REVALIDATED, csv_response, document_response
from api.routes.documented import answers
from api.routes.forecasts import Format
from api.routes.products import Identifier, PageLimit
from api.store.daily import DAILY_SORTS, DailyQuery
from api.vintage import BOUNDS

__all__ = ["DAILY_COLUMNS", "router"]

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["daily"])

DAILY_COLUMNS = (
    "merchant_id",
    "store_id",
    "product_id",
    "name",
    "category",
    "date",
    *BOUNDS,
    "model",
    "reason",
    "data_until",
    "trained_at",
    "fresh",
)


@router.get("/daily", responses=answers(DailyPage, 400, 404, csv=True, cached=True))
def list_daily(
    store_id: Identifier,
    caller: Annotated[Caller, Depends()],
    product: Annotated[list[str] | None, Query(description="Any of these products")] = None,
    category: Annotated[list[str] | None, Query(description="Any of these")] = None,
    q: Annotated[str, Query(max_length=100, description="Text in name, SKU or category")] = "",
    sort: Annotated[str, Query(description=f"One of {', '.join(DAILY_SORTS)}")] = "volume",
    limit: PageLimit = None,
    cursor: Annotated[
        str | None, Query(max_length=2000, description="`next` of the page before")
    ] = None,
    format: Format = "json",
) -> Response:
    """The next seven days of a store's products, and what they add up to."""
    lines, whole = page_size(format, limit, cursor)
    query = daily_query(store_id, product or [], category or [], q, sort, lines)
    if whole:
        return _whole_list(caller, query)
    page = store_days(caller.view, query, cursor, caller.desk.refreshing.now)
    if format == "json":
        return document_response(page.body, caller.if_none_match, REVALIDATED)
    found = orjson.loads(page.body.json)
    following = {"x-next-cursor": page.following} if page.following else {}
    rows = (row for document in found["products"] for row in by_day(document))
    name = f"daily-{store_id}-{found['today']}"
    return csv_response(DAILY_COLUMNS, rows, name, caller.if_none_match, following, REVALIDATED)


@router.get(
    "/products/{product_id:path}/daily",
    responses=answers(DailyForecast, 400, 404, csv=True, cached=True),
)
def read_daily(
    store_id: Identifier,
    product_id: Identifier,
    caller: Annotated[Caller, Depends()],
    format: Format = "json",
) -> Response:
    """The next seven days of one product, with intervals and the last four weeks."""
    body = product_days(caller.view, store_id, product_id, caller.desk.refreshing.now)
    if format == "json":
        return document_response(body, caller.if_none_match, REVALIDATED)
    document = orjson.loads(body.json)
    name = f"daily-{store_id}-{product_id}-{document['days'][0]}"
    rows = by_day(document)
    return csv_response(DAILY_COLUMNS, rows, name, caller.if_none_match, None, REVALIDATED)


def _whole_list(caller: Caller, query: DailyQuery) -> Response:
    """The days of every product of the list as CSV."""
    view = caller.view
    today = store_today(view, query.store_id, caller.desk.refreshing.now)
    rows = (row for document in all_days(view, query, today) for row in by_day(document))
    name = f"daily-{query.store_id}-{today}"
    return csv_response(DAILY_COLUMNS, rows, name, caller.if_none_match, None, REVALIDATED)
