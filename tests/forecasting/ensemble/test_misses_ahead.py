"""How misses grow with the months ahead is read off all of a history."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecasting.forecaster import Series
from forecasting.intervals import Calibration, Misses
from forecasting.misses_ahead import Grown, long_run_growth


def walks(steps: float, noise: float, series: int = 30, months: int = 120) -> list[Series]:
    """Levels that wander by `steps` a month under noise."""
    rng = np.random.default_rng(3)
    return [
        Series(
            "M1",
            "S1",
            f"P{i}",
            date(2015, 1, 1),
            np.maximum(
                100 + rng.normal(0, steps, months).cumsum() + rng.normal(0, noise, months), 0
            ),
        )
        for i in range(series)
    ]


def test_what_wanders_is_missed_farther_ahead_by_more_than_what_stays() -> None:
    wandering, staying = long_run_growth(walks(2.0, 1.0)), long_run_growth(walks(0.01, 5.0))
    assert wandering is not None
    assert staying is not None
    assert wandering.series == staying.series == 30
    assert wandering.growth > 0.08
    assert staying.growth < 0.02


def test_short_histories_tell_nothing() -> None:
    assert long_run_growth([one.until(47) for one in walks(2.0, 1.0)]) is None


def test_a_history_that_never_moves_tells_nothing() -> None:
    still = [replace(one, units=np.ones(120)) for one in walks(2.0, 1.0, series=2)]
    assert long_run_growth(still) is None


def test_the_growth_of_many_histories_outweighs_that_of_few_origins() -> None:
    months = np.arange(1.0, 13)
    flat = [
        Misses(months, np.full(12, 50.0), np.full(12, 50.0 + shift), np.full(12, 5.0))
        for shift in (-6.0, 6.0, 3.0)
    ]
    prior = Calibration.laplace()
    assert Calibration.of(flat, prior).growth == pytest.approx(0.5 * 0.065, abs=1e-6)
    told = Calibration.of(flat, prior, Grown(0.1, 180)).growth
    assert told == pytest.approx((180 * 0.1 + 20 * 0.5 * 0.065) / 200, abs=1e-6)
