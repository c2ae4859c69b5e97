"""The tests for d and D beside those of statsforecast, on generated series."""

from __future__ import annotations

import numpy as np
import pytest
from statsforecast.arima import ndiffs, nsdiffs, seas_heuristic

from forecasting.arima.differencing import (
    difference,
    kpss_statistic,
    ordinary_differences,
    seasonal_share,
    seasonal_strength,
)


def _series(seed: int) -> np.ndarray:
    """Noise, a random walk and a season in random shares, 25 to 200 months."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(25, 200))
    walk, season = 10 ** rng.uniform(-2, 0.5, 2)
    t = np.arange(n)
    noise = rng.normal(size=n)
    return 50 + noise + walk * rng.normal(size=n).cumsum() + season * np.cos(np.pi * t / 6)


def test_number_of_differences_is_that_of_statsforecast():
    agreed = 0
    for seed in range(60):
        y = _series(seed)
        w = difference(y, 12, nsdiffs(y, period=12))
        agreed += ordinary_differences(w) == ndiffs(w)
    # statsforecast drops a month too many before it tests for the second difference
    assert agreed >= 59


@pytest.mark.parametrize("seed", range(5))
def test_seasonal_strength_is_that_of_stl(seed):
    y = _series(seed)
    assert seasonal_strength(y, 12) == pytest.approx(seas_heuristic(y, 12), abs=1e-10)


def test_kpss_by_hand():
    # about their mean −1, 0, 1; partial sums −1, −1, 0; no lag in three months
    assert kpss_statistic(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 / (3 * 2))


def test_share_of_seasonal_models_rises_with_the_strength_of_the_season():
    t = np.arange(72.0)
    noise = np.random.default_rng(0).normal(0, 1, 72)
    shares = [seasonal_share(size * np.sin(np.pi * t / 6) + noise, 12) for size in (0, 1.5, 3, 50)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    strength = seasonal_strength(3 * np.sin(np.pi * t / 6) + noise, 12)
    assert shares[2] == pytest.approx((strength - 0.5) / 0.45)


def test_a_trend_is_differenced_and_noise_is_not():
    noise = np.random.default_rng(0).normal(0, 0.1, 72)
    assert ordinary_differences(noise) == 0
    assert ordinary_differences(0.2 * np.arange(72.0) + noise) == 1
    assert ordinary_differences(np.cumsum(np.cumsum(5 * noise))) == 2


def test_two_seasons_are_too_few_for_a_seasonal_difference():
    assert seasonal_share(np.tile(np.arange(12.0), 2), 12) == 0


def test_difference_by_hand():
    y = np.array([1.0, 4.0, 9.0, 16.0])
    assert difference(y, 1, 2) == pytest.approx([2, 2])
    assert difference(y, 2, 1) == pytest.approx([8, 12])
    assert difference(y, 1, 0) == pytest.approx(y)
