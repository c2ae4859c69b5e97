"""Which products a merchant should look at first, by stated limits, each side of them."""

from __future__ import annotations

import pytest

from api.attention import attention
from api.confidence import confidence


def told(change=None, stock=None, history=(10,) * 24, past=(), price=2.0, active=True, units=10.0):
    about = {
        "active": active,
        "stock_on_hand": stock,
        "change_on_last_year": change,
        "units_last_year": sum(history[-12:]),
        "horizon_units": 12 * units,
    }
    return attention(about, {"units_forecast": [units] * 12}, history, past, price)


def scored(*pairs):
    return [{"units_forecast": f, "units_sold": s} for f, s in pairs]


def test_nothing_to_see_is_none():
    assert told(change=0.1, stock=50) is None
    assert told(active=False, stock=0) is None


def test_stock_below_next_months_forecast_runs_short():
    assert told(stock=4) == {
        "code": "running_short",
        "parameters": {"stock": 4, "wanted": 10.0},
        "money_at_stake": 12.0,
    }
    assert told(stock=10) is None and told(stock=None) is None


@pytest.mark.parametrize(
    ("change", "code"), [(-0.3, "dropping"), (-0.29, None), (2.0, None), (2.01, "extreme")]
)
def test_changes_beyond_the_limits_are_told(change, code):
    found = told(change=change, units=5.0)
    assert (found and found["code"]) == code
    if found:
        assert found["money_at_stake"] == 120.0


def test_a_month_that_the_run_flags_is_told_before_what_follows_from_it():
    flagged = told(history=(3,) * 24, units=13.5, stock=0)
    assert flagged["code"] == "extreme_month"
    assert flagged["parameters"] == {"highest": 13.5, "best": 3}
    assert flagged["money_at_stake"] == 21.0
    assert told(history=(3,) * 24, units=13.0, stock=0)["code"] == "running_short"


def test_forecasts_that_missed_are_told_from_three_months_on():
    bad = [(20.0, 10.0)] * 3
    assert told(past=scored(*bad))["code"] == "badly_forecast"
    assert told(past=scored(*bad))["money_at_stake"] == 20.0
    assert told(past=scored(*bad[:2])) is None
    assert told(past=scored((16.0, 10.0), (10.0, 10.0), (10.0, 10.0))) is None


def test_a_new_product_is_told_for_six_months():
    assert told(history=(3,) * 6)["code"] == "new"
    assert told(history=(3,) * 7) is None


def test_the_most_money_decides_and_units_stand_in_for_an_unknown_price():
    both = told(stock=4, past=scored(*[(40.0, 10.0)] * 3))
    assert both["code"] == "badly_forecast" and both["money_at_stake"] == 60.0
    assert told(stock=4, price=None)["money_at_stake"] == 6.0


@pytest.mark.parametrize(
    ("width", "months", "wape", "word"),
    [
        (0.8, 12, None, "high"),
        (0.81, 12, None, "fair"),
        (0.5, 12, 0.31, "fair"),
        (1.6, 12, 0.6, "fair"),
        (1.61, 12, 0.1, "low"),
        (0.1, 12, 0.61, "low"),
        (0.1, 11, 0.1, "unknown"),
        (None, 40, 0.1, "unknown"),
    ],
)
def test_confidence_follows_its_table(width, months, wape, word):
    assert confidence(width, months, wape) == word
