"""The yardstick: auto_arima where it was asked for, the rule with its reason elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.guard import broken_rule
from forecasting.models.pmdarima_reference import PmdarimaReference


@pytest.fixture
def yearly(make_series):
    """Three years that fall and rise, with a little noise."""
    noise = np.random.default_rng(1).normal(0, 2, 36)
    return make_series(50 + 20 * np.sin(np.arange(36) * np.pi / 6) + noise)


def test_a_series_is_searched_by_auto_arima(yearly):
    forecast = PmdarimaReference().forecast([yearly], 12)[0]
    assert (forecast.model, forecast.reason) == ("pmdarima", "")
    assert broken_rule(forecast, 12) == ""
    truth = 50 + 20 * np.sin(np.arange(36, 48) * np.pi / 6)
    assert np.abs(forecast.units - truth).mean() < 5


def test_only_the_best_sellers_are_searched_in_a_run(make_series):
    old = [9.0] * 12 + [1.0] * 12
    everything = [make_series(old, "old"), make_series([5.0] * 24, "new")]
    engine = PmdarimaReference(best_sellers=1)
    findings = engine.survey(everything)
    assert findings == {"best_sellers": [["M1", "S1", "new"]]}
    beyond, chosen = engine.informed(findings).forecast(everything, 12)
    assert chosen.model == "pmdarima"
    assert beyond.reason == "beyond_budget best_sellers=1 served=seasonal_naive"
    assert list(beyond.units) == [1.0] * 12


def test_best_sellers_of_equal_volume_go_by_key(make_series):
    everything = [make_series([1.0], name) for name in "cab"]
    findings = PmdarimaReference(best_sellers=2).survey(everything)
    assert [key[2] for key in findings["best_sellers"]] == ["a", "b"]


def test_too_few_months_are_served_by_the_rule(make_series):
    forecast = PmdarimaReference().forecast([make_series([1.0, 2.0, 3.0])], 12)[0]
    assert forecast.reason == "short_history months=3 served=mean"
