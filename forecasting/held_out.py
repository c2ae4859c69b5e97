"""What the combination of a race's candidates missed in months held out, and the pool of it.

No month has a say in the weights, or in the scale, that it is judged by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecasting.forecaster import Series, Vector
from forecasting.intervals import (
    Calibration,
    Misses,
    horizon_growth,
    naive_scale,
    series_scale,
)
from forecasting.misses_ahead import long_run_growth
from forecasting.race import Race, Trial
from forecasting.routing import route
from forecasting.weights import Ranking, combine, weights_of

__all__ = ["HeldOut", "calibrate", "held_out", "mean_miss"]

ROUNDS = 2
"""Rounds of estimating scales from growth and growth from scales."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The combination's held-out months of one half: months ahead, forecast, sold."""

    ahead: Vector
    forecast: Vector
    sold: Vector


def held_out(race: Race, ranking: Ranking) -> list[HeldOut]:
    """The combined forecasts of the later and the earlier half of the months held out.

    Every origin forecasts the last months, so that leaving one origin out would leave their
    surprises in: the weights for one half come from the months of the other.
    """
    half = (max((len(trial.sold) for trial in race.trials), default=0) + 1) // 2
    return [_half(race, ranking, half, late) for late in (True, False)]


def _half(race: Race, ranking: Ranking, months: int, late: bool) -> HeldOut:
    weights = weights_of(race, ranking, [_only(trial, months, not late) for trial in race.trials])
    parts: list[tuple[Vector, Vector, Vector]] = []
    for trial in race.trials:
        units = combine(weights, trial.forecasts)
        sold = _only(trial, months, late).sold
        judged = np.isfinite(sold) & np.isfinite(units)
        ahead = np.arange(1.0, len(units) + 1)
        parts.append((ahead[judged], units[judged], sold[judged]))
    if not parts:
        return HeldOut(*np.zeros((3, 0)))
    return HeldOut(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _only(trial: Trial, months: int, late: bool) -> Trial:
    """The trial judged by the last `months` months alone, or by those before them."""
    wanted = (np.arange(len(trial.sold)) >= len(trial.sold) - months) == late
    return replace(
        trial,
        sold=np.where(wanted, trial.sold, np.nan),
        usual=np.where(wanted, trial.usual, np.nan),
    )


def mean_miss(months: Sequence[HeldOut], growth: float) -> tuple[float, float]:
    """Mean absolute miss, as of one month ahead, and the number of months it is taken over."""
    total, count = 0.0, 0.0
    for origin in months:
        steps = horizon_growth(origin.ahead, growth)
        total += float((np.abs(origin.sold - origin.forecast) / steps).sum())
        count += len(origin.ahead)
    return total / max(count, 1.0), count


def calibrate(
    sample: Sequence[Series], held: Sequence[Sequence[HeldOut]], prior: Calibration
) -> Calibration:
    """The calibration that the held-out months of the sample's series give."""
    histories = [series.units for series in sample]
    grown = long_run_growth(sample)
    kinds = [route(units).kind for units in histories]
    found = prior
    in_sample = [naive_scale(units) for units in histories]
    for _ in range(ROUNDS):
        ratio = _ratio(in_sample, held, found)
        pooled = [
            _misses(months, ratio * scale, found.growth, kind)
            for months, scale, kind in zip(held, in_sample, kinds, strict=True)
            if sum(len(origin.ahead) for origin in months)
        ]
        found = replace(Calibration.of(pooled, prior, grown), ratio=ratio)
    return found


def _ratio(
    in_sample: Sequence[float], held: Sequence[Sequence[HeldOut]], calibration: Calibration
) -> float:
    """How large held-out misses are beside in-sample scales, at the median series."""
    told = [
        miss / scale
        for months, scale in zip(held, in_sample, strict=True)
        for miss, count in [mean_miss(months, calibration.growth)]
        if count
    ]
    return float(np.median(told)) if told else calibration.ratio


def _misses(months: Sequence[HeldOut], in_sample: float, growth: float, kind: str) -> Misses:
    """The misses of one series, each half with the scale that the other gives."""
    scales = []
    for origin in months:
        others = [other for other in months if other is not origin]
        scale = series_scale(in_sample, *mean_miss(others, growth))
        scales.append(np.full(len(origin.ahead), scale))
    return Misses(
        np.concatenate([origin.ahead for origin in months]),
        np.concatenate([origin.forecast for origin in months]),
        np.concatenate([origin.sold for origin in months]),
        np.concatenate(scales),
        kind,
    )
