"""Totals and accuracy: of the merchant, of a store, of a category within either."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api.caller import Caller
from api.responses import document_response
from api.routes.documented import answers
from api.routes.products import Identifier
from api.shapes import Accuracy, Totals

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["totals"])

Category = Annotated[str, Query(max_length=200, description="One category; empty: all")]


@router.get("/totals", responses=answers(Totals, 400, 403, 404, cached=True))
def read_totals(caller: Annotated[Caller, Depends()], category: Category = "") -> Response:
    """What all stores of the merchant add up to, month by month."""
    return document_response(caller.view.totals("", category), caller.if_none_match)


@router.get("/stores/{store_id}/totals", responses=answers(Totals, 400, 404, cached=True))
def read_store_totals(
    store_id: Identifier, caller: Annotated[Caller, Depends()], category: Category = ""
) -> Response:
    """What the products of a store add up to, month by month."""
    return document_response(caller.view.totals(store_id, category), caller.if_none_match)


@router.get("/accuracy", responses=answers(Accuracy, 400, 403, 404, cached=True))
def read_accuracy(caller: Annotated[Caller, Depends()], category: Category = "") -> Response:
    """How earlier forecasts of the merchant did against what was sold, by lead time."""
    return document_response(caller.view.accuracy("", category), caller.if_none_match)


@router.get("/stores/{store_id}/accuracy", responses=answers(Accuracy, 400, 404, cached=True))
def read_store_accuracy(
    store_id: Identifier, caller: Annotated[Caller, Depends()], category: Category = ""
) -> Response:
    """How earlier forecasts of a store did against what was sold, by lead time."""
    return document_response(caller.view.accuracy(store_id, category), caller.if_none_match)
