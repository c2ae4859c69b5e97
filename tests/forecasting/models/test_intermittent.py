"""Our rates of sale against statsforecast's."""

from __future__ import annotations

import numpy as np
import pytest
from statsforecast.models import ADIDA, IMAPA, TSB, CrostonSBA

from forecasting.models.intermittent import intermittent_rates

PEERS = (CrostonSBA(), TSB(0.1, 0.1), ADIDA(), IMAPA())


@pytest.mark.parametrize("seed", range(5))
def test_rates_equal_statsforecast(seed: int) -> None:
    rng = np.random.default_rng(seed)
    units = rng.poisson(3, 40) * (rng.random(40) < 0.35).astype(float)
    expected = [peer.forecast(units, 1)["mean"][0] for peer in PEERS]
    np.testing.assert_allclose(intermittent_rates(units), expected, rtol=1e-3)


def test_a_history_without_a_sale_has_no_rate() -> None:
    np.testing.assert_array_equal(intermittent_rates(np.zeros(10)), 0.0)


def test_steady_sales_are_their_own_rate() -> None:
    rates = intermittent_rates(np.full(12, 5.0))
    np.testing.assert_allclose(rates, [0.95 * 5, 5, 5, 5])
