"""Whatever an engine does, each series gets a sound answer or the rule with the reason."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from forecasting.forecaster import Forecast
from forecasting.guard import answers, broken_rule
from forecasting.models.seasonal_naive import SeasonalNaive


@dataclass(frozen=True)
class Spoiled:
    """Seasonal naive, spoiled for the product `bad`."""

    spoil: object
    name: str = "spoiled"

    def forecast(self, batch, horizon):
        found = SeasonalNaive().forecast(batch, horizon)
        return [
            self.spoil(f) if s.product_id == "bad" else f for s, f in zip(batch, found, strict=True)
        ]


def _raise(_):
    raise ArithmeticError("singular")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_raise, "engine_failed engine=spoiled error=ArithmeticError served=seasonal_naive"),
        (
            lambda f: replace(f, units=f.units * np.nan),
            "bad_output engine=spoiled rule=finite served=seasonal_naive",
        ),
        (
            lambda f: replace(f, units=f.units - 1000),
            "bad_output engine=spoiled rule=not_negative served=seasonal_naive",
        ),
        (
            lambda f: replace(f, lower=f.lower[::-1]),
            "bad_output engine=spoiled rule=nested served=seasonal_naive",
        ),
        (
            lambda f: replace(f, units=f.units[:3]),
            "bad_output engine=spoiled rule=length served=seasonal_naive",
        ),
    ],
)
def test_a_bad_answer_is_replaced_and_the_others_stay(make_series, spoil, reason):
    rng = np.random.default_rng(1)
    batch = [make_series(rng.uniform(50, 60, 24), name) for name in ("good", "bad", "fine")]
    good, bad, fine = (answer.forecast for answer in answers(Spoiled(spoil), batch, 12))
    assert (good.reason, bad.reason, fine.reason) == ("", reason, "")
    assert broken_rule(bad, 12) == ""
    np.testing.assert_array_equal(bad.units, batch[1].units[12:])


@dataclass(frozen=True)
class Forgetful:
    """Answers for one series of a larger batch."""

    name: str = "forgetful"

    def forecast(self, batch, horizon):
        return SeasonalNaive().forecast(batch[:1], horizon)


def test_a_batch_with_too_few_answers_is_asked_one_by_one(make_series):
    batch = [make_series(np.full(24, float(i)), f"P{i}") for i in range(1, 4)]
    found = answers(Forgetful(), batch, 12)
    assert [answer.forecast.units[0] for answer in found] == [1.0, 2.0, 3.0]


def test_a_retired_product_goes_to_zero_and_says_when_it_last_sold(make_series):
    history = np.zeros(24)
    history[4] = 7
    forecast = answers(SeasonalNaive(), [make_series(history, active=False)], 12)[0].forecast
    assert (forecast.model, forecast.reason) == ("zero", "retired last_sale=2024-05")
    assert forecast.units.sum() == forecast.upper.sum() == 0


def test_a_product_without_a_month_of_history_says_so(make_series):
    forecast = answers(SeasonalNaive(), [make_series([])], 12)[0].forecast
    assert (forecast.model, forecast.reason) == ("zero", "no_history months=0")


@dataclass(frozen=True)
class Remembering:
    """Counts the months that a series was known for, in its model."""

    name: str = "remembering"

    def forecast(self, batch, horizon):
        raise NotImplementedError

    def forecast_warm(self, batch, horizon, previous):
        flat = np.ones((3, horizon))
        return [
            (Forecast(flat[0], flat, flat, "remembering", f"was={before}"), f"{s.months}")
            for s, before in zip(batch, previous, strict=True)
        ]


def test_an_engine_with_a_memory_gets_last_months_model_and_gives_this_months(make_series):
    batch = [make_series([1.0, 2.0]), make_series([1.0] * 3, active=False), make_series([1.0])]
    first, retired, last = answers(Remembering(), batch, 12, ["1", "x", None])
    assert (first.forecast.reason, first.model) == ("was=1", "2")
    assert (last.forecast.reason, last.model) == ("was=None", "1")
    assert retired.model is None
