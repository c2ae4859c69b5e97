"""How much working days, leap days, feasts and sales days move a merchant's months.

The logarithm of a history is whitened as the airline model has it (Box and Jenkins 1970; the
regARIMA of X-13ARIMA-SEATS, with its moving averages held), and so are the effects; least squares
then gives an estimate with its uncertainty. Those of a merchant's products in one country are
pooled and drawn toward nothing; each history draws its own from the pool.

They serve where they help: theta with them and without forecasts from up to twelve origins a sample
of the merchant's products in that country, and no origin knows what came later.

>>> effects = CalendarEffects({"M1|GB": [0.0, 0.0, 0.1, 0.0, 0.0, 0.0]})
>>> effects.of(Series("M2", "S1", "P1", date(2024, 1, 1), np.ones(30), country="GB")) is NO_CALENDAR
True
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from scipy.signal import lfilter

from forecasting.calendar_months import NAMES, calendar_of
from forecasting.forecaster import SEASON, Series, Vector, add_months
from forecasting.models.theta import fit_theta, predict_theta
from forecasting.ranks import rank_of
from forecasting.routing import route

__all__ = [
    "NO_CALENDAR",
    "Calendar",
    "CalendarEffects",
    "CalendarFindings",
    "CalendarSample",
    "judge_calendar",
]

USUAL = np.array([0.0, 0.035, 0.0, 0.0, 0.0, 0.0])
"""What is expected of anybody: a day more sells a day more."""

AMONG_MERCHANTS = np.array([0.03, 0.02, 0.1, 0.1, 0.1, 0.2])
"""How far merchants are from that, as a standard deviation."""

AMONG_PRODUCTS = np.array([0.02, 0.01, 0.05, 0.05, 0.05, 0.1])
"""How far a product is from its merchant's others."""

MOST_SERIES = 10.0
"""Products that a merchant's evidence counts as at most, as their months are moved together."""

FEWEST_MONTHS = 30
"""Months from which a history tells of its calendar."""

FEWEST_SERIES = 10
"""Products by which effects are judged at least."""

JUDGED_AT = range(SEASON, 8 * SEASON, 7)
"""Months before the end from which theta forecasts with the effects and without, in all seasons."""

FURTHEST = 2 * SEASON
"""Months ahead that are judged."""

MOST_MEMBERS, FEWEST_MEMBERS = 150, 30
MOST_KEPT = 6000
"""Products of a merchant and country that are remembered, and of all; first each has fewer, then
fewer are judged, so that judging costs a minute at most and memory is bounded."""

LEAST_GAIN = 0.0025
LEAST_T = 2.0
"""Share of the mean scaled error by which effects must lower it, and in standard errors."""

MONTHLY, YEARLY = 0.6, 0.6
"""Moving averages of the airline model."""

MOVES = 0.005
"""Share of a month from which an effect is named."""


@dataclass(frozen=True, eq=False)
class Calendar:
    """What the calendar does to one product's months."""

    country: str
    effects: Vector | None = None

    def over(self, first_month: date, months: int) -> Vector:
        """The factor of each of `months` months from `first_month` on."""
        if self.effects is None:
            return np.ones(months)
        factors: Vector = np.exp(calendar_of(self.country, first_month, months) @ self.effects)
        return factors

    def named(self, first_month: date, months: int) -> list[str]:
        """The effects that move one of those months by half a per cent or more."""
        if self.effects is None:
            return []
        moves = np.abs(calendar_of(self.country, first_month, months) * self.effects).max(axis=0)
        return [name for name, moved in zip(NAMES, moves, strict=True) if moved >= MOVES]


NO_CALENDAR = Calendar("")
"""No month differs from the same month of another year."""


@dataclass(frozen=True)
class CalendarEffects:
    """Effects in the order of `NAMES`, by "merchant|country", of those whom they serve."""

    rows: Mapping[str, list[float]] = field(default_factory=dict)

    def of(self, series: Series) -> Calendar:
        """The calendar of a product: its own effects, drawn from those of its merchant."""
        usual = self.rows.get(_group(series))
        if usual is None or route(series.units).sparse:
            return NO_CALENDAR
        shared = np.array(usual)
        if not _tells(series):
            return Calendar(series.country, shared)
        return Calendar(series.country, _evidence(series).drawn(shared, AMONG_PRODUCTS))


@dataclass(frozen=True)
class CalendarFindings:
    """Effects now and as known so many months before the end, and how they were judged.

    `judged` has for each "merchant|country" the products, the change of the mean scaled error as a
    share of it, its t, and whether the effects serve.
    """

    effects: Mapping[int, CalendarEffects] = field(default_factory=dict)
    judged: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The findings as JSON."""
        rows = {str(months): dict(known.rows) for months, known in self.effects.items()}
        return {"effects": rows, "judged": dict(self.judged)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CalendarFindings:
        """The findings that `to_json` wrote; none where nothing was judged."""
        effects = {
            int(months): CalendarEffects(rows) for months, rows in value.get("effects", {}).items()
        }
        return cls(effects, value.get("judged", {}))


@dataclass(frozen=True, eq=False)
class _Evidence:
    """What histories say of the effects: a precision matrix, and precision times estimate."""

    precision: Vector
    told: Vector

    def drawn(self, prior: Vector, spread: Vector) -> Vector:
        """The effects that the evidence leaves of a prior with that standard deviation."""
        weight = np.diag(1 / spread**2)
        told = self.told + prior / spread**2
        return np.asarray(np.linalg.solve(self.precision + weight, told), dtype=np.float64)


class CalendarSample:
    """Products of merchants and countries, by the least hashes of their keys."""

    def __init__(self) -> None:
        self._heaps: dict[str, list[tuple[int, str, Series]]] = {}
        self._most, self._kept, self._limit = MOST_MEMBERS, 0, 2**64

    def add(self, series: Series) -> None:
        """Remember one series, if it tells of its calendar and its hash is small."""
        group, key = _group(series), "\0".join(series.key)
        if not _tells(series) or rank_of(group) >= self._limit:
            return
        heap = self._heaps.setdefault(group, [])
        heapq.heappush(heap, (-rank_of(key), key, series))
        self._kept += 1
        self._trim(heap)
        while self._kept > MOST_KEPT and len(self._heaps) > 1:
            self._keep_fewer()

    def _keep_fewer(self) -> None:
        """Fewer products of each; where they are fewest, fewer merchants and countries."""
        if self._most > FEWEST_MEMBERS:
            self._most = max(self._most // 2, FEWEST_MEMBERS)
        else:
            self._limit //= 2
            self._heaps = {g: heap for g, heap in self._heaps.items() if rank_of(g) < self._limit}
        for heap in self._heaps.values():
            self._trim(heap)
        self._kept = sum(len(heap) for heap in self._heaps.values())

    def chosen(self) -> list[Series]:
        """What is remembered, whatever the order in which it came."""
        return [series for heap in self._heaps.values() for _, _, series in sorted(heap)]

    def _trim(self, heap: list[tuple[int, str, Series]]) -> None:
        while len(heap) > self._most:
            heapq.heappop(heap)
            self._kept -= 1


def judge_calendar(sample: Sequence[Series], origins: Sequence[int]) -> CalendarFindings:
    """The effects of each merchant and country of the sample, where they lower held-out errors.

    They are kept as known at each of `origins`, months before the end, with 0 for now.
    """
    groups: dict[str, list[Series]] = {}
    for series in sample:
        if _tells(series):
            groups.setdefault(_group(series), []).append(series)
    effects: dict[int, dict[str, list[float]]] = {months: {} for months in origins}
    judged = {}
    for group, members in sorted(groups.items()):
        if len(members) >= FEWEST_SERIES:
            judged[group] = _judged(group, members)
            for months in origins if judged[group]["serves"] else ():
                effects[months][group] = _pooled(members, months)
    known = {months: CalendarEffects(rows) for months, rows in effects.items()}
    return CalendarFindings(known, judged)


def _group(series: Series) -> str:
    return f"{series.merchant_id}|{series.country}"


def _tells(series: Series) -> bool:
    """Whether a history is long enough and has the logarithms to tell of its calendar."""
    return series.months >= FEWEST_MONTHS and bool(series.units.min() > 0)


def _evidence(series: Series) -> _Evidence:
    """The evidence of one history."""
    y = _whitened(np.log(series.units))
    calendar = calendar_of(series.country, series.first_month, series.months)
    x = np.column_stack([_whitened(column) for column in calendar.T])
    found, _, rank, _ = np.linalg.lstsq(x, y, rcond=None)
    freedom = max(len(y) - int(rank), 1)
    variance = max(float(((y - x @ found) ** 2).sum()) / freedom, 1e-8)
    return _Evidence(x.T @ x / variance, x.T @ y / variance)


def _whitened(values: Vector) -> Vector:
    """The values as the airline model's surprises, without those of the first year."""
    season = np.zeros(SEASON - 1)
    differences = np.convolve([1.0, -1.0], [1.0, *season, -1.0])
    averages = np.convolve([1.0, -MONTHLY], [1.0, *season, -YEARLY])
    surprises: Vector = lfilter(differences, averages, values - values[0])[SEASON + 1 :]
    return surprises


def _pooled(members: Sequence[Series], months: int) -> list[float]:
    """The effects that the members share, as known `months` before the end."""
    earlier = [series.until(series.months - months) for series in members]
    evidence = [_evidence(series) for series in earlier if _tells(series)]
    if not evidence:
        return [float(effect) for effect in USUAL]
    counted = min(1.0, MOST_SERIES / len(evidence))
    pooled = _Evidence(
        counted * np.sum([one.precision for one in evidence], axis=0),
        counted * np.sum([one.told for one in evidence], axis=0),
    )
    return [round(float(effect), 5) for effect in pooled.drawn(USUAL, AMONG_MERCHANTS)]


def _judged(group: str, members: Sequence[Series]) -> dict[str, Any]:
    """Held-out errors with the effects beside those without."""
    known = {months: CalendarEffects({group: _pooled(members, months)}) for months in JUDGED_AT}
    pairs = [pair for series in members if (pair := list(_errors(series, known)))]
    if len(pairs) < FEWEST_SERIES:
        return {"series": len(pairs), "change": 0.0, "t": 0.0, "serves": False}
    errors = np.array([np.mean(pair, axis=0) for pair in pairs])
    mean, spread = errors.mean(axis=0), errors[:, 1].std(ddof=1) / len(pairs) ** 0.5
    share, t = float(mean[1] / (mean[0] + 1e-12)), float(mean[1] / (spread + 1e-12))
    serves = share <= -LEAST_GAIN and t <= -LEAST_T
    return {"series": len(pairs), "change": round(share, 5), "t": round(t, 2), "serves": serves}


def _errors(series: Series, known: Mapping[int, CalendarEffects]) -> Iterator[tuple[float, float]]:
    """At each origin: the mean scaled error without the effects, and what they add to it."""
    scale = float(np.abs(np.diff(series.units)).mean())
    for months, effects in known.items():
        earlier = series.until(series.months - months)
        if not _tells(earlier) or scale <= 0:
            continue
        sold, units = series.units[earlier.months :][:FURTHEST], earlier.units
        calendar = effects.of(earlier)
        factors = calendar.over(earlier.first_month, earlier.months)
        ahead = calendar.over(add_months(earlier.cutoff_month, 1), len(sold))
        freed = units / factors
        without = np.abs(predict_theta(units, fit_theta(units), len(sold)) - sold).mean()
        error = np.abs(ahead * predict_theta(freed, fit_theta(freed), len(sold)) - sold).mean()
        yield float(without / scale), float((error - without) / scale)
