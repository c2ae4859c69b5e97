"""The shape of a year that a merchant's products share."""

from __future__ import annotations

import json
from datetime import date

import numpy as np

from forecasting.forecaster import Series
from forecasting.models.pooled import FLAT, Pool, Shapes, level_ahead

WAVE = 1 + 0.5 * np.sin(np.arange(24) * np.pi / 6)


def product(number: int, merchant: str = "M1", wave: np.ndarray = WAVE) -> Series:
    level = 10.0 * (1 + number)
    return Series(merchant, "S1", f"P{number}", date(2023, 1, 1), level * wave, "toys")


def test_products_that_share_a_shape_give_it_away() -> None:
    shape = Pool.of(product(number) for number in range(20)).shape("M1", "toys")
    expected = WAVE[:12] / np.exp(np.log(WAVE[:12]).mean())
    np.testing.assert_allclose(shape.factors, expected, rtol=1e-6)
    assert abs(shape.growth) < 1e-9


def test_another_merchants_shape_is_never_borrowed() -> None:
    pool = Pool.of(product(number) for number in range(20))
    assert pool.shape("M2", "toys") is FLAT


def test_one_year_or_less_tells_no_shape() -> None:
    pool = Pool.of(product(number, wave=WAVE[:12]) for number in range(20))
    assert pool.shape("M1", "toys") is FLAT


def test_shapes_survive_json() -> None:
    pool = Pool.of(product(number) for number in range(5))
    shapes = Shapes(json.loads(json.dumps(pool.shapes().rows)))
    expected = pool.shape("M1", "toys").factors
    np.testing.assert_allclose(shapes.shape("M1", "toys").factors, expected, atol=1e-6)
    assert shapes.shape("M2", "toys") is FLAT


def test_a_small_category_takes_its_merchants_shape() -> None:
    shapes = Pool.of(product(number) for number in range(3)).shapes()
    assert list(shapes.rows) == ["M1|"]


def test_a_level_is_carried_ahead_in_the_shape() -> None:
    shape = Pool.of(product(number) for number in range(20)).shape("M1", "toys")
    ahead = level_ahead(100 * WAVE[:18], date(2023, 1, 1), shape, 0.3, 6)
    np.testing.assert_allclose(ahead, 100 * WAVE[18:], rtol=1e-6)
