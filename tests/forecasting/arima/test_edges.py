"""Whatever a history looks like, the engine answers: finite, not negative, nested, with reasons."""

from __future__ import annotations

import itertools
import re
from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecasting.arima import ArimaForecaster, ArimaModel, fit
from forecasting.forecaster import Forecast, Series

REASON = re.compile(r"^([a-z_]+( [a-z_]+=[^ =]+)*)?$")
BOTH = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def _check(forecast: Forecast, horizon: int) -> None:
    rows = [*forecast.lower[::-1], forecast.units, *forecast.upper]
    for row in rows:
        assert row.shape == (horizon,)
        assert np.isfinite(row).all()
        assert (row >= 0).all()
    for below, above in itertools.pairwise(rows):
        assert (below <= above).all()
    assert REASON.match(forecast.reason), forecast.reason


def _answer(units: np.ndarray, horizon: int = 12) -> Forecast:
    series = Series("M1", "S1", "P1", date(2020, 1, 1), units)
    forecast, text = ArimaForecaster().forecast_warm([series], horizon, [None])[0]
    _check(forecast, horizon)
    assert len(text) <= 1000
    again = ArimaModel.from_json(text).forecast(units, horizon)
    np.testing.assert_array_equal(again.units, forecast.units)
    return forecast


@BOTH
@given(
    st.lists(st.floats(0, 1e12, allow_subnormal=False), min_size=0, max_size=60),
    st.integers(1, 24),
)
def test_any_list_of_numbers_is_answered(units, horizon):
    _answer(np.array(units, dtype=float), horizon)


@BOTH
@given(
    seed=st.integers(0, 10**6),
    months=st.integers(1, 130),
    scale=st.sampled_from([1e-9, 1e-3, 1.0, 1e6, 1e12]),
    season=st.sampled_from([0.0, 0.5, 5.0]),
    walk=st.sampled_from([0.0, 0.3]),
    zeros=st.sampled_from([0.0, 0.2, 0.6, 0.95]),
    spike=st.sampled_from([None, 50.0, 1e6]),
    shift=st.sampled_from([0.0, 10.0, -0.9]),
    gaps=st.sampled_from([0.0, 0.1]),
)
def test_any_kind_of_history_is_answered(
    seed, months, scale, season, walk, zeros, spike, shift, gaps
):
    rng = np.random.default_rng(seed)
    t = np.arange(months)
    units = 1 + rng.gamma(2, 0.2, months) + season * (1 + np.cos(np.pi * t / 6))
    units *= np.exp(walk * rng.normal(0, 0.3, months).cumsum())
    units[months // 2 :] *= 1 + shift
    if spike is not None:
        units[rng.integers(months)] *= spike
    units[rng.random(months) < zeros] = 0
    units[rng.random(months) < gaps] = np.nan
    _answer(np.round(units * scale, 12))


@pytest.mark.parametrize(
    ("units", "reason", "expected"),
    [
        ([], "no_history", 0.0),
        ([0.0] * 30, "all_zero months=30", 0.0),
        ([7.0] * 40, "constant months=40", 7.0),
        ([5.0], "constant months=1", 5.0),
        ([2.0, 4.0, 3.0], "short_history months=3", 3.0),
        ([0.0, 0.0, 6.0] * 8, "many_zeros share=0.67", 2.0),
        ([np.nan] * 5, "no_history gaps=5", 0.0),
    ],
)
def test_a_plain_rule_answers_with_its_reason(units, reason, expected):
    forecast = _answer(np.array(units))
    assert forecast.reason == reason
    assert forecast.units == pytest.approx(np.full(12, expected))


def test_gaps_are_filled_and_said():
    y = 20 + 5 * np.sin(np.arange(60) * np.pi / 6) + np.random.default_rng(1).normal(0, 1, 60)
    y[[10, 30, 31]] = np.nan
    forecast = _answer(y)
    assert (forecast.model, forecast.reason) == ("arima", "gaps months=3")


def test_an_exact_line_goes_on_as_a_line():
    forecast = _answer(10.0 + 2.0 * np.arange(48))
    assert forecast.units == pytest.approx(10 + 2 * np.arange(48, 60), rel=1e-6)


def test_an_exact_season_repeats():
    year = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8.0])
    forecast = _answer(np.tile(year, 5))
    assert forecast.units == pytest.approx(year, rel=1e-6)


def test_forecasts_follow_the_unit_of_the_history():
    y = 20 + 5 * np.sin(np.arange(72) * np.pi / 6) + np.random.default_rng(2).normal(0, 1, 72)
    small, large = _answer(y * 1e-9), _answer(y * 1e9)
    assert small.units * 1e18 == pytest.approx(large.units, rel=1e-2)


def test_nothing_runs_away():
    forecast = _answer(np.exp(np.arange(60) / 4.0))
    assert forecast.upper.max() <= 10 * np.exp(59 / 4.0) * (1 + 1e-9)


def test_one_bad_series_does_not_touch_its_neighbours():
    y = 20 + np.random.default_rng(3).normal(0, 1, 40)
    good = Series("M1", "S1", "P1", date(2020, 1, 1), y)
    bad = Series("M1", "S1", "P2", date(2020, 1, 1), np.full(40, np.inf))
    together = ArimaForecaster().forecast([bad, good], 6)
    np.testing.assert_array_equal(together[1].units, fit(y).forecast(y, 6).units)
    assert together[0].reason == "no_history gaps=40"
