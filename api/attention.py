"""Which products a merchant should look at first, and why, ranked by the money at stake.

====================  =========================================================================
code                  when
====================  =========================================================================
running_short         stock on hand is known and below next month's forecast
dropping              the next twelve months are 30 % or more below the last twelve
extreme               the next twelve months are more than three times the last twelve
extreme_month         a month ahead is above twice the best month ever sold, and ten units above it
                      (`forecasting/flags.py`)
badly_forecast        at least 3 forecasts were scored, and their misses exceed 60 % of the sales
new                   on sale for six months or less
====================  =========================================================================

The money at stake is the units in question times the mean net price (units alone where no price is
known). A product for which several hold is listed under the one with most at stake; under that its
forecast is extreme before what would follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forecasting.flags import is_extreme_month

__all__ = ["ATTENTION", "attention"]

ATTENTION = ("running_short", "dropping", "extreme", "extreme_month", "badly_forecast", "new")
_EXTREMES = frozenset({"extreme", "extreme_month"})

_DROP, _EXTREME, _MISSED = -0.3, 2.0, 0.6
_SCORED_MONTHS, _NEW_MONTHS = 3, 6


def attention(
    about: Mapping[str, Any],
    numbers: Mapping[str, Sequence[float]],
    history: Sequence[int],
    past: Sequence[Mapping[str, Any]],
    price: float | None,
) -> dict[str, Any] | None:
    """The reason to look at a product, with its parameters and the money at stake, or None."""
    if not about["active"]:
        return None
    found = [*_stock(about, numbers), *_change(about, history)]
    found += [*_month(numbers, history), *_misses(past)]
    if len(history) <= _NEW_MONTHS and about["horizon_units"] > 0:
        found.append(("new", {"months": len(history)}, about["horizon_units"]))
    if not found:
        return None
    code, parameters, units = max(found, key=lambda reason: (reason[0] in _EXTREMES, reason[2]))
    return {
        "code": code,
        "parameters": parameters,
        "money_at_stake": round(units * (1.0 if price is None else price), 2),
    }


_Reason = tuple[str, dict[str, Any], float]


def _stock(about: Mapping[str, Any], numbers: Mapping[str, Sequence[float]]) -> list[_Reason]:
    stock, wanted = about["stock_on_hand"], numbers["units_forecast"][0]
    if stock is None or stock >= wanted:
        return []
    return [("running_short", {"stock": stock, "wanted": wanted}, wanted - stock)]


def _change(about: Mapping[str, Any], history: Sequence[int]) -> list[_Reason]:
    change, last_year = about["change_on_last_year"], about["units_last_year"]
    if change is None or len(history) < 12:
        return []
    units = abs(about["horizon_units"] - last_year)
    if change <= _DROP:
        return [("dropping", {"change": change}, units)]
    if change > _EXTREME:
        return [("extreme", {"change": change}, units)]
    return []


def _month(numbers: Mapping[str, Sequence[float]], history: Sequence[int]) -> list[_Reason]:
    best, highest = max(history, default=0), max(numbers["units_forecast"])
    if not is_extreme_month(best, highest):
        return []
    return [("extreme_month", {"highest": highest, "best": best}, highest - best)]


def _misses(past: Sequence[Mapping[str, Any]]) -> list[_Reason]:
    if len(past) < _SCORED_MONTHS:
        return []
    sold = sum(month["units_sold"] for month in past)
    missed = sum(abs(month["units_forecast"] - month["units_sold"]) for month in past)
    if missed <= _MISSED * sold:
        return []
    return [("badly_forecast", {"months": len(past)}, missed / len(past))]
