"""The days that move demand: Easter, gift days, each country's sales days, Christmas, quiet days.

Most of them move from year to year, some across the end of a month. Dates of past sales days are
those that were held; later ones follow each country's rule.

>>> [o.first.isoformat() for o in occasions("CL", 2025) if o.name == "CyberDay"]
['2025-06-02']
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from dateutil.easter import easter

__all__ = ["KINDS", "Occasion", "lifts", "occasions"]

KINDS = ("sale", "mother", "father", "child", "valentine", "easter", "carnival", "christmas")

_MONDAY, _FRIDAY, _SATURDAY, _SUNDAY = 0, 4, 5, 6


@dataclass(frozen=True)
class Occasion:
    """One occasion: its first and last day, and its kind, one of `KINDS` or `quiet`."""

    name: str
    kind: str
    first: date
    last: date


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    """The nth such weekday of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _day(name: str, kind: str, day: date) -> Occasion:
    return Occasion(name, kind, day, day)


def _sale(name: str, first: date, days: int) -> Occasion:
    return Occasion(name, "sale", first, first + timedelta(days=days - 1))


def _argentine_hot_sale(year: int) -> Occasion:
    """Three days from the second Monday of May; in 2023 from the third."""
    return _sale("Hot Sale", _nth(year, 5, _MONDAY, 3 if year == 2023 else 2), 3)


def _mexican_hot_sale(year: int) -> Occasion:
    """Nine days from late May, in 2024 a fortnight earlier."""
    first = date(2024, 5, 15) if year == 2024 else _nth(year, 6, _MONDAY, 1) - timedelta(days=7)
    return _sale("Hot Sale", first, 9)


def _chilean_cyber_day(year: int) -> Occasion:
    """The first Monday of June; in 2023 it was the last of May."""
    first = date(2023, 5, 29) if year == 2023 else _nth(year, 6, _MONDAY, 1)
    return _sale("CyberDay", first, 3)


def _common(year: int) -> list[Occasion]:
    sunday = easter(year)
    black_friday = _nth(year, 11, 3, 4) + timedelta(days=1)
    return [
        _day("Easter", "easter", sunday),
        _day("Good Friday", "quiet", sunday - timedelta(days=2)),
        _sale("Black Friday", black_friday, 4),
        _day("Christmas", "christmas", date(year, 12, 25)),
        _day("Christmas Day", "quiet", date(year, 12, 25)),
        _day("New Year's Day", "quiet", date(year, 1, 1)),
    ]


def _national(country: str, year: int) -> list[Occasion]:
    shrove_tuesday = easter(year) - timedelta(days=47)
    mother_in_may = _day("Mother's Day", "mother", _nth(year, 5, _SUNDAY, 2))
    father_in_june = _day("Father's Day", "father", _nth(year, 6, _SUNDAY, 3))
    valentine = _day("Valentine's Day", "valentine", date(year, 2, 14))
    return {
        "AR": [
            _argentine_hot_sale(year),
            _sale("CyberMonday", _nth(year, 11, _MONDAY, 1), 3),
            _day("Día de la Madre", "mother", _nth(year, 10, _SUNDAY, 3)),
            _day("Día de la Niñez", "child", _nth(year, 8, _SUNDAY, 3)),
            father_in_june,
        ],
        "BR": [
            _day("Carnaval", "carnival", shrove_tuesday),
            Occasion("Carnaval", "quiet", shrove_tuesday - timedelta(days=1), shrove_tuesday),
            _sale("Dia do Consumidor", date(year, 3, 13), 3),
            _day("Dia dos Namorados", "valentine", date(year, 6, 12)),
            _day("Dia dos Pais", "father", _nth(year, 8, _SUNDAY, 2)),
            _day("Dia das Crianças", "child", date(year, 10, 12)),
            mother_in_may,
        ],
        "CL": [
            _chilean_cyber_day(year),
            _sale("CyberMonday", _nth(year, 10, _MONDAY, 1), 3),
            _day("Día del Niño", "child", _nth(year, 8, _SUNDAY, 2)),
            Occasion("Fiestas Patrias", "quiet", date(year, 9, 18), date(year, 9, 19)),
            mother_in_may,
            father_in_june,
        ],
        "CO": [
            _sale("Hot Sale", _nth(year, 10, _FRIDAY, 2), 4),
            _day("Amor y Amistad", "valentine", _nth(year, 9, _SATURDAY, 3)),
            _day("Día del Niño", "child", _nth(year, 5, _SATURDAY, 1) - timedelta(days=7)),
            mother_in_may,
            father_in_june,
        ],
        "MX": [
            _mexican_hot_sale(year),
            _sale("Buen Fin", _nth(year, 11, _MONDAY, 3) - timedelta(days=3), 4),
            _day("Día de la Madre", "mother", date(year, 5, 10)),
            _day("Día del Niño", "child", date(year, 4, 30)),
            father_in_june,
            valentine,
        ],
        "US": [
            _sale("Prime Day", _nth(year, 7, 1, 2), 2),
            mother_in_may,
            father_in_june,
            valentine,
        ],
    }.get(country, [])


def occasions(country: str, year: int) -> list[Occasion]:
    """The occasions of one country in one year, by day."""
    return sorted(_common(year) + _national(country, year), key=lambda o: (o.first, o.name))


def lifts(country: str, days: pd.DatetimeIndex) -> dict[str, np.ndarray]:
    """By kind, and for `quiet`: the lift of log demand on each day, for a product of affinity 1."""
    total = {kind: np.zeros(len(days)) for kind in (*KINDS, "quiet")}
    # Next year's occasions already draw this year's last weeks.
    for year in range(days[0].year, days[-1].year + 2):
        for occasion in occasions(country, year):
            total[occasion.kind] += _lift(occasion, days)
    return total


def _lift(occasion: Occasion, days: pd.DatetimeIndex) -> np.ndarray:
    until = -_days_since(occasion.first, days)
    since = _days_since(occasion.last, days)
    on = (until <= 0) & (since <= 0)
    if occasion.kind == "quiet":
        return np.where(on, -0.8, 0.0)
    if occasion.kind == "sale":
        waiting = (until > 0) & (until <= 6)
        sated = (since > 0) & (since <= 7)
        return np.asarray(0.75 * on - 0.12 * waiting - 0.14 * sated)
    peak, width, height = {
        "easter": (5, 6, 1.0),
        "carnival": (9, 8, 1.0),
        "christmas": (7, 7, 0.9),
    }.get(occasion.kind, (3, 4, 1.1))
    buying = np.exp(-(((until - peak) / width) ** 2) / 2)
    return np.where((until >= 0) & (until <= 30), height * buying, 0.0)


def _days_since(day: date, days: pd.DatetimeIndex) -> np.ndarray:
    return np.asarray((days - pd.Timestamp(day)).days, dtype=float)
