"""The steps of the estimation, held to plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.arima.estimate import normal_equations, residuals, slopes
from forecasting.arima.lanes import LANES

STEP = 1e-6


@pytest.mark.parametrize("order", [(1, 0, 0, 0, 0, 12), (2, 1, 1, 1, 1, 12), (5, 2, 1, 1, 1, 12)])
@pytest.mark.parametrize("exact", [False, True])
def test_normal_equations_are_those_of_the_residuals_slopes(order, exact):
    random = np.random.default_rng(1)
    order = np.array(order)
    k = int(order[:5].sum())
    w, x = random.normal(size=60), random.uniform(-0.15, 0.15, k)

    def errors(at):
        return residuals(w, order, np.repeat(at[:, None], LANES, axis=1), exact)[:, 0]

    base = errors(x)
    jacobian = np.array([(errors(x + STEP * unit) - base) / STEP for unit in np.eye(k)])
    matrix, vector, total = normal_equations(slopes(w, order, x, exact), k)

    np.testing.assert_allclose(
        np.tril(matrix), np.tril(jacobian @ jacobian.T), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(vector, -jacobian @ base, rtol=1e-5, atol=1e-5)
    assert total == pytest.approx(base @ base)
