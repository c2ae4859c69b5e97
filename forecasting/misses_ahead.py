"""How misses grow with the months ahead, over all of a history and not its last two years alone.

A race is run at few origins, which fall in the same months of the year and share the shocks of the
same years: what looks like growth may be either. Theta costs next to nothing, so it forecasts each
long history of the sample from origins all through it, and in all seasons. What it misses is
larger than what the race misses, but grows alike: over eighteen months of M1 and M3, a year and a
half apart, and two years of Tourism, its growth was nearer to that of the months then held out
than the race's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from forecasting.forecaster import SEASON, Series, Vector
from forecasting.models.theta import fit_theta, predict_theta

__all__ = ["Grown", "long_run_growth"]

FURTHEST = 24
"""Months ahead that are followed."""

STEP = 7
"""Months between origins, which takes them through the year."""

MOST_ORIGINS = 12
FEWEST_TRAINING = 36
LARGEST = 10.0
"""Seasonal differences at which a miss is cut."""

PRIOR_SERIES = 20.0
"""Histories at which their growth counts as much as what was known."""

STEEPEST = 0.2


@dataclass(frozen=True)
class Grown:
    """The share of a miss by which it grows a month, and the histories that told."""

    growth: float
    series: int

    def drawn(self, known: float) -> float:
        """This growth, drawn toward what was known before.

        >>> Grown(0.02, 60).drawn(0.06)
        0.03
        """
        return (self.series * self.growth + PRIOR_SERIES * known) / (self.series + PRIOR_SERIES)


def long_run_growth(sample: Iterable[Series]) -> Grown | None:
    """The growth over those histories of the sample that are long enough; none without one."""
    total, weight, told = np.zeros(FURTHEST), np.zeros(FURTHEST), 0
    for series in sample:
        missed = list(_missed(series.units))
        if missed:
            counts = np.array([len(misses) for misses in missed])
            for misses in missed:
                total[: len(misses)] += misses / len(missed)
            weight += (counts[:, np.newaxis] > np.arange(FURTHEST)).mean(axis=0)
            told += 1
    if not told:
        return None
    ahead = np.flatnonzero(weight)
    slope, start = np.polyfit(ahead, total[ahead] / weight[ahead], 1)
    return Grown(float(np.clip(slope / max(start, 1e-9), 0.0, STEEPEST)), told)


def _missed(units: Vector) -> Iterator[Vector]:
    """What theta missed from each origin, in the history's seasonal differences as of then."""
    for back in range(SEASON, SEASON + STEP * MOST_ORIGINS, STEP):
        known = len(units) - back
        if known < FEWEST_TRAINING:
            return
        history, sold = units[:known], units[known:][:FURTHEST]
        scale = float(np.abs(history[SEASON:] - history[:-SEASON]).mean())
        if scale > 0:
            ahead = predict_theta(history, fit_theta(history), len(sold))
            yield np.minimum(np.abs(ahead - sold) / scale, LARGEST)
