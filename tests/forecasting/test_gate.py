"""A candidate is better by a paired test over series, where no store or class gets worse."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from forecasting.gate import compare


def _scores(errors, store="S1", category="toys", months=10):
    """Ten months of each product, all sold 10 and missed by the same."""
    return pd.DataFrame(
        [
            {
                "merchant_id": "M",
                "store_id": store,
                "product_id": f"P{i}",
                "cutoff_month": date(2025, 1, 1),
                "month": date(2025, 2, 1 + month),
                "units_sold": 10.0,
                "units_forecast": 10.0 - error,
                "mase_scale": 2.0,
                "category": category,
                "demand_class": "smooth",
            }
            for i, error in enumerate(errors)
            for month in range(months)
        ]
    )


def test_a_clearly_smaller_error_is_better():
    found = compare(_scores([2, 3, 2, 4, 3, 2]), _scores([1, 2, 1, 2, 2, 1]))
    assert found.better
    assert (found.series, found.forecasts) == (6, 60)
    assert found.error_serving == pytest.approx(16 / 6 / 2)
    assert found.error_candidate == pytest.approx(9 / 6 / 2)
    assert "the candidate is better: scaled error 0.750 instead of 1.333" in found.why


def test_a_mixed_result_is_not_better():
    found = compare(_scores([2, 3, 2, 4, 3, 2]), _scores([1, 4, 1, 5, 2, 2]))
    assert not found.better
    assert "not clearly better" in found.why


def test_months_of_one_series_are_one_observation():
    serving, candidate = _scores([2, 3, 2], months=25), _scores([1, 2, 1], months=25)
    assert compare(serving, candidate).p_value == 1.0


def test_a_store_that_would_get_worse_holds_the_candidate_back():
    good, bad = [3, 4, 3, 4, 3, 4, 3, 4], [1.0, 1.1, 1.0, 1.0, 1.1]
    serving = pd.concat([_scores(good), _scores(bad, "S2", "games")])
    candidate = pd.concat([_scores([1] * 8), _scores([1.2] * 5, "S2", "games")])
    found = compare(serving, candidate)
    assert found.p_value < 0.05
    assert not found.better
    assert [(one.group, one.label) for one in found.worse] == [
        ("store", "M / S2"),
        ("category", "games"),
    ]
    assert "better in all" in found.why
    assert "store M / S2 would get worse: WAPE 12.0% instead of 10.4%, and 1 more" in found.why


def test_a_store_that_got_worse_by_chance_holds_nobody_back():
    good, mixed = [3, 4, 3, 4, 3, 4, 3, 4], [1.0, 1.1, 1.0, 1.0, 1.1]
    serving = pd.concat([_scores(good), _scores(mixed, "S2")])
    candidate = pd.concat([_scores([1] * 8), _scores([2.0, 1.0, 0.8, 1.0, 1.2], "S2")])
    assert compare(serving, candidate).better


def test_the_more_stores_there_are_the_clearer_one_must_be_worse():
    def pair(stores):
        parts = [(_scores([3, 4, 3, 4, 3], f"S{i}"), _scores([1] * 5, f"S{i}")) for i in stores]
        serving, candidate = _scores([1.0] * 5, "X"), _scores([1.2, 1.3, 1.0, 1.2, 1.1], "X")
        frames = zip(*parts, (serving, candidate), strict=True)
        return [one.assign(category="-") for one in map(pd.concat, frames)]

    assert [one.label for one in compare(*pair(range(1))).worse] == ["M / X"]
    assert compare(*pair(range(30))).better


def test_a_store_of_few_series_holds_nobody_back():
    serving = pd.concat([_scores([3, 4, 3, 4, 3, 4]), _scores([1.0] * 4, "S2")])
    candidate = pd.concat([_scores([1] * 6), _scores([1.5] * 4, "S2")])
    assert compare(serving, candidate).better


def test_a_group_of_few_forecasts_holds_nobody_back():
    few = {"store": "S2", "months": 5}
    serving = pd.concat([_scores([3, 4, 3, 4, 3, 4]), _scores([1.0] * 5, **few)])
    candidate = pd.concat([_scores([1] * 6), _scores([1.5] * 5, **few)])
    assert compare(serving, candidate).better


def _with_bounds(scores, half):
    bounds = {f"lo{level}": -half * level / 80 for level in (50, 80, 95)}
    bounds |= {f"hi{level}": half * level / 80 for level in (50, 80, 95)}
    return scores.assign(**{name: scores["units_forecast"] + by for name, by in bounds.items()})


def test_bounds_that_get_worse_hold_back_who_is_better_in_points():
    serving = _with_bounds(_scores([2, 3, 2, 4, 3, 2]), 4.0)
    candidate = _with_bounds(_scores([1.9, 2.9, 1.9, 3.8, 2.9, 1.9]), 0.1)
    found = compare(serving, candidate)
    assert found.p_value < 0.05
    assert not found.better
    assert "but the bounds would get worse: scaled pinball loss" in found.why
    assert compare(serving, _with_bounds(_scores([1, 2, 1, 2, 2, 1]), 2.0)).better


def test_bounds_that_are_hardly_worse_hold_nobody_back():
    serving = _with_bounds(_scores([2, 3, 2, 4, 3, 2]), 8.0)
    found = compare(serving, _with_bounds(_scores([2, 3, 2, 4, 3, 2]), 8.01))
    assert 1 < found.loss_candidate / found.loss_serving < 1.01
    assert found.harmless
