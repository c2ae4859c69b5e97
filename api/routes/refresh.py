"""Asking for fresh daily forecasts, and how far they are."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from api.caller import Caller
from api.daily_shapes import AskedRefresh, NewRefresh, NewStoreRefresh, Refresh
from api.refresh.desk import Answer
from api.responses import json_response
from api.routes.documented import answers
from api.routes.products import Identifier

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["refresh"])

_ASKERS = ("merchant", "planner", "operator")
_ANSWERS: dict[int | str, dict[str, Any]] = {
    **answers(AskedRefresh, 400, 403, 404, 413),
    202: {"model": AskedRefresh, "description": "It runs; `Location` says how far it is"},
    200: {"model": AskedRefresh, "description": "Nothing has changed; what is served is told"},
}

RefreshId = Annotated[str, Path(min_length=1, max_length=100)]


@router.post(
    "/stores/{store_id}/refresh",
    status_code=202,
    responses=_ANSWERS,
)
def refresh_store(
    store_id: Identifier,
    caller: Annotated[Caller, Depends()],
    part: NewStoreRefresh | None = None,
) -> Response:
    """Ask for fresh forecasts of a store, of some of its products, or of a category.

    Whoever asks while it runs joins it.
    """
    by = caller.require(*_ASKERS)
    part = part or NewStoreRefresh()
    asked = caller.desk.refreshing.ask_store(
        caller.view, by, store_id, part.products, part.category
    )
    return _answered(asked)


@router.post(
    "/refresh",
    status_code=202,
    responses=_ANSWERS,
)
def refresh_stores(caller: Annotated[Caller, Depends()], what: NewRefresh) -> Response:
    """Ask for fresh forecasts of a region's stores, or of those named."""
    by = caller.require(*_ASKERS)
    return _answered(caller.desk.refreshing.ask_stores(caller.view, by, what.region, what.stores))


@router.get("/refreshes/{refresh_id}", responses=answers(Refresh, 400, 404))
def read_refresh(refresh_id: RefreshId, caller: Annotated[Caller, Depends()]) -> Response:
    """How far a refresh is, and how it ended."""
    return json_response(caller.desk.refreshing.status(caller.view, refresh_id))


def _answered(asked: Answer) -> Response:
    response = json_response(asked.document, asked.status)
    if asked.location is not None:
        response.headers["location"] = asked.location
    return response
