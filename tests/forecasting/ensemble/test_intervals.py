"""Intervals hold what they promise on months like those they were calibrated on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting.forecaster import LEVELS
from forecasting.intervals import Calibration, Misses, naive_scale, outward, series_scale


def misses(seed: int, series: int = 400, height: float = 20.0) -> list[Misses]:
    """Skewed misses of series of different scale that grow with the horizon."""
    rng = np.random.default_rng(seed)
    ahead = np.arange(1.0, 13)
    found = []
    for _ in range(series):
        scale = rng.lognormal(0, 1)
        forecast = np.full(12, height * scale)
        shocks = rng.gamma(2.0, 1.0, 12) - 2.0
        sold = forecast + scale * (1 + 0.05 * (ahead - 1)) * shocks
        found.append(Misses(ahead, forecast, np.maximum(sold, 0.0), np.full(12, scale)))
    return found


@pytest.mark.parametrize("height", [20.0, 1.2], ids=["far from zero", "cut at zero"])
def test_coverage_is_what_is_promised(height: float) -> None:
    calibration = Calibration.of(misses(1, height=height), Calibration.laplace())
    held = np.zeros(len(LEVELS))
    fresh = misses(2, height=height)
    for one in fresh:
        lower, upper = calibration.interval(one.forecast, float(one.scale[0]))
        held += ((one.sold >= lower) & (one.sold <= upper)).mean(axis=1)
    np.testing.assert_allclose(100 * held / len(fresh), LEVELS, atol=3.5)


def test_bounds_are_nested_and_not_negative() -> None:
    calibration = Calibration.of(misses(3), Calibration.laplace())
    lower, upper = calibration.interval(np.array([0.0, 0.5, 3.0, 100.0]), 2.0)
    assert (lower >= 0).all()
    assert (np.diff(np.concatenate([lower[::-1], upper]), axis=0) >= 0).all()


def test_skewed_misses_give_skewed_bounds() -> None:
    calibration = Calibration.of(misses(4), Calibration.laplace())
    lower, upper = calibration.interval(np.array([100.0]), 1.0)
    assert upper[2, 0] - 100.0 > 1.3 * (100.0 - lower[2, 0])


def test_growth_with_the_horizon_is_found() -> None:
    growth = Calibration.of(misses(5), Calibration.laplace()).growth
    assert growth == pytest.approx(0.5 * (0.05 + 0.065), abs=0.015)


def test_few_series_stay_near_what_was_known() -> None:
    known = Calibration.laplace()
    told = Calibration.of(misses(6, series=3), known)
    assert np.abs(told.bounds - known.bounds).max() < 0.3


def test_each_class_has_bounds_of_its_own() -> None:
    calm = [replace(one, kind="smooth") for one in misses(8)]
    wild = [
        replace(one, kind="erratic", sold=one.forecast + 3 * (one.sold - one.forecast))
        for one in misses(9)
    ]
    calibration = Calibration.of(calm + wild, Calibration.laplace())
    units = np.array([20.0])
    widths = [
        (upper - lower)[1, 0]
        for lower, upper in (
            calibration.interval(units, 1.0, kind) for kind in ("smooth", "", "erratic")
        )
    ]
    assert widths[0] < 0.8 * widths[1] < 0.8 * widths[2]


def test_fewer_series_reach_farther_out() -> None:
    assert 0.9 < outward(0.9, 1000) < outward(0.9, 10) < 1.0
    assert outward(0.1, 10) == pytest.approx(1 - outward(0.9, 10))
    assert outward(0.5, 10) == 0.5


def test_a_calibration_survives_json() -> None:
    calibration = Calibration.of(misses(7), Calibration.laplace())
    again = Calibration.from_json(calibration.to_json())
    np.testing.assert_allclose(again.bounds, calibration.bounds, atol=1e-4)


def test_a_series_own_misses_outweigh_its_history_as_they_grow() -> None:
    assert series_scale(1.0, 4.0, 0) == pytest.approx(1.0)
    assert series_scale(1.0, 4.0, 12) == pytest.approx(2.0)
    assert series_scale(1.0, 4.0, 1200) == pytest.approx(4.0, rel=0.02)


def test_a_constant_history_still_has_a_scale() -> None:
    assert naive_scale(np.full(30, 10.0)) == pytest.approx(0.2)
    assert naive_scale(np.zeros(30)) > 0
