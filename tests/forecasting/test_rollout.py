"""A new engine, or other options, serves only where better, a share first, and goes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import cycle

import numpy as np
import pandas as pd
import pytest

from etl.settings import Settings
from etl.tables import SCORES
from forecasting import engines
from forecasting import rollout as gate
from forecasting.canary import CanaryForecaster, chosen
from forecasting.configured import Configured, configured
from forecasting.models.seasonal_naive import SeasonalNaive
from forecasting.plan import Plan, begin_run, plan_of
from forecasting.predict import close_run, predict_shard
from forecasting.rollout import Rollout, judge, review, rollout

CUTOFF = date(2025, 12, 1)
SETTINGS = Settings(
    engine="seasonal_naive", jobs=1, gate_series=1000, gate_origins=3, canary_share=0.5
)


@pytest.fixture
def lake(make_lake, mean_engines):
    """A hundred series of pure noise, for which the mean is right and last year's month is not."""
    rng = np.random.default_rng(1)
    return make_lake({CUTOFF: [{f"P{i:03}": rng.poisson(20, 30) for i in range(100)}]})


def planned(lake, run_id, settings):
    return plan_of(lake, run_id, settings).open()


def test_the_first_engine_serves(lake):
    assert rollout(lake) is None
    assert judge(lake, CUTOFF, SETTINGS)["serving"] == "seasonal_naive"
    assert planned(lake, "2025-12.1", SETTINGS) == SeasonalNaive()


def test_a_better_engine_serves_a_share_first(lake, mean_engines):
    judge(lake, CUTOFF, SETTINGS)
    wanted = replace(SETTINGS, engine="mean_engine")
    decision = judge(lake, CUTOFF, wanted)
    assert (decision["stage"], decision["serving"]) == ("canary", "seasonal_naive")
    engine = planned(lake, "2025-12.1", wanted)
    assert engine == CanaryForecaster(SeasonalNaive(), mean_engines(), 0.5)
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
    assert planned(lake, "2025-12.1", wanted) == SeasonalNaive()


def test_a_run_keeps_the_plan_that_it_was_begun_with(lake, mean_engines):
    judge(lake, CUTOFF, SETTINGS)
    wanted = replace(SETTINGS, engine="mean_engine")
    judge(lake, CUTOFF, wanted)
    before = planned(lake, "2025-12.1", wanted)
    lake.write_json("gate/state.json", {"serving": "mean_engine"})
    assert planned(lake, "2025-12.1", wanted) == before
    assert planned(lake, "2026-01.1", wanted) == mean_engines()


def test_a_yardstick_is_not_judged_and_serves_as_asked(lake):
    judge(lake, CUTOFF, SETTINGS)
    wanted = replace(SETTINGS, engine="pmdarima", pmdarima_best_sellers=0)
    assert judge(lake, CUTOFF, wanted)["serving"] == "seasonal_naive"
    assert planned(lake, "2025-12.1", wanted).name == "pmdarima"


def test_an_engine_that_was_never_judged_serves_as_asked(lake, mean_engines):
    judge(lake, CUTOFF, SETTINGS)
    assert planned(lake, "2025-12.1", replace(SETTINGS, engine="doubled")) == mean_engines(
        2.0, "doubled"
    )


def _score(
    lake, share, candidate_error, serving_error=5.0, naive_error=10.0, products=100, without_naive=0
):
    """A scored month of a run in which both sides missed by so much."""
    of_candidate = candidate_error if callable(candidate_error) else lambda: candidate_error
    rows = []
    for i in range(products):
        key = ("M1", "S1", f"P{i:03}")
        error = of_candidate() if chosen(key, share) else serving_error
        rows.append((*key, 100.0 - error, None if i < without_naive else 100.0 - naive_error))
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
    assert (state.stage, state.previous) == ("serving", Configured("seasonal_naive"))
    assert "held: skill over seasonal naive 48.0% on its share in 2026-01, 50.0%" in state.why


def test_a_canary_that_falls_goes_back_and_is_not_tried_again(lake):
    _state(lake, stage="canary", candidate="mean_engine", share=0.5)
    _score(lake, 0.5, candidate_error=6.0)
    decision = review(lake, JANUARY)
    assert (decision["serving"], decision["stage"]) == ("seasonal_naive", "returned")
    assert judge(lake, JANUARY, replace(SETTINGS, engine="mean_engine")) == decision
    assert planned(lake, "2026-01.1", SETTINGS) == SeasonalNaive()


def test_a_canary_that_fell_behind_by_chance_is_tried_for_another_month(lake):
    """Of its series some are missed by nothing and more by much, of the rest all by five."""
    _state(lake, stage="canary", candidate="mean_engine", share=0.5)
    luck = cycle([0.0, 0.0, 9.6, 9.6, 9.6])
    _score(lake, 0.5, candidate_error=lambda: next(luck))
    told = review(lake, JANUARY)
    assert (told["serving"], told["stage"]) == ("seasonal_naive", "canary")
    assert told["why"].startswith("behind, which may be chance; tried for another month")
    ours, theirs = 50.0, float(told["why"].partition("naive ")[2].partition("%")[0])
    assert theirs < ours - 5
    _score(lake, 0.5, candidate_error=5.0)
    assert review(lake, JANUARY)["serving"] == "mean_engine"


def test_a_product_without_a_rule_beside_it_says_nothing(lake):
    _state(lake, stage="canary", candidate="mean_engine", share=0.5)
    _score(lake, 0.5, candidate_error=6.0, without_naive=3)
    assert review(lake, JANUARY)["stage"] == "returned"
    _state(lake, serving="mean_engine", previous="seasonal_naive")
    _score(lake, 0.0, candidate_error=0.0, serving_error=5.0, without_naive=3)
    assert review(lake, JANUARY)["stage"] == "serving"


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
    assert (state.stage, state.candidate) == ("returned", Configured("mean_engine"))
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
    naive, mean = Configured("seasonal_naive"), Configured("mean_engine")
    assert rollout(lake) == Rollout(naive, "canary", mean, 0.5, "2026-01")


@pytest.fixture
def scaled(monkeypatch):
    """Settings by a factor (in per cent) that a setting gives `mean_engine` as its option."""
    of = {"mean_engine": lambda settings: {"factor": settings.pmdarima_best_sellers / 100}}
    monkeypatch.setattr(engines, "OPTIONS", of)
    return lambda percent: replace(SETTINGS, engine="mean_engine", pmdarima_best_sellers=percent)


def test_other_options_of_the_same_engine_are_judged_and_refused(lake, scaled, mean_engines):
    judge(lake, CUTOFF, scaled(100))
    decision = judge(lake, CUTOFF, scaled(200))
    assert (decision["stage"], decision["serving"]) == ("refused", "mean_engine (factor 1.0)")
    assert decision["candidate"] == "mean_engine (factor 2.0)"
    assert planned(lake, "2025-12.1", scaled(200)) == mean_engines(1.0)
    predict_shard(lake, "2025-12.1", 0, scaled(200))
    manifest = close_run(lake, "2025-12.1", scaled(200))
    assert manifest["factor"] == 1.0
    served = configured(scaled(100))
    assert manifest["configuration_hash"] == Plan(served, served).configuration_hash(12)


def test_better_options_serve_a_share_and_take_over(lake, scaled, mean_engines):
    judge(lake, CUTOFF, scaled(200))
    assert judge(lake, CUTOFF, scaled(100))["stage"] == "canary"
    engine = planned(lake, "2025-12.1", scaled(100))
    assert engine == CanaryForecaster(mean_engines(2.0), mean_engines(1.0), 0.5)
    predict_shard(lake, "2025-12.1", 0, scaled(100))
    assert close_run(lake, "2025-12.1", scaled(100))["candidate"] == {
        "engine": "mean_engine",
        "factor": 1.0,
    }
    _score(lake, 0.5, candidate_error=4.0)
    assert review(lake, JANUARY)["serving"] == "mean_engine (factor 1.0)"
    assert planned(lake, "2026-01.1", scaled(100)) == mean_engines(1.0)


def test_options_that_fall_go_back_and_are_not_tried_again(lake, scaled, mean_engines):
    judge(lake, CUTOFF, scaled(200))
    judge(lake, CUTOFF, scaled(100))
    _score(lake, 0.5, candidate_error=6.0)
    assert review(lake, JANUARY)["stage"] == "returned"
    assert judge(lake, JANUARY, scaled(100))["stage"] == "returned"
    assert planned(lake, "2026-01.1", scaled(100)) == mean_engines(2.0)


def test_a_decision_stands_where_the_job_was_killed_after_it(lake, monkeypatch):
    judge(lake, CUTOFF, SETTINGS)
    wanted = replace(SETTINGS, engine="mean_engine")
    decision = judge(lake, CUTOFF, wanted)
    monkeypatch.setattr(gate, "compare_engines", lambda *_: pytest.fail("judged twice"))
    assert judge(lake, CUTOFF, wanted) == decision
    assert begin_run(lake, "2025-12.1", wanted).candidate == Configured("mean_engine")


def test_a_run_that_is_begun_again_follows_the_gate_unless_it_is_closed(lake, mean_engines):
    judge(lake, CUTOFF, SETTINGS)
    wanted = replace(SETTINGS, engine="doubled")
    assert begin_run(lake, "2025-12.1", wanted).serving == Configured("doubled")
    judge(lake, CUTOFF, wanted)
    assert begin_run(lake, "2025-12.1", wanted).serving == Configured("seasonal_naive")
    predict_shard(lake, "2025-12.1", 0, wanted)
    close_run(lake, "2025-12.1", wanted)
    lake.write_json("gate/state.json", {"serving": "doubled"})
    assert begin_run(lake, "2025-12.1", wanted).serving == Configured("seasonal_naive")


def test_a_plan_of_names_alone_is_read_still(lake, mean_engines):
    old = {"wanted": "mean_engine", "gated": True, "serving": "seasonal_naive"}
    old |= {"candidate": "mean_engine", "share": 0.5}
    lake.write_json("predictions/run_id=2025-12.1/plan.json", old)
    wanted = replace(SETTINGS, engine="mean_engine")
    assert planned(lake, "2025-12.1", wanted) == CanaryForecaster(
        SeasonalNaive(), mean_engines(), 0.5
    )


def test_a_run_that_a_person_made_by_another_engine_is_not_reviewed(lake):
    _state(lake, stage="canary", candidate="mean_engine", share=0.5)
    _score(lake, 0.5, candidate_error=9.0)
    for engine in ("pmdarima", "seasonal_naive"):
        lake.write_json("predictions/run_id=2025-12.1/manifest.json", {"engine": engine})
        assert "too few forecasts" in review(lake, JANUARY)["why"]
