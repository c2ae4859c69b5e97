"""Totals of a run: each merchant, store, and category within either, as documents of their own.

Points add up: a total is the sum of its products' forecasts, month by month. Money is summed within
one currency only. Bounds are the run's own joint ones (`api.joint`); the ends of products'
intervals do not add up to the ends of a total's, so where a run has none, `interval` says so
instead of showing a wrong one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from api.render import HISTORY_MONTHS, etag_of
from api.store.documents import SummaryDocument
from api.vintage import BOUNDS, Run, ShardForecasts

__all__ = ["Totals", "summary_document"]

Vector = NDArray[np.float64]
Key = tuple[str, str, str]

_NO_BOUNDS = {
    "interval": {"code": "not_joint", "parameters": {}},
    **dict.fromkeys(BOUNDS[1:]),
    "horizon_interval": None,
}


@dataclass(eq=False)
class _Sum:
    """What the products of one merchant, store and category add up to."""

    units: Vector
    history: Vector
    money: dict[str, Vector] = field(default_factory=dict)
    confidences: Counter[str] = field(default_factory=Counter)
    series: int = 0
    unpriced: int = 0

    def add(self, other: _Sum) -> None:
        self.units = self.units + other.units
        self.history = self.history + other.history
        for currency, money in other.money.items():
            self.money[currency] = self.money.get(currency, 0) + money
        self.confidences.update(other.confidences)
        self.series += other.series
        self.unpriced += other.unpriced


class Totals:
    """Running totals of a run, fed batch by batch."""

    def __init__(self, months: list[str]) -> None:
        self._months = months
        self._sums: dict[Key, _Sum] = {}

    def add(self, forecasts: ShardForecasts, confidences: list[str]) -> None:
        """Take in a batch; `confidences` holds the word of each of its series."""
        self._months = self._months or [month.isoformat() for month in forecasts.months]
        members: dict[Key, list[int]] = {}
        for i, series in enumerate(forecasts.series):
            key = (series["merchant_id"], series["store_id"], series["category"])
            members.setdefault(key, []).append(i)
        units = forecasts.numbers["units_forecast"]
        for key, rows in members.items():
            found = self._sum(key)
            of_group = [forecasts.series[i] for i in rows]
            found.units += units[rows].sum(axis=0)
            found.history += _recent([series["units_sold"] for series in of_group])
            found.confidences.update([confidences[i] for i in rows])
            found.series += len(rows)
            self._add_money(found, of_group, units[rows])

    def _add_money(self, found: _Sum, of_group: list[dict[str, Any]], units: Vector) -> None:
        prices = np.array([series["mean_net_price"] or 0.0 for series in of_group], float)
        found.unpriced += sum(series["mean_net_price"] is None for series in of_group)
        for currency in {s["currency"] for s in of_group if s["mean_net_price"] is not None}:
            own = np.array([series["currency"] == currency for series in of_group])
            money = (units * (prices * own)[:, None]).sum(axis=0)
            found.money[currency] = found.money.get(currency, 0) + money

    def merge(self, other: Totals) -> None:
        """Take in the totals of other batches."""
        self._months = self._months or other._months
        for key, found in other._sums.items():
            self._sum(key).add(found)

    def series_of(self, merchant_id: str, store_id: str) -> int:
        """Series counted for one store."""
        return sum(s.series for key, s in self._sums.items() if key[:2] == (merchant_id, store_id))

    def documents(
        self,
        run: Run,
        changes: Mapping[Key, Mapping[str, Any]],
        bounds: Mapping[Key, Mapping[str, Any]],
    ) -> Iterator[SummaryDocument]:
        """One document for each merchant, store, and category within either.

        `changes` holds what `api.changes` found since the run of the month before, `bounds` what
        `api.joint` read of the run's intervals.
        """
        rolled_up = self._rolled_up()
        within = _categories_within(rolled_up)
        for key, found in sorted(rolled_up.items()):
            more = {"categories": within.get(key, []), "since_last_run": changes.get(key)}
            document = {**self._document(run, key, found), **bounds.get(key, _NO_BOUNDS), **more}
            yield summary_document("totals", key, document)

    def _sum(self, key: Key) -> _Sum:
        if key not in self._sums:
            self._sums[key] = _Sum(np.zeros(len(self._months)), np.zeros(HISTORY_MONTHS))
        return self._sums[key]

    def _rolled_up(self) -> dict[Key, _Sum]:
        """Sums of every level; '' stands for all stores or all categories."""
        levels = Totals(self._months)
        for (merchant, store, category), found in self._sums.items():
            for key in {
                (merchant, store, category),
                (merchant, store, ""),
                (merchant, "", category),
                (merchant, "", ""),
            }:
                levels._sum(key).add(found)
        return levels._sums

    def _document(self, run: Run, key: Key, found: _Sum) -> dict[str, Any]:
        merchant, store, category = key
        last = run.cutoff_month.year * 12 + run.cutoff_month.month - HISTORY_MONTHS
        last_year = float(found.history[-12:].sum())
        total = float(found.units.sum())
        return {
            "run_id": run.run_id,
            "cutoff_month": run.cutoff_month.isoformat(),
            "merchant_id": merchant,
            "store_id": store or None,
            "category": category or None,
            "series": found.series,
            "confidences": dict(sorted(found.confidences.items())),
            "months": self._months,
            "units_forecast": found.units.round(3).tolist(),
            "money_forecast": {c: m.round(2).tolist() for c, m in sorted(found.money.items())},
            "series_without_price": found.unpriced,
            "horizon_units": round(total, 3),
            "units_last_year": last_year,
            "change_on_last_year": round(total / last_year - 1, 4) if last_year > 0 else None,
            "history": {
                "first_month": f"{last // 12:04d}-{last % 12 + 1:02d}-01",
                "units_sold": found.history.tolist(),
            },
        }


def _recent(histories: list[list[int]]) -> Vector:
    """The sum of the last three years of histories that end in the same month."""
    backwards = (history[: -HISTORY_MONTHS - 1 : -1] for history in histories)
    sums = [sum(month) for month in zip_longest(*backwards, fillvalue=0)]
    recent = np.zeros(HISTORY_MONTHS)
    recent[HISTORY_MONTHS - len(sums) :] = sums[::-1]
    return recent


def _categories_within(keys: Iterable[Key]) -> dict[Key, list[str]]:
    """The categories of each merchant and store, in order."""
    within: dict[Key, list[str]] = {}
    for merchant, store, category in sorted(keys):
        if category:
            within.setdefault((merchant, store, ""), []).append(category)
    return within


def summary_document(kind: str, key: Key, document: Mapping[str, Any]) -> SummaryDocument:
    """A summary of that kind for (merchant, store, category), rendered."""
    body = orjson.dumps(document)
    return SummaryDocument(kind, *key, etag_of(body), body)
