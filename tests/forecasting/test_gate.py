"""A new engine serves only where it is better, a share first, and goes back where it falls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from etl.settings import Settings
from etl.tables import SCORES
from forecasting import engines
from forecasting.canary import CanaryForecaster, chosen
from forecasting.forecaster import Forecast
from forecasting.gate import compare
from forecasting.models.seasonal_naive import SeasonalNaive
from forecasting.predict import close_run, predict_shard
from forecasting.rollout import Rollout, judge, planned_engine, review, rollout

CUTOFF = date(2025, 12, 1)
SETTINGS = Settings(
    engine="seasonal_naive", jobs=1, gate_series=1000, gate_origins=3, canary_share=0.5
)


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
    good, bad = [3, 4, 3, 4, 3, 4, 3, 4], [1.0, 1.1, 1.0]
    serving = pd.concat([_scores(good), _scores(bad, "S2", "games")])
    candidate = pd.concat([_scores([1] * 8), _scores([1.2, 1.2, 1.2], "S2", "games")])
    found = compare(serving, candidate)
    assert found.p_value < 0.05
    assert not found.better
    assert [(one.group, one.label) for one in found.worse] == [
        ("store", "M / S2"),
        ("category", "games"),
    ]
    assert "better in all" in found.why
    assert "store M / S2 would get worse: WAPE 12.0% instead of 10.3%, and 1 more" in found.why


def test_a_group_of_few_forecasts_holds_nobody_back():
    serving = pd.concat([_scores([3, 4, 3, 4, 3, 4]), _scores([1.0], "S2")])
    candidate = pd.concat([_scores([1] * 6), _scores([1.5], "S2")])
    assert compare(serving, candidate).better


@dataclass(frozen=True)
class Mean:
    """The mean of the history, right for series without a season."""

    factor: float = 1.0
    name: str = "mean_engine"

    def forecast(self, batch, horizon):
        flat = [np.full((3, horizon), self.factor * series.units.mean()) for series in batch]
        return [Forecast(f[0], f, f, self.name) for f in flat]


def mean_engine():
    return Mean()


def doubled():
    return Mean(2.0, "doubled")


@pytest.fixture
def lake(make_lake, monkeypatch):
    """A hundred series of pure noise, for which the mean is right and last year's month is not."""
    for name in ("mean_engine", "doubled"):
        monkeypatch.setitem(engines.ENGINES, name, f"{__name__}:{name}")
    rng = np.random.default_rng(1)
    return make_lake({CUTOFF: [{f"P{i:03}": rng.poisson(20, 30) for i in range(100)}]})


def test_the_first_engine_serves(lake):
    assert rollout(lake) is None
    assert judge(lake, CUTOFF, SETTINGS)["serving"] == "seasonal_naive"
    assert planned_engine(lake, "2025-12.1", SETTINGS) == SeasonalNaive()


def test_a_better_engine_serves_a_share_first(lake):
    judge(lake, CUTOFF, SETTINGS)
    wanted = replace(SETTINGS, engine="mean_engine")
    decision = judge(lake, CUTOFF, wanted)
    assert (decision["stage"], decision["serving"]) == ("canary", "seasonal_naive")
    engine = planned_engine(lake, "2025-12.1", wanted)
    assert engine == CanaryForecaster(SeasonalNaive(), Mean(), 0.5)
    predict_shard(lake, "2025-12.1", 0, wanted)
    manifest = close_run(lake, "2025-12.1", wanted)
    assert manifest["engine"] == "seasonal_naive+mean_engine"
    expected = sum(chosen(("M1", "S1", f"P{i:03}"), 0.5) for i in range(100))
    assert manifest["models"] == {"mean_engine": expected, "seasonal_naive": 100 - expected}


def test_a_worse_engine_is_refused_with_why_and_the_old_one_serves(lake):
    judge(lake, CUTOFF, SETTINGS)
    wanted = replace(SETTINGS, engine="doubled")
    decision = judge(lake, CUTOFF, wanted)
    assert decision["stage"] == "refused"
    assert "not clearly better" in decision["why"]
    assert planned_engine(lake, "2025-12.1", wanted) == SeasonalNaive()


def test_a_run_keeps_the_plan_that_it_was_begun_with(lake):
    judge(lake, CUTOFF, SETTINGS)
    wanted = replace(SETTINGS, engine="mean_engine")
    judge(lake, CUTOFF, wanted)
    before = planned_engine(lake, "2025-12.1", wanted)
    lake.write_json("gate/state.json", {"serving": "mean_engine"})
    assert planned_engine(lake, "2025-12.1", wanted) == before
    assert planned_engine(lake, "2026-01.1", wanted) == Mean()


def test_a_yardstick_is_not_judged_and_serves_as_asked(lake):
    judge(lake, CUTOFF, SETTINGS)
    wanted = replace(SETTINGS, engine="pmdarima", pmdarima_best_sellers=0)
    assert judge(lake, CUTOFF, wanted)["serving"] == "seasonal_naive"
    assert planned_engine(lake, "2025-12.1", wanted).name == "pmdarima"


def test_an_engine_that_was_never_judged_serves_as_asked(lake):
    judge(lake, CUTOFF, SETTINGS)
    assert planned_engine(lake, "2025-12.1", replace(SETTINGS, engine="doubled")) == Mean(
        2.0, "doubled"
    )


def _score(lake, share, candidate_error, serving_error=5.0, naive_error=10.0, products=100):
    """A scored month of a run in which both sides missed by so much."""
    rows = []
    for i in range(products):
        key = ("M1", "S1", f"P{i:03}")
        error = candidate_error if chosen(key, share) else serving_error
        rows.append((*key, 100.0 - error, 100.0 - naive_error))
    names = ["merchant_id", "store_id", "product_id", "units_forecast", "units_naive"]
    table = pd.DataFrame(rows, columns=names).assign(
        run_id="2025-12.1",
        cutoff_month=CUTOFF,
        month=date(2026, 1, 1),
        horizon=1,
        model="-",
        reason="",
        category="toys",
        demand_class="smooth",
        currency="ARS",
        units_sold=100.0,
        mase_scale=1.0,
        rmsse_scale=1.0,
        mean_net_price=1.0,
        **dict.fromkeys(("lo50", "hi50", "lo80", "hi80", "lo95", "hi95"), 0.0),
    )
    lake.write_table("scores/month=2026-01/part.parquet", table, SCORES)


def _state(lake, **fields):
    state = {"serving": "seasonal_naive", "since": "2025-12", **fields}
    lake.write_json("gate/state.json", state)


JANUARY = date(2026, 1, 1)


def test_a_canary_that_holds_takes_over(lake):
    _state(lake, stage="canary", candidate="mean_engine", share=0.5)
    _score(lake, 0.5, candidate_error=5.2)
    assert review(lake, JANUARY)["serving"] == "mean_engine"
    state = rollout(lake)
    assert (state.stage, state.previous) == ("serving", "seasonal_naive")
    assert "held: skill over seasonal naive 48.0% on its share in 2026-01, 50.0%" in state.why


def test_a_canary_that_falls_goes_back_and_is_not_tried_again(lake):
    _state(lake, stage="canary", candidate="mean_engine", share=0.5)
    _score(lake, 0.5, candidate_error=6.0)
    decision = review(lake, JANUARY)
    assert (decision["serving"], decision["stage"]) == ("seasonal_naive", "returned")
    assert judge(lake, JANUARY, replace(SETTINGS, engine="mean_engine")) == decision
    assert planned_engine(lake, "2026-01.1", SETTINGS) == SeasonalNaive()


def test_a_canary_of_few_series_waits(lake):
    _state(lake, stage="canary", candidate="mean_engine", share=0.5)
    _score(lake, 0.5, candidate_error=9.0, products=40)
    decision = review(lake, JANUARY)
    assert decision["stage"] == "canary"
    assert "too few forecasts to tell yet" in decision["why"]


def test_an_engine_that_falls_soon_after_it_took_over_goes_back(lake):
    _state(lake, serving="mean_engine", previous="seasonal_naive")
    _score(lake, 0.0, candidate_error=0.0, serving_error=12.0)
    assert review(lake, JANUARY)["serving"] == "seasonal_naive"
    state = rollout(lake)
    assert (state.stage, state.candidate) == ("returned", "mean_engine")
    assert "worse than seasonal naive by 20.0% in 2026-01" in state.why


def test_an_engine_that_has_served_long_is_left_to_the_alerts(lake):
    _state(lake, serving="mean_engine", previous="seasonal_naive", since="2025-09")
    _score(lake, 0.0, candidate_error=0.0, serving_error=12.0)
    assert review(lake, JANUARY)["serving"] == "mean_engine"


def test_nothing_is_reviewed_before_the_first_judgement(lake):
    assert review(lake, JANUARY) is None


def test_a_month_before_the_change_says_nothing_about_it(lake):
    _state(lake, stage="canary", candidate="mean_engine", share=0.5, since="2026-01")
    _score(lake, 0.5, candidate_error=9.0)
    assert review(lake, JANUARY)["stage"] == "canary"
    assert rollout(lake) == Rollout("seasonal_naive", "canary", "mean_engine", 0.5, "2026-01")
