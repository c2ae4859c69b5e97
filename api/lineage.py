"""Where a served number comes from: document, run, model, history, months, orders, joined.

`etl.lineage` and `forecasting.lineage` tell what their files say; here the published document is
put before them, and every number that must agree is checked from the page down to the raw orders.
A command for a person at the server: no route reads the lake.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import orjson

from api.store.documents import Edition, Scope
from api.store.protocol import ForecastStore
from etl.errors import InputError
from etl.lake import Lake
from etl.ledger import months_between
from etl.lineage import Check, trace_history, trace_month
from etl.registry import pick_stores, read_stores
from forecasting.lineage import TracedForecast, trace_forecast

__all__ = ["explain"]

Key = tuple[str, str, str]


def explain(
    lake: Lake, store: ForecastStore, key: Key, month: date | None = None
) -> dict[str, Any]:
    """Everything behind what is served of one product, as JSON, with `checks` that must agree.

    `month` is the month ahead, or the past month, whose numbers are followed; by default the first
    ahead and the last sold. Raises `InputError` where the store serves no such product or month.
    """
    edition, document = _served(store, key)
    traced = trace_forecast(lake, edition.run_id, key)
    ahead, behind = _months(document, traced, month)
    history = trace_history(
        lake, key, months_between(traced.series.first_month, traced.series.cutoff_month)
    )
    registered = pick_stores(read_stores(lake), key[0], key[1])[0]
    sales, of_sales = trace_month(lake, registered, key[2], behind)
    checks = [
        *_document_checks(edition, document, traced, ahead),
        *traced.checks,
        *_history_checks(traced, history),
        *of_sales,
    ]
    return {
        "merchant_id": key[0],
        "store_id": key[1],
        "product_id": key[2],
        "document": {
            "run_id": edition.run_id,
            "published_at": edition.published_at,
            "load": edition.load,
            "month": f"{ahead:%Y-%m}",
            **_shown(document, ahead),
        },
        **traced.document,
        "prediction": _plain(_row(traced, ahead)),
        "history": history,
        "sales": sales,
        "checks": [check.document() for check in checks],
        "agrees": all(check.agrees for check in checks),
    }


def _served(store: ForecastStore, key: Key) -> tuple[Edition, dict[str, Any]]:
    edition = store.current()
    body = store.forecast(edition.load, Scope(key[0]), key[1], key[2]) if edition else None
    if edition is None or body is None:
        raise InputError(
            f"the store serves no product {key[2]!r} in store {key[1]!r} of merchant {key[0]!r}; "
            "`python -m api runs` shows what is published"
        )
    return edition, orjson.loads(body.json)


def _months(
    document: dict[str, Any], traced: TracedForecast, month: date | None
) -> tuple[date, date]:
    """The month ahead and the past month to follow."""
    series = traced.series
    if month is None:
        return date.fromisoformat(document["months"][0]), series.cutoff_month
    if month.isoformat() in document["months"]:
        return month, series.cutoff_month
    if series.first_month <= month <= series.cutoff_month:
        return date.fromisoformat(document["months"][0]), month
    raise InputError(
        f"{month:%Y-%m} is neither in the history ({series.first_month:%Y-%m} to "
        f"{series.cutoff_month:%Y-%m}) nor among the months forecast "
        f"({document['months'][0][:7]} to {document['months'][-1][:7]})"
    )


def _shown(document: dict[str, Any], month: date) -> dict[str, Any]:
    place = document["months"].index(month.isoformat())
    numbers = ("units_forecast", "lo80", "hi80", "lo95", "hi95")
    return {
        **{name: document[name][place] for name in numbers},
        "model": document["model"],
        "reason": document["reason"],
        "confidence": document["confidence"],
    }


def _document_checks(
    edition: Edition, document: dict[str, Any], traced: TracedForecast, ahead: date
) -> Iterator[Check]:
    """What the page shows is what the run's files hold."""
    row = _row(traced, ahead)
    yield Check("run: pointer, document", edition.run_id, document["run_id"])
    yield Check(
        "run's manifest: hash when it was published, file",
        edition.digest,
        traced.document["run"]["sha256"],
    )
    for name in ("units_forecast", "lo80", "hi80"):
        shown = document[name][document["months"].index(ahead.isoformat())]
        yield Check(f"{name} of {ahead:%Y-%m}: document, file", shown, round(row[name], 3))
    total = sum(one["units_forecast"] for one in traced.rows)
    yield Check("units of all months: document, file", document["horizon_units"], round(total, 3))
    yield Check("model: document, file", document["model"], row["model"])
    shown = document["history"]["units_sold"]
    units = [int(unit) for unit in traced.series.units[-len(shown) :]]
    yield Check("history: document, shard", shown, units)
    yield _corrected_check(document["history"], traced.document["corrections"])


def _corrected_check(history: dict[str, Any], kept: Sequence[dict[str, Any]]) -> Check:
    """The corrected months that the page shows are those that the run keeps."""
    shown = [(one["month"][:7], one["units_corrected"]) for one in history["corrected"]]
    first = history["first_month"][:7]
    found = [(one["month"], one["units_used"]) for one in kept if one["month"] >= first]
    return Check("corrected months: document, file", shown, found)


def _history_checks(traced: TracedForecast, history: Sequence[dict[str, Any]]) -> Iterator[Check]:
    """The shard's units are those of the months, and the months are still those it was cut from."""
    units = [int(unit) for unit in traced.series.units]
    sold_ever = any(units)
    for month, sold in zip(history, units, strict=True):
        name = month["month"]
        # Monthly sales begin a product at its first sale: what never sold has no row, and sold 0.
        found = month["units_sold"] if sold_ever else month["units_sold"] or 0
        yield Check(f"units of {name}: shard, monthly_sales", sold, found)
        yield Check(f"{month['path']}: its manifest, file", month["sha256"], month["sha256_found"])
        if name in traced.months:
            about = f"{name}: the partition that the shard was cut from, the one that is there"
            yield Check(about, traced.months[name], month["sha256"])


def _row(traced: TracedForecast, month: date) -> dict[str, Any]:
    return next(row for row in traced.rows if row["month"] == month)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()
    }
