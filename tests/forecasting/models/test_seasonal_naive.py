"""The rule that every model has to beat, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.forecaster import LEVELS
from forecasting.models.seasonal_naive import SeasonalNaive

Z80 = 1.2815515655446004


def _forecast(series, horizon=12):
    return SeasonalNaive().forecast([series], horizon)[0]


def test_each_month_repeats_the_same_month_of_the_last_year(make_series):
    forecast = _forecast(make_series(np.arange(1.0, 25.0)), 14)
    assert list(forecast.units) == [*range(13, 25), 13, 14]
    assert (forecast.model, forecast.reason) == ("seasonal_naive", "")


def test_spread_is_that_of_the_seasonal_differences_and_grows_by_year(make_series):
    history = np.full(24, 100.0)
    history[12:] += [3.0, -3.0] * 6
    forecast = _forecast(make_series(history), 13)
    eighty = LEVELS.index(80)
    assert forecast.upper[eighty, 0] == pytest.approx(103 + Z80 * 3)
    assert forecast.lower[eighty, 11] == pytest.approx(97 - Z80 * 3)
    assert forecast.upper[eighty, 12] == pytest.approx(103 + Z80 * 3 * np.sqrt(2))


def test_no_bound_is_below_zero(make_series):
    history = np.tile([0.0, 50.0, 0.0], 8)
    history[:12] = 0
    assert _forecast(make_series(history)).lower.min() == 0


def test_less_than_a_year_is_served_its_mean(make_series):
    forecast = _forecast(make_series([2.0, 4.0, 6.0]))
    assert list(forecast.units) == [4.0] * 12
    assert (forecast.model, forecast.reason) == ("mean", "short_history months=3 served=mean")
    assert forecast.upper[1, 0] == pytest.approx(4 + Z80 * 2 * np.sqrt(1 + 1 / 3))


def test_one_month_is_repeated_with_the_spread_of_a_count(make_series):
    forecast = _forecast(make_series([8.0]))
    assert (forecast.units[0], forecast.model) == (8.0, "last")
    assert forecast.reason == "short_history months=1 served=last"
    assert forecast.upper[1, 0] == pytest.approx(8 + Z80 * 4)


def test_a_year_without_a_second_takes_the_spread_of_its_level(make_series):
    history = np.arange(1.0, 14.0)
    forecast = _forecast(make_series(history))
    assert forecast.units[0] == 2.0
    assert forecast.reason == "short_history months=13"
    assert forecast.upper[1, 0] == pytest.approx(2 + Z80 * history.std(ddof=1) * np.sqrt(14 / 13))
