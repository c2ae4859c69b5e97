"""Slow movers are forecast at their mean, within bounds that hold what they sell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest

from forecasting.forecaster import LEVELS, Series
from forecasting.models.pooled import FLAT, Shape
from forecasting.routing import route
from forecasting.slow_movers import (
    SlowMovers,
    Spread,
    expected_ahead,
    season_ahead,
    usual_size,
)

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


def test_without_a_fleet_the_expected_rate_alone_spreads() -> None:
    usual = Spread.of([])
    lower, upper = usual.interval(np.array([0.0]), np.array([0.185]), 1.0)
    # Months sell with the chance 0.185, then exponentially: 0.05 = 0.185 exp(-x).
    np.testing.assert_allclose(upper[2], np.log(0.185 / 0.05))
    np.testing.assert_array_equal(lower, 0.0)


def constant(expected: float, sold: Sequence[float], series: int) -> Spread:
    """The spread over so many series that each sold that after as much was expected a month."""
    rates = np.full(len(sold), expected)
    return Spread.of([(one, "lumpy", rates, np.array(sold)) for one in range(series)])


def test_one_slow_mover_hardly_moves_the_spread() -> None:
    busy, usual = constant(0.185, [4.0, 0.0], 1).sold[4], Spread.usual().sold[4]
    np.testing.assert_allclose(busy[:6], usual[:6], atol=0.1)
    # Half of a large fleet's months sold: the mean expected is kept by twice as much in each.
    many = constant(0.185, [0.6, 0.0], 400).sold[4]
    assert many[5] == pytest.approx(0.37)


def test_a_fleet_that_sold_more_than_was_expected_spreads_like_one_that_sold_just_that() -> None:
    more, just = (constant(0.3, [0.0, 0.0, sold], 100).sold for sold in (2.7, 0.9))
    np.testing.assert_allclose(more, just)


def test_one_bulk_order_of_a_fleet_does_not_shrink_the_months_of_the_others() -> None:
    plain = constant(0.5, [0.0, 1.0] * 50, 50).sold[7]
    bulky = constant(0.5, [0.0, 1.0] * 49 + [0.0, 4000.0], 50).sold[7]
    np.testing.assert_allclose(bulky[:6], plain[:6], rtol=0.1)


def test_a_fleet_that_sold_nothing_after_its_origins_has_a_spread() -> None:
    silent = constant(0.185, [0.0], 400).sold[4]
    assert np.isfinite(silent).all()
    assert silent[-1] < Spread.usual().sold[4, -1]


def test_the_one_sale_of_a_silent_fleet_is_not_taken_for_a_flood() -> None:
    silent = constant(0.5, [0.0] * 19 + [1.0], 100).sold[7]
    # Expected ten times as much: the one month in twenty that sold counts as 3, not as 10.
    assert silent[-1] < 4.0


def test_the_same_months_of_a_large_fleet_never_outvote_what_the_rate_says() -> None:
    # All sold; 4,000 series count as 49 to the rate's 50, by which four months in five sell none.
    fleet = constant(0.185, [0.4], 4000).sold[4]
    np.testing.assert_array_equal(fleet[:3], 0.0)
    assert fleet[3] == pytest.approx(0.185)


def test_products_that_sell_the_same_size_have_bounds_of_their_own_among_those_that_do_not() -> (
    None
):
    rates, even, uneven = np.full(4, 0.5), np.array([0, 1.0, 0, 1]), np.array([0, 0, 0, 2.0])
    rows = [(one, "intermittent", rates, even) for one in range(200)]
    rows += [(one, "lumpy", rates, uneven) for one in range(200, 400)]
    mixed = Spread.of(rows)
    lower, upper = mixed.interval(rates, rates, 1.0, "lumpy")
    _, even_upper = mixed.interval(rates, rates, 1.0, "intermittent")
    assert upper[2, 0] >= 2.0 > even_upper[1, 0] == 1.0
    # A class that was not seen has the bounds of all.
    for found, usual in zip(
        mixed.interval(rates, rates, 1.0, "smooth"), mixed.interval(rates, rates, 1.0), strict=True
    ):
        np.testing.assert_array_equal(found, usual)
    np.testing.assert_array_equal(lower[:, 0] == 0, True)


def test_a_product_that_never_sold_has_a_spread() -> None:
    lower, upper = Spread.usual().interval(np.zeros(2), np.zeros(2), 0.0)
    assert lower.shape == upper.shape == (len(LEVELS), 2)
    assert not upper.any()


def test_a_spread_survives_json(spread: Spread) -> None:
    again = Spread.from_json(json.loads(json.dumps(spread.to_json())))
    np.testing.assert_array_equal(again.sold, spread.sold)
    assert again.by_kind.keys() == spread.by_kind.keys() == {"intermittent", "lumpy"}
    for kind, own in spread.by_kind.items():
        np.testing.assert_array_equal(again.by_kind[kind], own)


def test_a_survey_from_before_classes_were_told_apart_is_read() -> None:
    usual = Spread.usual()
    again = Spread.from_json(usual.sold.tolist())
    np.testing.assert_array_equal(again.sold, usual.sold)
    assert not again.by_kind


def test_the_order_of_the_fleet_has_no_say() -> None:
    backwards = SlowMovers()
    for seed in reversed(range(400)):
        backwards.add(sparse(seed))
    forwards = SlowMovers()
    for seed in range(400):
        forwards.add(sparse(seed))
    np.testing.assert_array_equal(forwards.spread().sold, backwards.spread().sold)
