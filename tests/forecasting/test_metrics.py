"""Each measure against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting import metrics

SOLD = np.array([10.0, 0.0, 30.0])
FORECAST = np.array([8.0, 1.0, 36.0])


def test_wape_is_all_errors_over_all_sales():
    assert metrics.wape(SOLD, FORECAST) == pytest.approx((2 + 1 + 6) / 40)


def test_bias_is_positive_where_too_much_was_forecast():
    assert metrics.bias(SOLD, FORECAST) == pytest.approx(5 / 40)


def test_nothing_sold_leaves_shares_unknown():
    assert np.isnan(metrics.wape(np.zeros(2), np.ones(2)))
    assert np.isnan(metrics.bias(np.zeros(2), np.ones(2)))


def test_smape_counts_a_forecast_zero_of_nothing_sold_as_right():
    expected = (2 * 2 / 18 + 2 * 1 / 1 + 2 * 6 / 66) / 3
    assert metrics.smape(SOLD, FORECAST) == pytest.approx(expected)
    assert metrics.smape(np.zeros(1), np.zeros(1)) == 0


def test_scales_are_those_of_seasonal_naive_within_the_history():
    history = np.concatenate([np.full(12, 5.0), np.full(11, 5.0), [17.0]])
    assert metrics.mase_scale(history) == pytest.approx(12 / 12)
    assert metrics.rmsse_scale(history) == pytest.approx(np.sqrt(144 / 12))


@pytest.mark.parametrize("history", [np.ones(12), np.ones(40), np.zeros(30)])
def test_a_short_or_unchanging_history_has_no_scale(history):
    assert np.isnan(metrics.mase_scale(history))
    assert np.isnan(metrics.rmsse_scale(history))


def test_scaled_errors_leave_out_what_has_no_scale():
    scale = np.array([2.0, np.nan, 3.0])
    assert metrics.mase(SOLD, FORECAST, scale) == pytest.approx((1 + 2) / 2)
    assert metrics.rmsse(SOLD, FORECAST, scale) == pytest.approx(np.sqrt((1 + 4) / 2))


def test_pinball_punishes_the_unlikely_side_more():
    assert list(metrics.pinball_losses(np.array([10.0, 10.0]), np.array([6.0, 14.0]), 0.9)) == (
        pytest.approx([0.9 * 4, 0.1 * 4])
    )


def test_bounds_cover_what_lies_on_them():
    lower, upper = np.array([10.0, 1.0, 0.0]), np.array([12.0, 2.0, 30.0])
    assert metrics.coverage(SOLD, lower, upper) == pytest.approx(2 / 3)


def test_interval_score_is_width_and_a_fine_for_what_lay_beyond():
    lower, upper = np.array([5.0, 1.0]), np.array([9.0, 3.0])
    losses = metrics.interval_losses(np.array([10.0, 0.5]), lower, upper, 95)
    assert list(losses) == pytest.approx([4 + 40 * 1, 2 + 40 * 0.5])


def test_skill_is_negative_where_the_rule_was_better():
    assert metrics.skill(5.0, 4.0) == -0.25
