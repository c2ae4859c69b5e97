"""Whether a model is stationary and invertible, held to the roots that numpy finds."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.arima.lanes import LANES
from forecasting.arima.polynomials import is_feasible


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("part", "sign"), [(0, 1.0), (1, -1.0)])
def test_feasible_is_where_every_root_is_beyond_the_radius(count, part, sign):
    order = np.zeros(6, dtype=np.int64)
    order[part], order[5] = count, 12
    random = np.random.default_rng(count)
    seen = set()
    for _ in range(300):
        x = random.normal(0.0, 1.5 / count, count)
        roots = np.roots([*(-sign * x[::-1]), 1.0])
        lanes = np.repeat(x[:, None], LANES, axis=1)
        nearest = float(np.abs(roots).min())
        seen.add(nearest > 1.01)

        assert is_feasible(order, lanes, 0, 1.01) == (nearest > 1.01), (x, roots)
    assert seen == {True, False}


def test_white_noise_is_feasible():
    assert is_feasible(np.array([0, 0, 0, 0, 0, 12]), np.empty((0, LANES)), 0, 1.01)
