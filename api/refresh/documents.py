"""Daily forecasts as the query API answers them, rendered once as a refresh makes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson

from api.render import Listing, folded, read_reason
from api.store.daily import DailyDocument
from forecasting.daily import DailyForecast
from forecasting.forecaster import LEVELS

__all__ = ["STATES", "render_days", "stamp_of"]

STATES = ("on_sale", "shelf_empty", "closed", "unknown")
"""States of a day by their number in DAILY_SERIES."""

_DECIMALS = 3


def stamp_of(watermark: str, configuration: str) -> str:
    """What a daily document was made from: the data, and what shapes a forecast."""
    return f"{watermark}.{configuration}"


def render_days(
    forecasts: Iterable[DailyForecast],
    listings: Mapping[tuple[str, str, str], Listing],
    stamp: str,
    made_at: datetime,
) -> list[DailyDocument]:
    """One document for each series; `made_at` stands where a model does not tell its training."""
    return [_render(one, listings.get(one.key), stamp, made_at) for one in forecasts]


def _render(
    forecast: DailyForecast, listing: Listing | None, stamp: str, made_at: datetime
) -> DailyDocument:
    name = listing.name if listing else forecast.product_id
    document = _document(forecast, name, made_at)
    return DailyDocument(
        *forecast.key,
        forecast.category,
        sum(document["units_forecast"]),
        folded(f"{name} {forecast.product_id} {forecast.category}"),
        stamp,
        orjson.dumps(_sums(document)),
        orjson.dumps(document),
    )


def _document(forecast: DailyForecast, name: str, made_at: datetime) -> dict[str, Any]:
    """What a product's page is told."""
    bounds = {
        f"{side}{level}": _rounded(values[number])
        for number, level in enumerate(LEVELS)
        for side, values in (("lo", forecast.lower), ("hi", forecast.upper))
    }
    return {
        "merchant_id": forecast.merchant_id,
        "store_id": forecast.store_id,
        "product_id": forecast.product_id,
        "name": name,
        "category": forecast.category,
        "data_until": forecast.cutoff_date.isoformat(),
        "trained_at": (forecast.trained_at or made_at).isoformat(timespec="seconds"),
        "model": forecast.model,
        "reason": read_reason(forecast.reason),
        "days": [day.isoformat() for day in forecast.dates],
        "units_forecast": _rounded(forecast.units),
        **bounds,
        "recent": {
            "first_day": forecast.recent[0][0].isoformat(),
            "units": _rounded(sold for _, sold, _ in forecast.recent),
            "states": [STATES[state] for _, _, state in forecast.recent],
        },
    }


def _sums(document: dict[str, Any]) -> dict[str, Any]:
    """What a store's totals are added up from."""
    return {
        "data_until": document["data_until"],
        "trained_at": document["trained_at"],
        "days": document["days"],
        "units": document["units_forecast"],
        "recent_from": document["recent"]["first_day"],
        "recent": document["recent"]["units"],
    }


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), _DECIMALS) for value in values]
