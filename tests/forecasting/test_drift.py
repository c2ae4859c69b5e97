"""A store whose data or errors have changed is named, a quiet one is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecasting.drift import RULES, Alert, data_alerts, error_alerts, write_alerts


def _summary(wape=0.3, bias=0.0, coverage80=0.8, rows=100):
    store = {"merchant_id": "M1", "store_id": "S1", "rows": rows}
    return {"store": [{**store, "wape": wape, "bias": bias, "coverage80": coverage80}]}


def _codes(alerts):
    return [alert.code for alert in alerts]


USUAL = [_summary(wape) for wape in (0.30, 0.31, 0.29, 0.30)]


def test_a_quiet_month_raises_nothing():
    assert error_alerts([*USUAL, _summary(0.32)]) == []
    assert error_alerts([]) == []


def test_errors_that_rise_beyond_the_usual_are_named_with_both_numbers():
    assert error_alerts([*USUAL, _summary(0.5)]) == [Alert("errors_up", "M1", "S1", 0.5, 0.3)]


def test_a_clear_but_small_rise_of_errors_is_no_alert():
    assert error_alerts([*USUAL, _summary(0.36)]) == []


def test_two_months_are_too_few_to_call_errors_high():
    assert error_alerts([*USUAL[:2], _summary(0.9)]) == []


@pytest.mark.parametrize(
    ("biases", "codes"),
    [
        ([0.3, 0.25, 0.4], ["one_sided"]),
        ([-0.3, -0.25, -0.4], ["one_sided"]),
        ([0.3, -0.25, 0.4], []),
        ([0.3, 0.1, 0.4], []),
        ([0.3, 0.4], []),
    ],
)
def test_three_months_off_to_one_side_are_an_alert(biases, codes):
    assert _codes(error_alerts([_summary(bias=bias) for bias in biases])) == codes


def test_intervals_that_hold_too_little_are_an_alert_where_many_were_given():
    assert _codes(error_alerts([_summary(coverage80=0.6)])) == ["coverage_low"]
    assert error_alerts([_summary(coverage80=0.6, rows=20)]) == []


def _store(make_series, last_month):
    rng = np.random.default_rng(1)
    products = [rng.integers(40, 60, 37).astype(float) for _ in range(10)]
    for units in products:
        units[-1] = last_month
    return [make_series(units, f"P{i}") for i, units in enumerate(products)]


def test_a_month_as_usual_is_no_alert(make_series):
    assert data_alerts(_store(make_series, 50)) == []


def test_sales_far_from_the_usual_change_on_the_year_are_an_alert(make_series):
    (alert,) = data_alerts(_store(make_series, 5))
    assert (alert.code, alert.found) == ("sales_level", 50)
    assert alert.expected == pytest.approx(500, rel=0.1)


def test_products_that_fall_silent_together_are_an_alert(make_series):
    series = _store(make_series, 50)
    silent = [replace(s, units=np.append(s.units[:-1], 0.0)) for s in series[:5]]
    assert _codes(data_alerts([*silent, *series[5:]])) == ["sales_level", "products_gone_quiet"]
    assert "products_gone_quiet" not in _codes(data_alerts([*silent[:4], *series[4:]]))


def test_alerts_are_kept_beside_the_scores(make_lake):
    month = date(2025, 12, 1)
    lake = make_lake({month: [{"A": np.full(24, 5.0)}]})
    lake.write_json("scores/month=2025-12/summary.json", _summary(coverage80=0.5))
    found = write_alerts(lake, month)
    assert found == lake.read_json("scores/month=2025-12/alerts.json")["alerts"]
    assert [alert["code"] for alert in found] == ["coverage_low"]
    assert {alert["code"] for alert in found} <= set(RULES)
