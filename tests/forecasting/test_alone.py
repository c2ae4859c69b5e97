"""A model of the race by itself: its own points, bounds from its own misses."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.engines import ALONE, open_engine


@pytest.mark.parametrize("name", ALONE)
def test_the_model_serves_by_its_own_name(make_series, name):
    units = 20 + 9 * np.sin(np.arange(48) * np.pi / 6) + np.random.default_rng(1).normal(0, 1, 48)
    (forecast,) = open_engine(name).forecast([make_series(units)], 12)

    assert (forecast.model, forecast.reason) == (name, "")
    assert (forecast.lower[1] < forecast.units).all() and (forecast.units < forecast.upper[1]).all()


def test_bounds_are_as_wide_as_what_was_missed_in_the_last_twelve_months(make_series):
    """After a steady 4 come twelve times 6; the first of them is missed by 2, none by more."""
    units = np.array([4.0] * 20 + [6.0] * 12)
    (forecast,) = open_engine("tsb").forecast([make_series(units)], 12)

    deviation = (forecast.upper[2] - forecast.units) / 1.959964
    assert (np.diff(deviation) >= 0).all()
    assert 0 < deviation[0] < 2
    assert deviation[11] == pytest.approx(2, rel=0.01)


def test_a_history_too_short_is_served_by_the_rule_and_says_so(make_series):
    (forecast,) = open_engine("ets").forecast([make_series([3.0, 5.0])], 3)

    assert forecast.units == pytest.approx([4.0, 4.0, 4.0])
    assert forecast.reason == "short_history months=2 served=mean"
