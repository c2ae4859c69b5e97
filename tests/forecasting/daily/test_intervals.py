"""Intervals that hold what they promise, by what was missed."""

from __future__ import annotations

import numpy as np

from forecasting.daily.intervals import DailyCalibration, DailyMisses


def drawn(days: int, seed: int, growth: float = 0.0) -> DailyMisses:
    """Sales of many products around their forecasts; some sell now and then only."""
    rng = np.random.default_rng(seed)
    rate = rng.lognormal(1, 1.2, days)
    ahead = rng.integers(1, 8, days).astype(float)
    spread = 1 + growth * (ahead - 1)
    sold = np.maximum(rng.poisson(rate) + spread * rng.normal(0, 0.5 * np.sqrt(rate)), 0)
    return DailyMisses(ahead, rate, np.round(sold), np.sqrt(rate))


def test_new_days_are_held_as_often_as_promised():
    calibration = DailyCalibration.laplace()
    for _ in range(3):
        calibration = DailyCalibration.of(drawn(20_000, 1), calibration)
    fresh = drawn(20_000, 2)
    bounds = [
        calibration.interval(np.array([unit]), scale)
        for unit, scale in zip(fresh.forecast, fresh.scale, strict=True)
    ]
    lower, upper = (np.array([pair[side][:, 0] for pair in bounds]) for side in (0, 1))
    inside = (fresh.sold[:, np.newaxis] >= lower) & (fresh.sold[:, np.newaxis] <= upper)
    np.testing.assert_allclose(inside.mean(axis=0), [0.5, 0.8, 0.95], atol=0.02)


def test_bounds_are_nested_and_not_negative():
    calibration = DailyCalibration.of(drawn(2_000, 3), DailyCalibration.laplace())
    lower, upper = calibration.interval(np.array([0.0, 0.2, 3.0, 80.0]), 1.5)
    assert (lower >= 0).all()
    assert (np.diff(lower, axis=0) <= 0).all()
    assert (np.diff(upper, axis=0) >= 0).all()


def test_errors_that_grow_with_lead_time_widen_the_later_days():
    grown = DailyCalibration.of(drawn(20_000, 4, growth=0.3), DailyCalibration.laplace())
    lower, upper = grown.interval(np.full(7, 50.0), 7.0)
    width = upper[1] - lower[1]
    assert width[6] > 1.1 * width[0]


def test_a_few_days_hardly_move_what_was_known():
    prior = DailyCalibration.laplace()
    few = DailyMisses(np.arange(1.0, 4), np.full(3, 9.0), np.full(3, 9.0), np.ones(3))
    moved = DailyCalibration.of(few, prior)
    np.testing.assert_allclose(moved.bounds, prior.bounds, rtol=0.03)


def test_stored_and_read_again_it_is_the_same():
    calibration = DailyCalibration.of(drawn(2_000, 5), DailyCalibration.laplace())
    again = DailyCalibration.from_json(calibration.to_json())
    np.testing.assert_allclose(again.bounds, calibration.bounds, atol=1e-4)
