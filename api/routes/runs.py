"""Runs: the one that is served, and those kept for going back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api.caller import Caller
from api.responses import json_response
from api.routes.documented import answers
from api.shapes import CurrentRun, RunList

__all__ = ["router"]

router = APIRouter(prefix="/v1/runs", tags=["runs"])


@router.get("/current", responses=answers(CurrentRun))
def read_current_run(caller: Annotated[Caller, Depends()]) -> Response:
    """The run whose forecasts are served."""
    return json_response(caller.current_run())


@router.get("", responses=answers(RunList, 403))
def list_runs(caller: Annotated[Caller, Depends()]) -> Response:
    """Published runs that are kept, the oldest first; for analysts and operators."""
    caller.require("analyst", "operator")
    return json_response({"runs": caller.runs()})
