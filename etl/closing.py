"""When a month may close: its days are complete, or a person says that it may close without some.

`gather` collects what a month is made from and refuses where something is missing. A gap that a
person accepted is written down with its reason, by store and day, and stays visible in the month's
manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from etl.errors import IncompleteError, InputError
from etl.lake import Lake
from etl.ledger import (
    DayManifest,
    day_folder,
    days_between,
    first_day,
    month_days,
    previous_month,
    read_days,
)
from etl.registry import Store

__all__ = [
    "MonthInputs",
    "StoreKey",
    "accept_gaps",
    "accepted_days",
    "first_days",
    "gather",
    "surroundings_of",
]

_VERSION = 1
"""Counted up when the way a month is made changes, so that every month is made again."""

StoreKey = tuple[str, str]
Gaps = dict[StoreKey, list[date]]


@dataclass(frozen=True)
class MonthInputs:
    """What a month is made from: its store-days, and the partition of the month before."""

    month: date
    stores: Sequence[Store]
    days: Sequence[DayManifest]
    previous: dict[str, Any] | None
    begun: dict[StoreKey, date]
    accepted_gaps: dict[str, list[str]] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Equal where the same partition would come out."""
        keys = self.previous["keys"] if self.previous else None
        content = [_VERSION, keys, self.accepted_gaps, [day.content for day in self.days]]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def surroundings(self) -> dict[str, str | None]:
        """What the month depends on beside its own store-days, as its manifest keeps it."""
        return surroundings_of(self.month, self.stores, self.begun, self.previous)

    def line_files(self) -> list[str]:
        """Paths of the month's ORDER_LINES."""
        stores = {_key(store): store for store in self.stores}
        return [
            f"{day_folder(stores[_key(day)], day.day)}/{day.files['lines']}"
            for day in self.days
            if "lines" in day.files
        ]


def first_days(lake: Lake, stores: Sequence[Store]) -> dict[StoreKey, date]:
    """The first pulled day of each store; a store that was never pulled is left out."""
    days = {_key(store): first_day(lake, store) for store in stores}
    return {key: day for key, day in days.items() if day is not None}


def surroundings_of(
    month: date,
    stores: Sequence[Store],
    begun: dict[StoreKey, date],
    previous: dict[str, Any] | None,
) -> dict[str, str | None]:
    """Which stores have which days to come, and the keys of the month before.

    Where they are as they were, and no day was written since, the month need not be looked at.
    """
    days = [[store.source, *_key(store), str(_start(month, store, begun))] for store in stores]
    scope = hashlib.sha256(json.dumps(days).encode()).hexdigest()
    return {"scope": scope, "keys_before": previous["keys"] if previous else None}


def gather(
    lake: Lake,
    month: date,
    stores: Sequence[Store],
    begun: dict[StoreKey, date],
    manifest_of: Callable[[Lake, date], dict[str, Any] | None],
) -> MonthInputs:
    """Everything that `month` is made from; `manifest_of` a month tells whether it is built.

    Raises `IncompleteError` where days are missing that nobody accepted, or where the month before
    is not built.
    """
    days = read_days(lake, stores, days_between(*month_days(month)))
    gaps = _gaps(month, stores, days, begun)
    accepted = accepted_days(lake, month)
    _refuse_gaps(month, {key: _without(accepted, key, gap) for key, gap in gaps.items()}, stores)
    before = previous_month(month)
    previous = manifest_of(lake, before)
    if previous is None and begun and min(begun.values()) < month:
        raise IncompleteError(
            f"{month:%Y-%m} is not built: the month before is not, and a product keeps its row "
            f"from month to month; run `python -m etl monthly --month {before:%Y-%m}` first"
        )
    open_days = {"/".join(key): [str(day) for day in gap] for key, gap in gaps.items()}
    return MonthInputs(month, stores, days, previous, begun, open_days)


def accept_gaps(lake: Lake, month: date, stores: Sequence[Store], reason: str) -> Gaps:
    """Let `month` close without the days that are missing now; returns them by store.

    Raises `InputError` where no reason is given. Days that go missing later are not covered.
    """
    if not reason.strip():
        raise InputError(f"to close {month:%Y-%m} without its missing days, say why")
    days = read_days(lake, stores, days_between(*month_days(month)))
    gaps = _gaps(month, stores, days, first_days(lake, stores))
    document = {
        "reason": reason.strip(),
        "days": {"/".join(key): [str(day) for day in gap] for key, gap in gaps.items()},
    }
    lake.write_json(_accepted_path(month), document)
    return gaps


def accepted_days(lake: Lake, month: date) -> dict[str, set[str]]:
    """The days without which `month` may close, by merchant/store."""
    path = _accepted_path(month)
    days = lake.read_json(path)["days"] if lake.exists(path) else {}
    return {store: set(gap) for store, gap in days.items()}


def _without(accepted: dict[str, set[str]], key: StoreKey, gap: list[date]) -> list[date]:
    known = accepted.get("/".join(key), set())
    return [day for day in gap if str(day) not in known]


def _gaps(
    month: date,
    stores: Sequence[Store],
    days: Sequence[DayManifest],
    begun: dict[StoreKey, date],
) -> Gaps:
    """Days without a complete pull, by store, from the store's first pulled day on."""
    last = month_days(month)[1]
    there = {(*_key(day), day.day) for day in days if day.complete}
    gaps: Gaps = {}
    for store in stores:
        awaited = days_between(_start(month, store, begun), last)
        missing = [day for day in awaited if (*_key(store), day) not in there]
        if missing:
            gaps[_key(store)] = missing
    return gaps


def _start(month: date, store: Store, begun: dict[StoreKey, date]) -> date:
    """The first day of the month that the store must have: its first of all, if that is later."""
    first = month.replace(day=1)
    return max(first, begun.get(_key(store), first))


def _refuse_gaps(month: date, gaps: Gaps, stores: Sequence[Store]) -> None:
    first, last = month_days(month)
    open_stores = [f"{'/'.join(key)}: {_in_words(gap)}" for key, gap in gaps.items() if gap]
    if open_stores:
        raise IncompleteError(
            f"{month:%Y-%m} is not closed: days are missing, or were pulled before they were "
            f"over, in {len(open_stores)} of {len(stores)} stores ({'; '.join(open_stores[:5])}); "
            f"pull them with `python -m etl ingest --from {first} --to {last}`, or close the month "
            f"without them with `python -m etl monthly --month {month:%Y-%m} --without-missing "
            "REASON`"
        )


def _in_words(days: list[date]) -> str:
    if len(days) <= 3:
        return ", ".join(map(str, days))
    return f"{len(days)} days from {days[0]} to {days[-1]}"


def _accepted_path(month: date) -> str:
    return f"accepted_gaps/month={month:%Y-%m}.json"


def _key(one: Store | DayManifest) -> StoreKey:
    return (one.merchant_id, one.store_id)
