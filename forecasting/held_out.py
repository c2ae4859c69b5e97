"""What the combination of a race's candidates missed in months held out, and the pool of it.

Each origin is forecast with the weights that the other origins give, so that no month has a say in
the weights it is judged by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecasting.forecaster import Vector
from forecasting.intervals import (
    Calibration,
    Misses,
    horizon_growth,
    naive_scale,
    series_scale,
)
from forecasting.race import Race
from forecasting.weights import Ranking, combine, weights_of

__all__ = ["HeldOut", "calibrate", "held_out", "mean_miss"]

ROUNDS = 2
"""Rounds of estimating scales from growth and growth from scales."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The combination's months held out at one origin: months ahead, forecast, sold."""

    ahead: Vector
    forecast: Vector
    sold: Vector


def held_out(race: Race, ranking: Ranking) -> list[HeldOut]:
    """The combined forecasts of each trial beside what was sold, judged months only."""
    found = []
    for trial in race.trials:
        others = [other for other in race.trials if other is not trial]
        units = combine(weights_of(race, ranking, others), trial.forecasts)
        judged = np.isfinite(trial.sold) & np.isfinite(units)
        ahead = np.arange(1.0, len(units) + 1)[judged]
        found.append(HeldOut(ahead, units[judged], trial.sold[judged]))
    return found


def mean_miss(months: Sequence[HeldOut], growth: float) -> tuple[float, float]:
    """Mean absolute miss, as of one month ahead, and the number of months it is taken over."""
    total, count = 0.0, 0.0
    for origin in months:
        steps = horizon_growth(origin.ahead, growth)
        total += float((np.abs(origin.sold - origin.forecast) / steps).sum())
        count += len(origin.ahead)
    return total / max(count, 1.0), count


def calibrate(
    histories: Sequence[Vector], held: Sequence[Sequence[HeldOut]], prior: Calibration
) -> Calibration:
    """The calibration that the held-out months of many series give."""
    found = prior
    in_sample = [naive_scale(units) for units in histories]
    for _ in range(ROUNDS):
        ratio = _ratio(in_sample, held, found)
        pooled = [
            _misses(months, ratio * scale, found.growth)
            for months, scale in zip(held, in_sample, strict=True)
            if sum(len(origin.ahead) for origin in months)
        ]
        found = replace(Calibration.of(pooled, prior), ratio=ratio)
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


def _misses(months: Sequence[HeldOut], in_sample: float, growth: float) -> Misses:
    """The misses of one series, each origin with the scale that the others give."""
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
    )
