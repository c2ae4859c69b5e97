"""Made-up daily forecasts and refreshes for the OpenAPI description, by the code that makes real
ones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import orjson

from api.days import head_of
from api.refresh.documents import render_days
from api.refresh.words import describe
from api.render import Listing
from api.store.refreshes import RefreshRow
from forecasting.daily import DailyForecast

__all__ = ["refresh_examples"]

_KEY = ("M1", "S1", "MUG-GREEN")
_UNITS = [4, 4, 5, 5, 9, 11, 6]
"""A week of it, from Thursday on."""

_CUTOFF = date(2026, 11, 4)
_AT = datetime(2026, 11, 5, 8, 12, 44, tzinfo=UTC)


def refresh_examples() -> dict[str, dict[str, Any]]:
    """Examples by the name of their shape."""
    (document,) = render_days(
        [_made_up()], {_KEY: Listing("Green mug", 12.5, "active", 20)}, "", _AT
    )
    product = {**orjson.loads(document.json), "fresh": True}
    head = head_of("M1", "S1", "2026-11-05", [orjson.loads(document.sums)], None)
    running = RefreshRow(
        "5f2c7e01a3b4c6d8-0",
        "M1",
        "S1",
        "2026-11-05T08:12:31.250+00:00",
        state="training",
        done=120,
        of=480,
        trained=118,
        estimate_seconds=61.5,
        started_at="2026-11-05T08:12:31+00:00",
        data_until=_CUTOFF.isoformat(),
    )
    return {
        "DailyForecast": product,
        "DailyPage": {**head, "products": [product], "next": None},
        "Refresh": describe(running),
        "AskedRefresh": {**describe(running), "outcome": "joined"},
    }


def _made_up() -> DailyForecast:
    units = np.array(_UNITS, float)
    spread = np.array([[0.1], [0.25], [0.5]])
    days = [_CUTOFF - timedelta(days=27 - n) for n in range(28)]
    return DailyForecast(
        *_KEY,
        "kitchen",
        _CUTOFF,
        tuple(_CUTOFF + timedelta(days=1 + n) for n in range(len(_UNITS))),
        units,
        units * (1 - spread),
        units * (1 + spread),
        tuple((day, float(_UNITS[n % 7]), 0) for n, day in enumerate(days)),
        "prophet",
        "",
        _AT,
        trained=True,
    )
