"""The next seven days of a store and of a product: documents, totals, and whether they are fresh.

A forecast is fresh when it knows every day that is over in the store, by the store's own time. That
changes at midnight, so it is told with each answer and stands in no document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import zip_longest
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from api.cursors import cursor_of, place_of
from api.errors import BadRequestError
from api.render import etag_of, folded
from api.store.daily import DAILY_SORTS, DailyQuery, ListedDaily
from api.store.documents import Body
from api.view import MerchantView

__all__ = [
    "DayPage",
    "all_days",
    "by_day",
    "daily_query",
    "head_of",
    "product_days",
    "store_days",
    "store_today",
]

_DECIMALS = 3


class DayPage(NamedTuple):
    """A rendered page, and the cursor of the page after it."""

    body: Body
    following: str | None


def daily_query(
    store_id: str,
    products: Sequence[str],
    categories: Sequence[str],
    text: str,
    sort: str,
    limit: int,
) -> DailyQuery:
    """The query as the store takes it. Raises `BadRequestError` for an unknown sort."""
    if sort not in DAILY_SORTS:
        raise BadRequestError(f"sort must be one of {', '.join(DAILY_SORTS)}; found {sort!r}")
    return DailyQuery(
        store_id,
        tuple(sorted({*products})),
        tuple(sorted({*categories})),
        folded("".join(sign for sign in text if sign.isprintable()).strip()),
        sort,
        limit=limit,
    )


def store_today(view: MerchantView, store_id: str, now: datetime) -> str:
    """The day in the store's time zone. Raises `NotFoundError` where it is not in view."""
    zone = orjson.loads(view.require_store(store_id).json)["time_zone"]
    return now.astimezone(ZoneInfo(zone)).date().isoformat()


def product_days(view: MerchantView, store_id: str, product_id: str, now: datetime) -> Body:
    """The next days of one product. Raises `NotFoundError` where there are none."""
    awaited = _awaited(store_today(view, store_id, now))
    body = _told(view.daily(store_id, product_id), awaited)
    return Body(body, etag_of(body))


def store_days(view: MerchantView, query: DailyQuery, cursor: str | None, now: datetime) -> DayPage:
    """One page of a store's next days, with its totals.

    Raises `NotFoundError` where the store is not in view, `BadRequestError` for a cursor of
    another list.
    """
    today = store_today(view, query.store_id, now)
    place = _after_cursor(view.merchant_id, query, cursor) if cursor else None
    found = view.daily_page(replace(query, after=place, limit=query.limit + 1))
    following = None
    if len(found) > query.limit:
        found = found[: query.limit]
        following = _cursor_after(view.merchant_id, query, found[-1])
    sums = [orjson.loads(one) for one in view.daily_sums(query.store_id, query.categories)]
    running = [row.id for row in view.refreshes_of(query.store_id) if row.active]
    refresh_id = running[-1] if running else None
    head = head_of(view.merchant_id, query.store_id, today, sums, refresh_id)
    body = b"".join(
        (
            orjson.dumps(head)[:-1],
            b',"products":[',
            b",".join([_told(line.json, _awaited(today)) for line in found]),
            b'],"next":',
            orjson.dumps(following),
            b"}",
        )
    )
    return DayPage(Body(body, etag_of(body)), following)


def all_days(view: MerchantView, query: DailyQuery, today: str) -> Iterator[dict[str, Any]]:
    """The next days of every product that the query asks for, in its order; its limit is a step."""
    while found := view.daily_page(query):
        yield from (orjson.loads(_told(line.json, _awaited(today))) for line in found)
        query = replace(query, after=(found[-1].sort_key, found[-1].product_id))


def by_day(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One row for each day of a daily forecast."""
    bounds = [f"{side}{level}" for level in (50, 80, 95) for side in ("lo", "hi")]
    for i, day in enumerate(document["days"]):
        numbers = {name: document[name][i] for name in ("units_forecast", *bounds)}
        reason = document["reason"]
        yield {**document, "date": day, **numbers, "reason": reason["code"] if reason else ""}


def _awaited(today: str) -> str:
    """The latest day that is over."""
    return (date.fromisoformat(today) - timedelta(days=1)).isoformat()


def _told(document: bytes, awaited: str) -> bytes:
    """A document with whether it is fresh."""
    fresh = orjson.loads(document)["data_until"] >= awaited
    return document[:-1] + (b',"fresh":true}' if fresh else b',"fresh":false}')


def head_of(
    merchant_id: str,
    store_id: str,
    today: str,
    sums: Sequence[dict[str, Any]],
    refresh_id: str | None,
) -> dict[str, Any]:
    """What stands above the products of a page: the store, its totals, whether all is fresh."""
    data_until = min((one["data_until"] for one in sums), default=None)
    return {
        "merchant_id": merchant_id,
        "store_id": store_id,
        "today": today,
        "data_until": data_until,
        "trained_at": min((one["trained_at"] for one in sums), default=None),
        "fresh": data_until is not None and data_until >= _awaited(today),
        "refresh_id": refresh_id,
        "totals": _totals(sums),
    }


def _totals(sums: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums by day. Days ahead are those after the latest day that any product knows."""
    known = max((one["data_until"] for one in sums), default="")
    ahead = {
        day: units
        for day, units in _by_day((one["days"][0], one["units"]) for one in sums).items()
        if day > known
    }
    counted = _by_day((one["days"][0], [1] * len(one["days"])) for one in sums)
    recent = _by_day((one["recent_from"], one["recent"]) for one in sums)
    return {
        "products": len(sums),
        "days": sorted(ahead),
        "units_forecast": [round(ahead[day], _DECIMALS) for day in sorted(ahead)],
        "products_per_day": [int(counted[day]) for day in sorted(ahead)],
        "recent_days": sorted(recent),
        "recent_units": [round(recent[day], _DECIMALS) for day in sorted(recent)],
    }


def _by_day(vectors: Iterable[tuple[str, Sequence[float]]]) -> dict[str, float]:
    """The sum of each day over vectors that begin on a day; most begin on the same one."""
    sums: dict[str, list[float]] = {}
    for first, units in vectors:
        known = sums.get(first, [])
        sums[first] = [sum(pair) for pair in zip_longest(known, units, fillvalue=0.0)]
    found: dict[str, float] = {}
    for first, units in sums.items():
        start = date.fromisoformat(first)
        for offset, value in enumerate(units):
            day = (start + timedelta(days=offset)).isoformat()
            found[day] = found.get(day, 0.0) + value
    return found


def _cursor_after(merchant_id: str, query: DailyQuery, last: ListedDaily) -> str:
    return cursor_of(_parts(merchant_id, query), [last.sort_key, last.product_id])


def _after_cursor(merchant_id: str, query: DailyQuery, cursor: str) -> tuple[float | str, str]:
    types = (str if query.sort == "name" else int | float, str)
    sort_key, product_id = place_of(_parts(merchant_id, query), cursor, types)
    return sort_key, product_id


def _parts(merchant_id: str, query: DailyQuery) -> list[Any]:
    """What makes the list that a cursor belongs to."""
    return [
        merchant_id,
        query.store_id,
        query.products,
        query.categories,
        query.text,
        query.sort,
    ]
