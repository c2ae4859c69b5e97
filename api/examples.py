"""Examples in the OpenAPI description: a made-up product, rendered as a published one is.

They come from the very code that renders documents, so that they cannot drift from them.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import orjson

from api.refresh.examples import refresh_examples
from api.render import Listing, render_forecasts
from api.shapes import Store
from api.store.documents import ForecastDocument
from api.totals import Totals
from api.vintage import Run, ShardForecasts

__all__ = ["add_examples"]

_RUN = Run("2026-10.1", date(2026, 10, 1), "ensemble", "5f2c…", ())
_KEY = ("M1", "S1", "MUG-GREEN")
_LAST_YEAR = [31, 28, 30, 33, 35, 34, 38, 36, 33, 37, 41, 52]


def _made_up() -> tuple[ShardForecasts, ForecastDocument]:
    """A product with two years of history, forecast a little above the last one."""
    units = np.array([_LAST_YEAR], float) * 1.06
    spread = {"50": 0.1, "80": 0.2, "95": 0.35}
    numbers = {"units_forecast": units}
    for level, share in spread.items():
        numbers[f"lo{level}"], numbers[f"hi{level}"] = units * (1 - share), units * (1 + share)
    months = [date(2026 + (10 + h) // 12, (10 + h) % 12 + 1, 1) for h in range(12)]
    series = {
        **dict(zip(("merchant_id", "store_id", "product_id"), _KEY, strict=True)),
        "category": "kitchen",
        "currency": "ARS",
        "first_month": date(2024, 11, 1),
        "units_sold": [*_LAST_YEAR, *_LAST_YEAR],
        "mean_net_price": 12.5,
        "active": True,
        "empty_shelves": {20: 3},
    }
    forecasts = ShardForecasts([_KEY], months, numbers, ["ensemble"], [""], [series])
    scored = {"month": "2026-10-01", "run_id": "2026-09.1", "units_forecast": 50.0}
    past = {_KEY: [{**scored, "lo80": 42.0, "hi80": 58.0, "units_sold": 52.0}]}
    listing = {_KEY: Listing("Green mug", 12.5, "active", 20)}
    demand = {"month": "2026-07-01", "units_corrected": 36.613, "cause": "empty_shelf"}
    (document,) = render_forecasts(_RUN, forecasts, listing, past, {_KEY: [demand]})
    return forecasts, document


def add_examples(description: dict[str, Any]) -> None:
    """Put examples beside the documents that an OpenAPI description refers to."""
    examples = _examples()
    for operations in description["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                document = answer.get("content", {}).get("application/json", {})
                name = document.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
                if name in examples:
                    document["example"] = examples[name]


def _examples() -> dict[str, dict[str, Any]]:
    """Examples by the name of their shape; of others the fields' own examples suffice."""
    forecasts, document = _made_up()
    forecast, line = orjson.loads(document.json), orjson.loads(document.line)
    totals = Totals([])
    totals.add(forecasts, [document.confidence])
    store = {name: (field.examples or [None])[0] for name, field in Store.model_fields.items()}
    run = {
        "run_id": _RUN.run_id,
        "published_at": "2026-11-03T07:12:44+00:00",
        "cutoff_month": "2026-10-01",
        "engine": "ensemble",
        "series": 612,
        "units_forecast": 184022.5,
        "manifest_sha256": "5f2c" * 16,
        "reasons": {"raced": 540, "short_history": 41, "retired": 31},
        "series_by_rule": 0,
        "series_missing": 0,
        "seconds": 71.4,
        "last_month": {"month": "2026-10", "wape": 0.24, "coverage80": 0.81},
    }
    return {
        "Forecast": forecast,
        "ForecastPage": {"run_id": _RUN.run_id, "forecasts": [forecast], "next": None},
        "ProductPage": {"run_id": _RUN.run_id, "products": [line], "next": None},
        "Totals": orjson.loads(next(totals.documents(_RUN, {}, {})).json),
        "StoreList": {"run_id": _RUN.run_id, "stores": [store]},
        "CurrentRun": run,
        "RunList": {"runs": [{**run, "serving": True}]},
        **refresh_examples(),
    }
