"""Slow movers are forecast at their mean, within bounds that hold what they sell."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest

from forecasting.forecaster import Series
from forecasting.models.pooled import FLAT, Shape
from forecasting.routing import route
from forecasting.slow_movers import SlowMovers, expected_ahead, season_ahead, usual_size
from forecasting.slow_spread import Spread

START = date(2024, 1, 1)


def sparse(seed: int, months: int = 30, share: float = 0.3) -> Series:
    """Sells eight or so in three months of ten."""
    rng = np.random.default_rng(seed)
    units = rng.gamma(4.0, 2.0, months) * (rng.random(months) < share)
    units[0] = 8.0
    return Series("M1", "S1", f"P{seed}", START, units, "toys")


@pytest.fixture(scope="module")
def spread() -> Spread:
    slow = SlowMovers()
    for seed in range(400):
        slow.add(sparse(seed))
    return slow.spread()


def test_the_rate_of_the_last_year_is_expected_while_it_sells() -> None:
    units = np.array([50.0, *[0.0, 0.0, 6.0] * 4])
    np.testing.assert_allclose(expected_ahead(units, START, FLAT, 3), 2.0)


def test_a_pause_lowers_what_is_expected() -> None:
    selling, paused = np.array([0.0, 4.0] * 6), np.array([0.0, 4.0] * 6 + [0.0] * 4)
    fresh, silent = (expected_ahead(units, START, FLAT, 1)[0] for units in (selling, paused))
    assert 0 < silent < 0.6 * fresh


def test_the_shared_shape_carries_the_rate_through_the_year() -> None:
    shape = Shape(np.where(np.arange(12) == 11, 6.5, 0.5))
    units = shape.over(START, 12) * 4.0
    ahead = expected_ahead(units, START, shape, 12)
    np.testing.assert_allclose(ahead, units)


def test_what_sold_in_its_season_a_year_ago_is_expected_back_after_a_silence() -> None:
    units = np.array([0.0] * 9 + [10.0, 20.0, 10.0] + [0.0] * 7)
    ahead = season_ahead(units, 12)
    assert not ahead[:1].any()
    assert ahead[3] == ahead.max()
    # Four fifths of last year's 40 units, times the chance of nine in ten that they come again.
    assert ahead.sum() == pytest.approx(0.8 * 0.9 * 40.0)
    assert (expected_ahead(units, START, FLAT, 12) >= ahead).all()


def test_a_history_of_one_season_has_none_of_its_own() -> None:
    assert not season_ahead(np.array([0.0] * 9 + [10.0, 20.0, 10.0] + [0.0] * 5), 6).any()


def test_what_sold_in_most_months_and_then_no_more_ended() -> None:
    units = np.array([10.0] * 15 + [0.0] * 5)
    assert not season_ahead(units, 12).any()


def test_bounds_hold_what_slow_movers_sell(spread: Spread) -> None:
    inside = []
    for seed in range(1000, 1400):
        series = sparse(seed)
        known = series.until(24)
        expected = expected_ahead(known.units, START, FLAT, 6)
        size, kind = usual_size(known.units), route(known.units).kind
        lower, upper = spread.interval(expected, expected, size, kind)
        inside.append(((series.units[24:] >= lower) & (series.units[24:] <= upper)).mean(axis=1))
    held = 100 * np.mean(inside, axis=0)
    assert held[1] == pytest.approx(80, abs=4)
    assert held[2] == pytest.approx(95, abs=2)


def test_bounds_are_nested_hold_the_point_and_reach_zero(spread: Spread) -> None:
    expected = np.array([0.1, 2.4])
    lower, upper = spread.interval(expected, expected, 8.0)
    assert (np.diff(np.concatenate([lower[::-1], upper]), axis=0) >= 0).all()
    assert (lower <= expected).all()
    assert (upper >= expected).all()
    np.testing.assert_array_equal(lower, 0.0)


def test_a_spread_survives_json(spread: Spread) -> None:
    again = Spread.from_json(json.loads(json.dumps(spread.to_json())))
    np.testing.assert_array_equal(again.sold, spread.sold)
    assert again.by_kind.keys() == spread.by_kind.keys() == {"intermittent", "lumpy"}
    for kind, own in spread.by_kind.items():
        np.testing.assert_array_equal(again.by_kind[kind], own)


def test_the_order_of_the_fleet_has_no_say() -> None:
    backwards = SlowMovers()
    for seed in reversed(range(400)):
        backwards.add(sparse(seed))
    forwards = SlowMovers()
    for seed in range(400):
        forwards.add(sparse(seed))
    np.testing.assert_array_equal(forwards.spread().sold, backwards.spread().sold)
