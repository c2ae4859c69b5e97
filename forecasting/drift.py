"""Alerts about a store whose data or errors are no longer what they were.

Each alert is a code with its store and numbers; the rules stand beside the codes. The rules ask for
both a clear and a large change, so that a quiet month raises none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from etl.lake import Lake
from forecasting.forecaster import SEASON, Series, Vector, add_months
from forecasting.series import every_series

__all__ = ["RULES", "Alert", "data_alerts", "error_alerts", "write_alerts"]

RULES = {
    "sales_level": "a month's sales are beyond three deviations of the store's usual change on the "
    "year, and at least a third off",
    "products_gone_quiet": "at least a third of the products that sold in each of the three months "
    "before sold none, and at least five",
    "errors_up": "WAPE is beyond three deviations of the six months before, and a quarter higher",
    "one_sided": "more than a fifth too much, or too little, was forecast in each of three months",
    "coverage_low": "80 % intervals held less than 65 % of at least 30 forecasts",
}
"""What raises each alert, in words."""

_MONTHS_BEFORE = 6
_LARGEST_BIAS = 0.2


@dataclass(frozen=True)
class Alert:
    """One alert: its code, the store, and the number found beside the one expected."""

    code: str
    merchant_id: str
    store_id: str
    found: float
    expected: float


def write_alerts(lake: Lake, month: date) -> list[dict[str, Any]]:
    """The alerts of a scored month, kept beside its scores.

    Data alerts need the shards that end with the month; without them there are error alerts only.
    """
    alerts = error_alerts(_summaries(lake, month))
    if lake.exists(f"shards/cutoff_month={month:%Y-%m}/manifest.json"):
        alerts += data_alerts(every_series(lake, month))
    found = [asdict(alert) for alert in alerts]
    lake.write_json(f"scores/month={month:%Y-%m}/alerts.json", {"alerts": found})
    return found


def data_alerts(everything: Iterable[Series]) -> list[Alert]:
    """Alerts about the last month of the stores' own sales."""
    totals: dict[tuple[str, str], Vector] = {}
    quiet: dict[tuple[str, str], list[bool]] = {}
    for series in everything:
        store = series.key[:2]
        totals[store] = _added(totals.get(store, np.zeros(0)), series.units)
        if series.months > 3 and (series.units[-4:-1] > 0).all():
            quiet.setdefault(store, []).append(series.units[-1] == 0)
    alerts = [alert for store, units in sorted(totals.items()) for alert in _level(store, units)]
    for store, silent in sorted(quiet.items()):
        share = float(np.mean(silent))
        if share >= 1 / 3 and sum(silent) >= 5:
            alerts.append(Alert("products_gone_quiet", *store, round(share, 3), 0.0))
    return alerts


def error_alerts(summaries: Sequence[dict[str, Any]]) -> list[Alert]:
    """Alerts about the last of `summaries`, which are of months on end, oldest first."""
    by_store = [_stores(summary) for summary in summaries]
    alerts = []
    for store, now in sorted(by_store[-1].items() if by_store else []):
        before = [stores[store] for stores in by_store[:-1] if store in stores]
        alerts += _errors_up(store, now, before[-_MONTHS_BEFORE:])
        alerts += _one_sided(store, [*before[-2:], now])
        if now["rows"] >= 30 and now["coverage80"] < 0.65:
            alerts.append(Alert("coverage_low", *store, round(now["coverage80"], 3), 0.8))
    return alerts


def _level(store: tuple[str, str], units: Vector) -> list[Alert]:
    """The last month's change on the year beside the changes of the months before."""
    if len(units) < 2 * SEASON + 1 or not (units > 0).all():
        return []
    changes = np.log(units[SEASON:] / units[:-SEASON])
    usual, now = changes[:-1][-SEASON:], changes[-1]
    center, deviation = float(np.median(usual)), max(float(usual.std(ddof=1)), 0.05)
    expected = units[-1 - SEASON] * np.exp(center)
    if abs(now - center) <= 3 * deviation or abs(units[-1] / expected - 1) < 1 / 3:
        return []
    return [Alert("sales_level", *store, float(units[-1]), round(float(expected), 1))]


def _errors_up(
    store: tuple[str, str], now: dict[str, Any], before: list[dict[str, Any]]
) -> list[Alert]:
    past = [month["wape"] for month in before if month["wape"] is not None]
    if len(past) < 3 or now["wape"] is None:
        return []
    usual, deviation = float(np.mean(past)), float(np.std(past, ddof=1))
    if now["wape"] <= max(usual + 3 * deviation, 1.25 * usual):
        return []
    return [Alert("errors_up", *store, round(now["wape"], 3), round(usual, 3))]


def _one_sided(store: tuple[str, str], months: list[dict[str, Any]]) -> list[Alert]:
    biases = [month["bias"] for month in months if month["bias"] is not None]
    if len(biases) < 3 or min(abs(bias) for bias in biases) <= _LARGEST_BIAS:
        return []
    if len({bias > 0 for bias in biases}) > 1:
        return []
    return [Alert("one_sided", *store, round(float(np.mean(biases)), 3), 0.0)]


def _stores(summary: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["merchant_id"], one["store_id"]): one for one in summary.get("store", [])}


def _summaries(lake: Lake, month: date) -> list[dict[str, Any]]:
    """Summaries of the month and of those before it that were scored, oldest first."""
    months = [add_months(month, -back) for back in range(_MONTHS_BEFORE, -1, -1)]
    paths = [f"scores/month={one:%Y-%m}/summary.json" for one in months]
    return [lake.read_json(path) for path in paths if lake.exists(path)]


def _added(total: Vector, units: Vector) -> Vector:
    """The sum of two histories that end in the same month."""
    longer, shorter = (total, units) if len(total) >= len(units) else (units, total)
    found = longer.copy()
    found[len(longer) - len(shorter) :] += shorter
    return found
