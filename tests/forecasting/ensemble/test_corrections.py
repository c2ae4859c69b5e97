"""Empty shelves become demand, bulk orders are damped, what comes again is kept."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.corrections import correct

USUAL = np.array([10.0, 12, 11, 9, 13, 10, 12, 11, 10, 9, 11, 10] * 3)


def test_half_a_month_without_stock_is_raised_to_demand() -> None:
    sold, days = USUAL.copy(), np.zeros(36)
    sold[20], days[20] = 5.0, 15.2
    corrected = correct(sold, days)
    assert corrected.units[20] == pytest.approx(10.0)
    assert corrected.stockouts == (20,)
    assert corrected.raw[20] == 5.0


def test_a_month_without_stock_takes_the_usual_rate() -> None:
    sold, days = USUAL.copy(), np.zeros(36)
    sold[20], days[20] = 0.0, 30.0
    assert correct(sold, days).units[20] == pytest.approx(USUAL.mean(), abs=1.0)


def test_availability_that_is_not_told_changes_nothing() -> None:
    np.testing.assert_array_equal(correct(USUAL, np.full(36, np.nan)).units, USUAL)
    np.testing.assert_array_equal(correct(USUAL).units, USUAL)


def test_one_bulk_order_is_damped_to_three_usual_months() -> None:
    sold = USUAL.copy()
    sold[20] = 500.0
    corrected = correct(sold)
    assert corrected.units[20] == pytest.approx(3 * 10.0, abs=3.1)
    assert corrected.spikes == (20,)


def test_a_yearly_peak_is_no_bulk_order() -> None:
    sold = USUAL.copy()
    sold[[11, 23, 35]] = 100.0
    assert correct(sold).spikes == ()


def test_a_level_that_stays_is_no_bulk_order() -> None:
    sold = USUAL.copy()
    sold[-4:] = 60.0
    assert correct(sold).spikes == ()
