"""For those who run it: is it alive, is it ready, its metrics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.caller import Caller
from api.errors import NoRunError
from api.responses import json_response
from api.routes.documented import answers
from api.shapes import Health, Trail

__all__ = ["router"]

router = APIRouter(tags=["operations"])


@router.get("/healthz", responses={200: {"model": Health, "description": "The process lives"}})
async def healthz() -> Response:
    """Whether this process answers; asks nothing else."""
    return json_response({"status": "ok"})


@router.get(
    "/readyz",
    responses={
        200: {"model": Health, "description": "The store answers and its run is fresh"},
        503: answers(None)[503],
    },
)
def readyz(request: Request) -> Response:
    """Whether the store answers and serves a run published within `STORECAST_FRESH_DAYS`."""
    desk = request.app.state.desk
    desk.store.ping()
    edition = desk.store.current()
    if edition is None:
        raise NoRunError("no run has been published yet")
    age = datetime.now(UTC) - datetime.fromisoformat(str(edition.published_at))
    if age > timedelta(days=desk.settings.fresh_days):
        raise NoRunError(
            f"run {edition.run_id} was published {age.days} days ago, more than the "
            f"{desk.settings.fresh_days} of STORECAST_FRESH_DAYS; see the monthly DAG"
        )
    return json_response({"status": "ready", "run_id": edition.run_id})


@router.get("/v1/audit", responses=answers(Trail, 403))
def read_audit_trail(
    caller: Annotated[Caller, Depends()],
    after: Annotated[str, Query(max_length=200, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Who changed what, the oldest first; needs an operator's token."""
    caller.require("operator")
    return json_response(caller.trail(after, limit))


@router.get(
    "/metrics",
    responses={
        **answers(None, 403),
        200: {
            "description": "Figures in Prometheus' text format",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    },
)
def metrics(caller: Annotated[Caller, Depends()], request: Request) -> Response:
    """Requests, durations, the run and refreshes, for Prometheus; needs an operator's token."""
    caller.require("operator")
    store = caller.desk.store
    body = request.app.state.metrics.exposition(store.current(), store.refreshes.active())
    return Response(body, media_type=CONTENT_TYPE_LATEST, headers={"cache-control": "no-store"})
