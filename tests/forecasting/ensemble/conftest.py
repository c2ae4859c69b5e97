"""A small fleet that the tests of the ensemble share."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from forecasting.forecaster import Series

SHAPE = 1 + 0.4 * np.sin(np.arange(12) * np.pi / 6)


@pytest.fixture(scope="session")
def fleet() -> list[Series]:
    """Thirty products of one shop: steady, short, sparse and new ones."""
    rng = np.random.default_rng(11)
    return [_product(number, rng) for number in range(30)]


def _product(number: int, rng: np.random.Generator) -> Series:
    months = (40, 20, 30, 4, 14)[number % 5]
    expected = 20.0 * (1 + number % 7) * np.resize(SHAPE, 40)[-months:]
    units = rng.poisson(expected).astype(float)
    if number % 5 == 2:
        units *= rng.random(months) < 0.4
        units[0] = max(units[0], 1.0)
    first = 2021 * 12 + 40 - months
    return Series("M1", "S1", f"P{number}", date(first // 12, first % 12 + 1, 1), units, "toys")
