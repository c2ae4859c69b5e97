"""Forecasts: of one product, and of a whole store, as JSON or CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Response

from api.caller import Caller
from api.render import etag_of
from api.responses import csv_response, document_response
from api.routes.documented import answers
from api.routes.products import Identifier
from api.shapes import Forecast, ForecastPage
from api.store.documents import Body
from api.vintage import BOUNDS

__all__ = ["FORECAST_COLUMNS", "router"]

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["forecasts"])

FORECAST_COLUMNS = (
    "run_id",
    "merchant_id",
    "store_id",
    "product_id",
    "name",
    "month",
    *BOUNDS,
    "money_forecast",
    "currency",
    "model",
    "confidence",
)
_AT_ONCE = 500

Format = Annotated[Literal["json", "csv"], Query()]


@router.get(
    "/products/{product_id:path}/forecast",
    responses=answers(Forecast, 400, 404, csv=True, cached=True),
)
def read_forecast(
    store_id: Identifier,
    product_id: Identifier,
    caller: Annotated[Caller, Depends()],
    format: Format = "json",
) -> Response:
    """The next months of one product, with intervals, history, and how the last ones did."""
    body = caller.view.forecast(store_id, product_id)
    if format == "json":
        return document_response(body, caller.if_none_match)
    document = orjson.loads(body.json)
    name = f"forecast-{store_id}-{product_id}-{document['run_id']}"
    return csv_response(FORECAST_COLUMNS, _by_month(document), name, caller.if_none_match)


@router.get("/forecasts", responses=answers(ForecastPage, 400, 404, csv=True, cached=True))
def read_store_forecasts(
    store_id: Identifier,
    caller: Annotated[Caller, Depends()],
    after: Annotated[str, Query(max_length=200, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=_AT_ONCE)] = 100,
    format: Format = "json",
) -> Response:
    """All forecasts of a store, by product id, page by page."""
    view = caller.view
    found = view.forecasts(store_id, after, limit + 1)
    following = found[limit - 1][0] if len(found) > limit else None
    documents = [body for _, body in found[:limit]]
    if format == "csv":
        rows = (row for body in documents for row in _by_month(orjson.loads(body)))
        name = f"forecasts-{store_id}-{view.edition.run_id}"
        headers = {"x-next-cursor": following.encode().decode("latin-1")} if following else {}
        return csv_response(FORECAST_COLUMNS, rows, name, caller.if_none_match, headers)
    body = b"".join(
        (
            b'{"run_id":',
            orjson.dumps(view.edition.run_id),
            b',"forecasts":[',
            b",".join(documents),
            b'],"next":',
            orjson.dumps(following),
            b"}",
        )
    )
    return document_response(Body(body, etag_of(body)), caller.if_none_match)


def _by_month(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row for each month of a forecast document."""
    vectors = ("units_forecast", *BOUNDS, "money_forecast")
    for i, month in enumerate(document["months"]):
        yield {**document, "month": month, **{name: document[name][i] for name in vectors}}
