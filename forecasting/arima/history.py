"""What a history must be before ARIMA is asked, and which plain rule answers where it is not.

Reasons: `no_history`, `all_zero months=…`, `constant months=…`, `short_history months=…` (under 10
months), `many_zeros share=…` (over 40 % of the months): these have no order worth a search. A gap
is filled by the straight line between its neighbours, with the reason `gaps months=…`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MIN_MONTHS", "MOSTLY_ZEROS", "Reading", "mean_and_spread", "read_history"]

MIN_MONTHS = 10
MOSTLY_ZEROS = 0.4
_RECENT = 24

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reading:
    """A history without gaps, the rule that serves it (empty where ARIMA can) and the reason."""

    units: Vector
    rule: str
    reason: str


def read_history(units: Vector) -> Reading:
    """`units` (n,) without gaps, and what can serve them.

    >>> read_history(np.array([2.0, np.nan, 4.0])).units
    array([2., 3., 4.])
    >>> read_history(np.zeros(30)).reason
    'all_zero months=30'
    """
    units, gaps = _fill_gaps(np.ascontiguousarray(units, dtype=np.float64))
    rule, reason = _rule(units)
    if gaps:
        reason = f"{reason} gaps={gaps}" if reason else f"gaps months={gaps}"
    return Reading(units, rule, reason)


def _fill_gaps(units: Vector) -> tuple[Vector, int]:
    known = np.isfinite(units)
    if known.all():
        return units, 0
    months = np.arange(len(units))
    filled = np.interp(months, months[known], units[known]) if known.any() else units[:0]
    return np.ascontiguousarray(filled), int(len(units) - known.sum())


def _rule(units: Vector) -> tuple[str, str]:
    months = len(units)
    if months == 0:
        return "zero", "no_history"
    if not units.any():
        return "zero", f"all_zero months={months}"
    if (units == units[0]).all():
        return "mean", f"constant months={months}"
    if months < MIN_MONTHS:
        return "mean", f"short_history months={months}"
    share = float((units == 0).mean())
    if share > MOSTLY_ZEROS:
        return "mean", f"many_zeros share={share:.2f}"
    return "", ""


def mean_and_spread(rule: str, units: Vector) -> tuple[float, float]:
    """The level that a plain rule predicts and the standard deviation about it, in units.

    `mean` takes the last two years, and the spread of a single month about their mean.

    >>> mean_and_spread("mean", np.array([1.0, 3.0]))
    (2.0, 1.7320508075688772)
    """
    if rule == "zero" or len(units) == 0:
        return 0.0, 0.0
    recent = units[-_RECENT:]
    scale = float(np.abs(recent).max()) or 1.0
    recent = recent / scale
    months = len(recent)
    spread = float(recent.std(ddof=1)) * (1 + 1 / months) ** 0.5 if months > 1 else 0.0
    return float(recent.mean()) * scale, spread * scale
