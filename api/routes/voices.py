"""Feedback on forecasts and the merchant's own numbers: given, listed, taken back."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api.caller import Caller
from api.responses import json_response
from api.routes.documented import answers
from api.routes.products import Identifier
from api.shapes import (
    Adjustment,
    AdjustmentList,
    Feedback,
    FeedbackList,
    NewAdjustment,
    NewFeedback,
)
from api.voices import (
    adjust,
    adjustments_of,
    feedback_of,
    give_feedback,
    undo_adjustment,
    withdraw_feedback,
)

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["feedback"])

_PRODUCT = "/stores/{store_id}/products/{product_id:path}"
_WRITERS = ("merchant", "planner")

Month = Annotated[date, Path(description="First day of the month, as in 2026-11-01")]
AskedStore = Annotated[
    str | None, Query(min_length=1, max_length=200, description="Only this store")
]


@router.get("/feedback", responses=answers(FeedbackList, 400, 404))
def list_feedback(caller: Annotated[Caller, Depends()], store_id: AskedStore = None) -> Response:
    """Feedback on all the caller's products, the oldest first."""
    return json_response({"feedback": feedback_of(caller.view, store_id)})


@router.get(f"{_PRODUCT}/feedback", responses=answers(FeedbackList, 400, 404))
def list_product_feedback(
    store_id: Identifier, product_id: Identifier, caller: Annotated[Caller, Depends()]
) -> Response:
    """Feedback on one product, the oldest first."""
    view = caller.view
    view.require_product(store_id, product_id)
    return json_response({"feedback": feedback_of(view, store_id, product_id)})


@router.post(
    f"{_PRODUCT}/feedback",
    status_code=201,
    responses=answers(Feedback, 400, 403, 404, 413, status=201),
)
def add_feedback(
    store_id: Identifier,
    product_id: Identifier,
    feedback: NewFeedback,
    caller: Annotated[Caller, Depends()],
) -> Response:
    """Say that a forecast looks wrong; for merchants and planners."""
    by = caller.require(*_WRITERS)
    given = give_feedback(
        caller.view, by, store_id, product_id, feedback.verdict, feedback.note, feedback.month
    )
    return json_response(given, 201)


@router.delete(
    f"{_PRODUCT}/feedback/{{feedback_id}}",
    status_code=204,
    responses=answers(None, 400, 403, 404),
)
def remove_feedback(
    store_id: Identifier,
    product_id: Identifier,
    feedback_id: Identifier,
    caller: Annotated[Caller, Depends()],
) -> Response:
    """Take feedback back."""
    by = caller.require(*_WRITERS)
    withdraw_feedback(caller.view, by, store_id, product_id, feedback_id)
    return Response(status_code=204)


@router.get("/adjustments", responses=answers(AdjustmentList, 400, 404))
def list_adjustments(caller: Annotated[Caller, Depends()], store_id: AskedStore = None) -> Response:
    """The merchant's own numbers, by store, product and month."""
    return json_response({"adjustments": adjustments_of(caller.view, store_id)})


@router.get(f"{_PRODUCT}/adjustments", responses=answers(AdjustmentList, 400, 404))
def list_product_adjustments(
    store_id: Identifier, product_id: Identifier, caller: Annotated[Caller, Depends()]
) -> Response:
    """The merchant's own numbers for one product, by month."""
    view = caller.view
    view.require_product(store_id, product_id)
    return json_response({"adjustments": adjustments_of(view, store_id, product_id)})


@router.put(f"{_PRODUCT}/adjustments/{{month}}", responses=answers(Adjustment, 400, 403, 404, 413))
def put_adjustment(
    store_id: Identifier,
    product_id: Identifier,
    month: Month,
    adjustment: NewAdjustment,
    caller: Annotated[Caller, Depends()],
) -> Response:
    """Put one's own number beside the model's for a month ahead; for merchants and planners."""
    by = caller.require(*_WRITERS)
    made = adjust(caller.view, by, store_id, product_id, month, adjustment.units, adjustment.note)
    return json_response(made)


@router.delete(
    f"{_PRODUCT}/adjustments/{{month}}",
    status_code=204,
    responses=answers(None, 400, 403, 404),
)
def delete_adjustment(
    store_id: Identifier,
    product_id: Identifier,
    month: Month,
    caller: Annotated[Caller, Depends()],
) -> Response:
    """Go back to the model's number."""
    by = caller.require(*_WRITERS)
    undo_adjustment(caller.view, by, store_id, product_id, month)
    return Response(status_code=204)
