"""Forecast documents, rendered once when a run is published and handed out as they are.

A document is what the query API answers for one product: the months ahead with their intervals,
model, reason, confidence, money, the recent history, and how the last forecasts did. Its *line* is
the shorter JSON that stands in lists of products.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import orjson

from api.attention import attention
from api.confidence import confidence
from api.past import accuracy_of
from api.store.documents import UNKNOWN, ForecastDocument
from api.vintage import BOUNDS, Run, ShardForecasts

__all__ = ["HISTORY_MONTHS", "Listing", "etag_of", "folded", "read_reason", "render_forecasts"]

HISTORY_MONTHS = 36
_YEAR = 12
_DECIMALS = 3
_NEXT_PARAMETER = re.compile(r"\s+(?=\w+=)")


@dataclass(frozen=True)
class Listing:
    """What the registry knows of a product, as last seen."""

    name: str
    price: float | None
    status: str
    stock_on_hand: int | None


def render_forecasts(
    run: Run,
    forecasts: ShardForecasts,
    listings: Mapping[tuple[str, str, str], Listing],
    past: Mapping[tuple[str, str, str], Sequence[dict[str, Any]]],
    corrections: Mapping[tuple[str, str, str], Sequence[dict[str, Any]]] = MappingProxyType({}),
) -> list[ForecastDocument]:
    """One document for each series, in order."""
    numbers = {name: forecasts.numbers[name].round(_DECIMALS).tolist() for name in BOUNDS}
    volumes = forecasts.numbers["units_forecast"].sum(axis=1).tolist()
    widths = (forecasts.numbers["hi80"] - forecasts.numbers["lo80"]).sum(axis=1).tolist()
    months = [month.isoformat() for month in forecasts.months]
    money = _money_of(forecasts)
    of_run = {"run_id": run.run_id, "cutoff_month": run.cutoff_month.isoformat()}
    opening = orjson.dumps(of_run)[:-1]
    return [
        _render(
            opening,
            months,
            {name: rows[i] for name, rows in numbers.items()},
            money[i],
            volumes[i],
            widths[i],
            forecasts.models[i],
            forecasts.reasons[i],
            forecasts.series[i],
            listings.get(key),
            past.get(key, ()),
            corrections.get(key, ()),
        )
        for i, key in enumerate(forecasts.keys)
    ]


def _render(
    opening: bytes,
    months: list[str],
    numbers: dict[str, list[float]],
    money: list[float | None],
    volume: float,
    width: float,
    model: str,
    reason: str,
    series: dict[str, Any],
    listing: Listing | None,
    past: Sequence[dict[str, Any]],
    corrections: Sequence[dict[str, Any]],
) -> ForecastDocument:
    price = series["mean_net_price"]
    history: list[int] = series["units_sold"]
    accuracy = accuracy_of(past) if past else None
    risk = width / volume if volume > 0 else None
    name = listing.name if listing else series["product_id"]
    last_year = sum(history[-_YEAR:]) if len(history) >= _YEAR else None
    change = volume / last_year - 1 if last_year and len(months) == _YEAR else None
    about = {
        "merchant_id": series["merchant_id"],
        "store_id": series["store_id"],
        "product_id": series["product_id"],
        "name": name,
        "category": series["category"],
        "currency": series["currency"],
        "model": model,
        "reason": read_reason(reason),
        "confidence": confidence(risk, len(history), accuracy["wape"] if accuracy else None),
        "active": series["active"],
        "stock_on_hand": listing.stock_on_hand if listing else None,
        "horizon_units": round(volume, _DECIMALS),
        "horizon_money": _money(volume, price),
        "units_last_year": last_year,
        "change_on_last_year": None if change is None else round(change, 4),
    }
    about["attention"] = attention(about, numbers, history, past, price)
    document = {
        "price": listing.price if listing else None,
        "status": listing.status if listing else None,
        "mean_net_price": None if price is None else round(price, 4),
        "months": months,
        **numbers,
        "money_forecast": money,
        "history": _recent(series, corrections),
        "accuracy": accuracy and {**accuracy, "months": list(past)},
    }
    line = {
        "next_month": months[0],
        "next_units_forecast": numbers["units_forecast"][0],
        "next_lo80": numbers["lo80"][0],
        "next_hi80": numbers["hi80"][0],
        "recent_units": history[-_YEAR:],
        "units_forecast": numbers["units_forecast"],
    }
    # Joined, because what orjson answers keeps some pages of memory each, however short it is.
    shared = orjson.dumps(about)[1:-1]
    body = b",".join((opening, shared, orjson.dumps(document)[1:]))
    return ForecastDocument(
        series["merchant_id"],
        series["store_id"],
        series["product_id"],
        series["category"],
        about["confidence"],
        volume,
        UNKNOWN if change is None else change,
        UNKNOWN if change is None else -change,
        UNKNOWN if risk is None else risk,
        about["attention"]["money_at_stake"] if about["attention"] else 0.0,
        folded(f"{name} {series['product_id']} {series['category']}"),
        b",".join((b"{" + shared, orjson.dumps(line)[1:])),
        etag_of(body),
        body,
    )


def etag_of(body: bytes) -> str:
    """The weak entity tag of a body: the same whether it is sent compressed or not."""
    return f'W/"{hashlib.blake2b(body, digest_size=9).hexdigest()}"'


def folded(text: str) -> str:
    """`text` without case and accents, as search compares it.

    >>> folded("Café MOLIDO")
    'cafe molido'
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def read_reason(reason: str) -> dict[str, Any] | None:
    """A reason code with its parameters, for clients to put into words; None where there is none.

    >>> read_reason("short_history months=4 donor=Green mug")
    {'code': 'short_history', 'parameters': {'months': '4', 'donor': 'Green mug'}}
    """
    if not reason:
        return None
    code, *parameters = _NEXT_PARAMETER.split(reason.strip())
    return {"code": code, "parameters": dict(p.split("=", 1) for p in parameters)}


def _money_of(forecasts: ShardForecasts) -> list[list[float | None]]:
    """Units times price by month; a list of None where no price is known."""
    prices = [series["mean_net_price"] for series in forecasts.series]
    known = np.array([np.nan if price is None else price for price in prices], float)
    money = (forecasts.numbers["units_forecast"] * known[:, None]).round(2).tolist()
    unknown: list[float | None] = [None] * len(forecasts.months)
    return [unknown if price is None else row for row, price in zip(money, prices, strict=True)]


def _money(units: float, price: float | None) -> float | None:
    return None if price is None else round(units * price, 2)


def _recent(series: Mapping[str, Any], corrections: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The last three years of a history, or all of a shorter one, as sold and as corrected."""
    units, first_month = series["units_sold"], series["first_month"]
    skipped = max(0, len(units) - HISTORY_MONTHS)
    first_shown = _month_at(first_month, skipped)
    return {
        "first_month": first_shown,
        "units_sold": units[skipped:],
        "shelf_empty": _shelf_empty(series["empty_shelves"], first_month, skipped),
        "corrected": corrections and [one for one in corrections if one["month"] >= first_shown],
    }


def _shelf_empty(
    days: Mapping[int, int] | None, first_month: date, skipped: int
) -> list[dict[str, Any]] | None:
    """Months with an empty shelf; None where nobody tells."""
    if not days:
        return None if days is None else []
    return [
        {"month": _month_at(first_month, place), "days": count}
        for place, count in sorted(days.items())
        if place >= skipped
    ]


@lru_cache(maxsize=4096)
def _month_at(first_month: date, place: int) -> str:
    """The month so many after the first, as JSON has it."""
    months = first_month.year * 12 + first_month.month - 1 + place
    return date(months // 12, months % 12 + 1, 1).isoformat()
