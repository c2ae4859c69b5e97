"""What was wrong with the data of a month: lines refused, documents that drifted, days missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from etl.lake import Lake
from etl.ledger import days_between, first_day, month_days, read_days
from etl.registry import Store

__all__ = ["month_quality"]

_NAMED = 5
"""Stores that are named, those with most."""


def month_quality(lake: Lake, stores: Iterable[Store], month: date) -> list[dict[str, Any]]:
    """Rows with `what`, `count` and `where`, the stores with most; the analysts' report shows them.

    Order lines refused, by reason code; fields in which documents differed from their documented
    shape; store-days without a complete pull. What did not happen counts 0 and is told too.
    """
    refused: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    drifted: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for store in stores:
        name = f"{store.merchant_id} / {store.store_id}"
        start, end = month_days(month)
        days = days_between(max(start, first_day(lake, store) or start), end)
        manifests = read_days(lake, [store], days)
        for day in manifests:
            for code, counts in day.refused.items():
                refused[name] += counts["lines"]
                codes[code] += counts["lines"]
            drifted[name] += sum(day.drift.values())
        missing[name] += len(days) - sum(day.complete for day in manifests)
    why = [f"{code} {count}" for code, count in sorted(codes.items())]
    return [
        _row("order lines refused", refused, why),
        _row("fields that differed from the documented shape", drifted),
        _row("store-days without a complete pull", missing),
    ]


def _row(what: str, found: Counter[str], why: Iterable[str] = ()) -> dict[str, Any]:
    named = [f"{name}: {count}" for name, count in found.most_common(_NAMED) if count]
    return {"what": what, "count": found.total(), "where": "; ".join([*why, *named])}
