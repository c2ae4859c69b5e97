"""What slow movers sold is mixed with what their rate says, and neither drowns the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from forecasting.forecaster import LEVELS
from forecasting.slow_spread import Spread


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


def test_a_survey_from_before_classes_were_told_apart_is_read() -> None:
    usual = Spread.usual()
    again = Spread.from_json(usual.sold.tolist())
    np.testing.assert_array_equal(again.sold, usual.sold)
    assert not again.by_kind
