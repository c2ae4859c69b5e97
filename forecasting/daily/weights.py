"""How much each daily candidate counts: its held-out errors, drawn toward what is usual.

Eight noisy weeks would pick a lucky loser. So a series' own evidence, in days held out, is weighed
against the ranking over many series of its kind that ships with the product: an empirical Bayes
estimate of each candidate's logarithmic relative error, as the monthly ensemble makes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from forecasting.daily.candidates import NAIVE
from forecasting.daily.race import DailyTrial
from forecasting.forecaster import Vector

__all__ = ["combine", "held_out_errors", "relative_errors", "weights_of"]

CORE = (NAIVE, "level", "recent")
"""Candidates whose mean error is the yardstick that the others are relative to."""

OWN_DAYS = 120.0
"""Held-out days at which a series' own errors count as much as the usual ranking."""

SHARPNESS = 64.0
"""Power of the relative error by which a candidate loses weight."""

LEAST_WEIGHT = 0.04
"""Share below which a candidate does not serve."""

LEAST_RATIO, MOST_RATIO = 0.5, 2.0


def held_out_errors(trials: Sequence[DailyTrial], candidates: int) -> tuple[Vector, Vector]:
    """Sum of absolute errors and number of days, by candidate, over the trials."""
    total, days = np.zeros(candidates), np.zeros(candidates)
    for trial in trials:
        errors = np.abs(trial.forecasts - trial.sold)
        counted = np.isfinite(errors)
        total += np.where(counted, errors, 0.0).sum(axis=1)
        days += counted.sum(axis=1)
    return total, days


def relative_errors(names: Sequence[str], trials: Sequence[DailyTrial]) -> tuple[Vector, Vector]:
    """Logarithm of each candidate's error over the yardstick's, NaN where unknown, and its days."""
    total, days = held_out_errors(trials, len(names))
    errors = np.full(len(names), np.nan)
    full = (days > 0) & (days >= days.max(initial=0.0))
    errors[full] = total[full] / days[full]
    core = [errors[i] for i, name in enumerate(names) if name in CORE and np.isfinite(errors[i])]
    if not core or np.mean(core) <= 0:
        return np.full(len(names), np.nan), np.zeros(len(names))
    ratios = np.clip(errors / np.mean(core), LEAST_RATIO, MOST_RATIO)
    return np.log(ratios), np.where(full, days, 0.0)


def weights_of(
    names: Sequence[str], trials: Sequence[DailyTrial], ranking: Mapping[str, float]
) -> Vector:
    """Weights of the candidates, adding up to 1; `ranking` has the usual relative error of each."""
    errors, days = relative_errors(names, trials)
    usual = np.array([ranking.get(name, 0.0) for name in names])
    drawn = (days * np.nan_to_num(errors) + OWN_DAYS * usual) / (days + OWN_DAYS)
    weights = np.exp(-SHARPNESS * (drawn - drawn.min()))
    weights /= weights.sum()
    weights[weights < LEAST_WEIGHT] = 0.0
    shares: Vector = weights / weights.sum()
    return shares


def combine(weights: Vector, forecasts: Vector) -> Vector:
    """The weighted mean of the forecasts (candidates, days) that exist."""
    present = np.isfinite(forecasts) & (weights[:, np.newaxis] > 0)
    heavy = np.where(present, weights[:, np.newaxis], 0.0)
    total = heavy.sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean: Vector = (heavy * np.where(present, forecasts, 0.0)).sum(axis=0) / total
    return mean
