"""A refresh as people are told of it: its state as JSON, its reason in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.render import read_reason
from api.store.refreshes import RefreshRow

__all__ = ["describe", "describe_parts", "message_of"]

_WORDS = {
    "": "The sales up to {data_until} are in it.",
    "nothing_changed": "Nothing has changed: the sales up to {data_until} are in it already.",
    "source_unreachable": "The marketplace could not be reached, so {missing} day(s) are missing; "
    "the sales up to {data_until} are in it. Ask again in a minute.",
    "source_denied": "The marketplace refused the token, so {missing} day(s) are missing; the "
    "sales up to {data_until} are in it. Renew the token.",
    "backfill_needed": "No day of this store was ever pulled; back-fill it first.",
    "no_daily_sales": "There are no daily sales to forecast from.",
    "store_unknown": "The store is not registered.",
    "worker_lost": "The worker was lost {times} times over it; operators were told why.",
    "failed": "It went wrong on our side: {error}.",
    "queued": "It waits for a worker.",
    "pulling": "The days that are missing are pulled from the marketplace.",
    "training": "New forecasts appear as they are made.",
}


def message_of(row: RefreshRow) -> str:
    """Where the refresh stands, or how it ended, in a sentence."""
    reason = read_reason(row.reason) if not row.active else None
    code = row.state if row.active else reason["code"] if reason else ""
    known = {"missing": "some", "times": "several", "error": "see the log"}
    parameters = reason["parameters"] if reason else {}
    until = row.data_until or "now"
    return _WORDS.get(code, "{data_until}").format(**{**known, "data_until": until, **parameters})


def describe(row: RefreshRow) -> dict[str, Any]:
    """One refresh of one store, as the API answers it."""
    return {
        "id": row.id or None,
        "state": row.state,
        "scope": {
            "merchant_id": row.merchant_id,
            "stores": [row.store_id],
            "region": row.region,
            "category": row.category,
            "products": list(row.products) if row.products is not None else None,
        },
        "done": row.done,
        "of": row.of,
        "trained": row.trained,
        "estimate_seconds": _rounded(row.estimate_seconds if row.active else 0.0),
        "requested_at": row.requested_at or None,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "data_until": row.data_until,
        "reason": read_reason(row.reason),
        "message": message_of(row),
    }


def describe_parts(row: RefreshRow, parts: Sequence[RefreshRow]) -> dict[str, Any]:
    """A refresh of several stores: sums over its parts, and the state of them all."""
    told = [describe(part) for part in parts]
    failed = [part for part in told if part["state"] == "failed"]
    ended = all(not part.active for part in parts)
    untils = [part["data_until"] for part in told if part["data_until"]]
    estimates = [part["estimate_seconds"] for part in told]
    scope = {**describe(row)["scope"], "stores": sorted(part.store_id for part in parts)}
    return {
        "id": row.id or None,
        "state": _common_state([part["state"] for part in told]),
        "scope": scope,
        "done": sum(part["done"] for part in told),
        "of": None if any(part["of"] is None for part in told) else sum(p["of"] for p in told),
        "trained": sum(part["trained"] for part in told),
        "estimate_seconds": None if None in estimates else _rounded(sum(estimates)),
        "requested_at": row.requested_at or None,
        "started_at": min((p["started_at"] for p in told if p["started_at"]), default=None),
        "finished_at": max((p["finished_at"] for p in told), default=None) if ended else None,
        "data_until": min(untils, default=None),
        "reason": failed[0]["reason"] if failed else told[0]["reason"] if ended and told else None,
        "message": "; ".join(f"{part['scope']['stores'][0]}: {part['message']}" for part in told),
    }


def _common_state(states: Sequence[str]) -> str:
    for state in ("training", "pulling"):
        if state in states:
            return state
    if "queued" in states:
        return "queued" if not {"done", "failed"} & {*states} else "training"
    return "failed" if states and all(state == "failed" for state in states) else "done"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
