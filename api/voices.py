"""What merchants say back: "this looks wrong", and their own number for a month.

Neither changes a forecast. Feedback is read by analysts beside the back-test; an adjustment is
shown beside the model's number, which it keeps together with the run, so that both can be scored
when the month is over.
"""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

import orjson

from api.errors import InvalidError, NotFoundError
from api.store.protocol import ForecastStore
from api.tokens import Principal
from api.view import MerchantView

__all__ = [
    "adjust",
    "adjustments_of",
    "every_voice",
    "feedback_of",
    "give_feedback",
    "undo_adjustment",
    "withdraw_feedback",
]


def give_feedback(
    view: MerchantView,
    by: Principal,
    store_id: str,
    product_id: str,
    verdict: str,
    note: str,
    month: date | None,
) -> dict[str, Any]:
    """Keep that a forecast looks wrong; answers the feedback as kept."""
    owner = view.require_product(store_id, product_id)
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    feedback_id = f"{at[:23]}-{secrets.token_hex(4)}"
    feedback = {
        "feedback_id": feedback_id,
        "at": at,
        "by": by.token_id,
        "run_id": view.edition.run_id,
        "merchant_id": owner[0],
        "store_id": store_id,
        "product_id": product_id,
        "month": month and month.isoformat(),
        "verdict": verdict,
        "note": note,
    }
    view.put_record("feedback", feedback_id, feedback, owner)
    view.note_change("feedback given", by, _about(feedback, "feedback_id"), owner)
    return feedback


def feedback_of(
    view: MerchantView, store_id: str | None = None, product_id: str | None = None
) -> list[dict[str, Any]]:
    """Feedback in view, the oldest first."""
    return view.records("feedback", store_id, product_id)


def withdraw_feedback(
    view: MerchantView, by: Principal, store_id: str, product_id: str, feedback_id: str
) -> None:
    """Take feedback back. Raises `NotFoundError` where there is none of that id."""
    owner = view.require_product(store_id, product_id)
    found = view.record("feedback", feedback_id)
    if found is None or (found["store_id"], found["product_id"]) != (store_id, product_id):
        raise NotFoundError(f"there is no feedback {feedback_id!r} on that product")
    view.delete_record("feedback", feedback_id)
    view.note_change("feedback withdrawn", by, _about(found, "feedback_id"), owner)


def adjust(
    view: MerchantView,
    by: Principal,
    store_id: str,
    product_id: str,
    month: date,
    units: float,
    note: str,
) -> dict[str, Any]:
    """Keep the merchant's own number for a month ahead, beside the model's.

    Raises `InvalidError` for a month that the forecast does not reach.
    """
    forecast = orjson.loads(view.forecast(store_id, product_id).json)
    if month.isoformat() not in forecast["months"]:
        raise InvalidError(
            f"month must be one that the forecast reaches, {forecast['months'][0]} to "
            f"{forecast['months'][-1]}; found {month.isoformat()}"
        )
    owner = (view.merchant_id, store_id, product_id)
    adjustment = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "by": by.token_id,
        "run_id": view.edition.run_id,
        "merchant_id": view.merchant_id,
        "store_id": store_id,
        "product_id": product_id,
        "month": month.isoformat(),
        "units": units,
        "units_forecast": forecast["units_forecast"][forecast["months"].index(month.isoformat())],
        "note": note,
    }
    view.put_record("adjustment", _place(store_id, product_id, month), adjustment, owner)
    view.note_change("adjustment made", by, _about(adjustment, "month", "units"), owner)
    return adjustment


def adjustments_of(
    view: MerchantView, store_id: str | None = None, product_id: str | None = None
) -> list[dict[str, Any]]:
    """Adjustments in view, by store, product and month."""
    return view.records("adjustment", store_id, product_id)


def undo_adjustment(
    view: MerchantView, by: Principal, store_id: str, product_id: str, month: date
) -> None:
    """Go back to the model's number. Raises `NotFoundError` where nothing was adjusted."""
    owner = view.require_product(store_id, product_id)
    if not view.delete_record("adjustment", _place(store_id, product_id, month)):
        raise NotFoundError(f"{month.isoformat()} of that product is not adjusted")
    about = {"store_id": store_id, "product_id": product_id, "month": month.isoformat()}
    view.note_change("adjustment undone", by, about, owner)


def every_voice(store: ForecastStore, kind: str) -> list[dict[str, Any]]:
    """All `feedback`, or every `adjustment`, of all merchants: for the analysts' report."""
    found: list[dict[str, Any]] = []
    after = ""
    while page := list(store.records(kind, after=after)):
        found += [document for _, document in page]
        after = page[-1][0]
    return found


def _place(store_id: str, product_id: str, month: date) -> str:
    return f"{quote(store_id, safe='')}/{quote(product_id, safe='')}/{month.isoformat()}"


def _about(record: dict[str, Any], *further: str) -> dict[str, Any]:
    return {name: record[name] for name in ("store_id", "product_id", *further)}
