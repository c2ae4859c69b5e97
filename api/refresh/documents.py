"""Daily forecasts as the query API answers them, rendered once as a refresh makes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

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
    units = [round(float(value), _DECIMALS) for value in forecast.units]
    bounds = {
        f"{side}{level}": [round(float(value), _DECIMALS) for value in values[number]]
        for number, level in enumerate(LEVELS)
        for side, values in (("lo", forecast.lower), ("hi", forecast.upper))
    }
    trained_at = (forecast.trained_at or made_at).isoformat(timespec="seconds")
    recent = {
        "first_day": forecast.recent[0][0].isoformat(),
        "units": [round(sold, _DECIMALS) for _, sold, _ in forecast.recent],
        "states": [STATES[state] for _, _, state in forecast.recent],
    }
    days = [day.isoformat() for day in forecast.dates]
    document = {
        "merchant_id": forecast.merchant_id,
        "store_id": forecast.store_id,
        "product_id": forecast.product_id,
        "name": name,
        "category": forecast.category,
        "data_until": forecast.cutoff_date.isoformat(),
        "trained_at": trained_at,
        "model": forecast.model,
        "reason": read_reason(forecast.reason),
        "days": days,
        "units_forecast": units,
        **bounds,
        "recent": recent,
    }
    sums = {
        "data_until": document["data_until"],
        "trained_at": trained_at,
        "days": days,
        "units": units,
        "recent_from": recent["first_day"],
        "recent": recent["units"],
    }
    return DailyDocument(
        *forecast.key,
        forecast.category,
        sum(units),
        folded(f"{name} {forecast.product_id} {forecast.category}"),
        stamp,
        orjson.dumps(sums),
        orjson.dumps(document),
    )
