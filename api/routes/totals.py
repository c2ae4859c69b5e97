"""Totals and accuracy: of the merchant, of a store, of a category within either; JSON or CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Response

from api.caller import Caller
from api.responses import csv_response, document_response
from api.routes.documented import answers
from api.routes.forecasts import Format
from api.routes.products import Identifier
from api.shapes import Accuracy, LeadTime, Totals
from api.store.documents import Body
from api.vintage import BOUNDS

__all__ = ["ACCURACY_COLUMNS", "TOTALS_COLUMNS", "router"]

router = APIRouter(prefix="/v1", tags=["totals"])

_PART = ("run_id", "merchant_id", "store_id", "category")
TOTALS_COLUMNS = (*_PART, "month", *BOUNDS)
"""Beside these, `money_` and the currency for each currency that the products are sold in."""

ACCURACY_COLUMNS = (*_PART, *LeadTime.model_fields)

Category = Annotated[str, Query(max_length=200, description="One category; empty: all")]


@router.get("/totals", responses=answers(Totals, 400, 403, 404, csv=True, cached=True))
def read_totals(
    caller: Annotated[Caller, Depends()], category: Category = "", format: Format = "json"
) -> Response:
    """What the products known today add up to in all stores of the merchant, month by month."""
    return _totals_response(caller, caller.view.totals("", category), format)


@router.get("/stores/{store_id}/totals", responses=answers(Totals, 400, 404, csv=True, cached=True))
def read_store_totals(
    store_id: Identifier,
    caller: Annotated[Caller, Depends()],
    category: Category = "",
    format: Format = "json",
) -> Response:
    """What the products of a store that are known today add up to, month by month."""
    return _totals_response(caller, caller.view.totals(store_id, category), format)


@router.get("/accuracy", responses=answers(Accuracy, 400, 403, 404, csv=True, cached=True))
def read_accuracy(
    caller: Annotated[Caller, Depends()], category: Category = "", format: Format = "json"
) -> Response:
    """How earlier forecasts of the merchant did against what was sold, by lead time."""
    return _accuracy_response(caller, caller.view.accuracy("", category), format)


@router.get(
    "/stores/{store_id}/accuracy", responses=answers(Accuracy, 400, 404, csv=True, cached=True)
)
def read_store_accuracy(
    store_id: Identifier,
    caller: Annotated[Caller, Depends()],
    category: Category = "",
    format: Format = "json",
) -> Response:
    """How earlier forecasts of a store did against what was sold, by lead time."""
    return _accuracy_response(caller, caller.view.accuracy(store_id, category), format)


def _totals_response(caller: Caller, body: Body, format: str) -> Response:
    if format == "json":
        return document_response(body, caller.if_none_match)
    document = orjson.loads(body.json)
    columns = (*TOTALS_COLUMNS, *(f"money_{currency}" for currency in document["money_forecast"]))
    return csv_response(
        columns, _by_month(document), _name("totals", document), caller.if_none_match
    )


def _accuracy_response(caller: Caller, body: Body, format: str) -> Response:
    if format == "json":
        return document_response(body, caller.if_none_match)
    document = orjson.loads(body.json)
    rows = ({**document, **lead_time} for lead_time in document["by_lead_time"])
    name = _name("accuracy", document)
    return csv_response(ACCURACY_COLUMNS, rows, name, caller.if_none_match)


def _by_month(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row for each month of a totals document; a bound that is not known stays empty."""
    for i, month in enumerate(document["months"]):
        units = {name: document[name] and document[name][i] for name in BOUNDS}
        money = {f"money_{c}": values[i] for c, values in document["money_forecast"].items()}
        yield {**document, "month": month, **units, **money}


def _name(kind: str, document: Mapping[str, Any]) -> str:
    parts = (kind, document["store_id"], document["category"], document["run_id"])
    return "-".join(part for part in parts if part)
