"""A new version of the serving engine is judged by what the old one published, or its runs wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from etl.errors import InputError
from etl.settings import Settings
from etl.tables import MONTHLY_SALES
from forecasting import rollout as gate
from forecasting import versions
from forecasting.backtest import score_month
from forecasting.engines import ENGINES, open_engine
from forecasting.plan import begin_run, plan_of, why_held
from forecasting.predict import close_run, next_run_id, predict_shard
from forecasting.rollout import accept, judge, review, rollout, run_before_the_fall
from forecasting.shown import note_shown
from forecasting.versions import code_now, version_now

MONTHS = [date(2025, 10, 1), date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1)]
OCTOBER, NOVEMBER, DECEMBER, JANUARY = MONTHS
SETTINGS = Settings(engine="mean_engine", jobs=1, gate_series=1000, gate_origins=3, horizon=3)


@pytest.fixture
def lake(make_lake):
    """Sixty series of pure noise around twenty, month by month."""
    rng = np.random.default_rng(1)
    sold = {f"P{i:02}": rng.poisson(20, 33) for i in range(60)}
    lake = make_lake(
        {
            month: [{name: units[: 30 + i] for name, units in sold.items()}]
            for i, month in enumerate(MONTHS)
        }
    )
    for i, month in enumerate(MONTHS):
        rows = pd.DataFrame(
            {"product_id": list(sold), "units_sold": [u[29 + i] for u in sold.values()]}
        )
        rows = rows.assign(merchant_id="M1", store_id="S1", month=month, units_remainder=0)
        rows = rows.assign(revenue=Decimal(0), currency="ARS", days_out_of_stock=None)
        lake.write_table(f"monthly_sales/month={month:%Y-%m}/part.parquet", rows, MONTHLY_SALES)
    return lake


@pytest.fixture
def install(monkeypatch, mean_engines):
    """Puts a release in place whose `mean_engine` forecasts the mean times `factor`."""

    def of(code: str, factor: float, width: float = 1.0) -> None:
        monkeypatch.setattr(versions, "code_now", lambda: code)
        monkeypatch.setattr(mean_engines, "release", factor)
        monkeypatch.setattr(mean_engines, "width", width)

    monkeypatch.setitem(ENGINES, "mean_engine", f"{mean_engines.__module__}:released")
    of("first", 1.0)
    return of


def live(lake, month):
    """One month as the DAG goes through it: score, review, judge, forecast, close."""
    told = {}
    if lake.paths("predictions", "manifest.json"):
        score_month(lake, month)
        told = review(lake, month)
    run_id = next_run_id(lake, month)
    told = judge(lake, month, SETTINGS) or told
    begin_run(lake, run_id, SETTINGS)
    predict_shard(lake, run_id, 0, SETTINGS)
    close_run(lake, run_id, SETTINGS)
    return told, run_id


def version_of_run(lake, run_id):
    return lake.read_json(f"predictions/run_id={run_id}/manifest.json")["version"]


def test_an_unchanged_release_costs_no_judgement(lake, install, monkeypatch):
    _, first = live(lake, OCTOBER)
    monkeypatch.setattr(versions, "_told", lambda _: pytest.fail("looked"))
    monkeypatch.setattr(gate, "compare_with_published", lambda *_: pytest.fail("judged"))
    told, second = live(lake, NOVEMBER)
    assert (told["stage"], told["why"]) == ("serving", "the first engine")
    assert version_of_run(lake, first) == version_of_run(lake, second)


def test_new_code_that_forecasts_the_same_is_the_same_version(lake, install, monkeypatch):
    live(lake, OCTOBER)
    before = rollout(lake).serving.version
    install("second", 1.0002)
    monkeypatch.setattr(gate, "compare_with_published", lambda *_: pytest.fail("judged"))
    live(lake, NOVEMBER)
    after = rollout(lake).serving.version
    assert (after.name, after.points, after.code) == (before.name, before.points, "second")


def test_a_worse_version_is_refused_and_its_runs_wait_month_by_month(lake, install):
    live(lake, OCTOBER)
    _, by_old = live(lake, NOVEMBER)
    install("second", 1.5)
    told, first_held = live(lake, DECEMBER)
    assert (told["stage"], told["held"]) == ("refused", True)
    assert "not clearly better" in told["why"]
    # October's run is scored in two months; November's, so soon after it, is left out.
    assert "120 held-out months of 60 series" in told["why"]
    assert why_held(lake, first_held) == told["why"]
    assert why_held(lake, by_old) == ""

    told, second_held = live(lake, JANUARY)
    assert why_held(lake, second_held) == told["why"]
    # October's run again; what the refused version forecast in December is nobody's to compare.
    assert "180 held-out months of 60 series" in told["why"]
    assert version_of_run(lake, first_held) == version_of_run(lake, second_held)
    assert version_of_run(lake, first_held) != version_of_run(lake, by_old)


def test_bounds_alone_that_are_worse_hold_a_version(lake, install):
    live(lake, OCTOBER)
    _, by_old = live(lake, NOVEMBER)
    install("second", 1.0, width=0.4)
    told, held = live(lake, DECEMBER)
    assert (told["stage"], told["held"]) == ("refused", True)
    assert "and the bounds would get worse: scaled pinball loss" in told["why"]
    assert version_of_run(lake, held) != version_of_run(lake, by_old)


def test_bounds_alone_that_are_not_worse_take_over(lake, install):
    install("first", 1.0, width=0.4)
    live(lake, OCTOBER)
    live(lake, NOVEMBER)
    install("second", 1.0, width=1.0)
    told, run_id = live(lake, DECEMBER)
    assert (told["stage"], why_held(lake, run_id)) == ("serving", "")
    assert told["why"].startswith("a new version of the bounds alone, which are not worse: scaled")


def test_bounds_that_differ_in_the_last_digits_make_no_version(lake, install, monkeypatch):
    live(lake, OCTOBER)
    install("second", 1.0, width=1.002)
    monkeypatch.setattr(gate, "compare_with_published", lambda *_: pytest.fail("judged"))
    assert live(lake, NOVEMBER)[0]["why"] == "the first engine"


def test_a_version_that_was_kept_before_bounds_were_goes_by_its_points(lake, install):
    _, first = live(lake, OCTOBER)
    state = lake.read_json("gate/state.json")
    del state["serving"]["version"]["bounds"]
    lake.write_json("gate/state.json", state)
    install("second", 1.0, width=0.4)
    _, second = live(lake, NOVEMBER)
    assert version_of_run(lake, first) == version_of_run(lake, second)
    assert rollout(lake).serving.version.bounds


def test_with_the_old_release_back_the_month_is_forecast_anew_and_not_held(lake, install):
    _, by_old = live(lake, OCTOBER)
    install("second", 1.5)
    live(lake, NOVEMBER)
    install("first", 1.0)
    told, again = live(lake, NOVEMBER)
    assert again == "2025-11.2"
    assert (told["stage"], told["held"], why_held(lake, again)) == ("serving", False, "")
    assert version_of_run(lake, again) == version_of_run(lake, by_old)
    assert why_held(lake, "2025-11.1")


def test_a_run_that_was_held_is_planned_anew_by_the_old_release(lake, install):
    live(lake, OCTOBER)
    install("second", 1.5)
    score_month(lake, NOVEMBER)
    judge(lake, NOVEMBER, SETTINGS)
    assert begin_run(lake, "2025-11.1", SETTINGS).held
    install("first", 1.0)
    judge(lake, NOVEMBER, SETTINGS)
    assert not begin_run(lake, "2025-11.1", SETTINGS).held


def test_a_revision_that_nobody_was_shown_does_not_hide_the_one_that_was(lake, install):
    _, shown = live(lake, OCTOBER)
    note_shown(lake, shown)
    live(lake, OCTOBER)
    install("second", 1.5)
    told, _ = live(lake, NOVEMBER)
    assert told["stage"] == "refused", "October's first run is scored, its second is not"


def test_another_engine_does_not_slip_in_while_a_version_is_held(lake, install):
    live(lake, OCTOBER)
    install("second", 1.5)
    live(lake, NOVEMBER)
    wanted = replace(SETTINGS, engine="doubled")
    assert judge(lake, NOVEMBER, wanted)["held"]
    plan = begin_run(lake, "2025-11.2", wanted, judged=True)
    assert (plan.open().name, plan.held) == ("mean_engine", True)
    assert plan_of(lake, "2025-11.2", wanted) == plan


def test_a_refused_version_that_a_person_accepts_serves(lake, install):
    live(lake, OCTOBER)
    install("second", 1.5)
    _, held = live(lake, NOVEMBER)
    told = accept(lake)
    assert told["stage"] == "serving"
    assert told["why"].startswith("accepted by hand, though the candidate is not clearly better")
    assert why_held(lake, held) == ""
    with pytest.raises(InputError, match="waits to be accepted: the gate's state is serving"):
        accept(lake)


def test_nothing_can_be_accepted_where_nothing_was_refused(lake):
    with pytest.raises(InputError, match="waits to be accepted: nothing was judged yet"):
        accept(lake)


def test_a_better_version_takes_over_and_where_it_falls_its_runs_wait(lake, install, monkeypatch):
    install("first", 1.5)
    live(lake, OCTOBER)
    install("second", 1.0)
    told, run_id = live(lake, NOVEMBER)
    assert (told["stage"], told["held"], why_held(lake, run_id)) == ("serving", False, "")
    assert "a new version: the candidate is better" in told["why"]

    monkeypatch.setattr(gate, "skill_of", lambda _: -0.2)
    score_month(lake, DECEMBER)
    monkeypatch.setattr(gate, "_FEWEST_ROWS", 1)
    told = review(lake, DECEMBER)
    assert (told["stage"], told["held"]) == ("returned", True)
    monkeypatch.setattr(gate, "compare_with_published", lambda *_: pytest.fail("tried again"))
    told, held = live(lake, DECEMBER)
    assert why_held(lake, held) == told["why"]
    assert "worse than seasonal naive by 20.0%" in told["why"]

    assert run_before_the_fall(lake, DECEMBER, run_id) == "2025-10.1"
    assert run_before_the_fall(lake, DECEMBER, "2025-10.1") is None, "it is served already"
    assert run_before_the_fall(lake, JANUARY, run_id) is None, "it fell in another month"
    assert run_before_the_fall(lake, DECEMBER, held) is None, "a person has shown it since"
    manifest = "predictions/run_id=2025-10.1/manifest.json"
    lake.write_json(manifest, {**lake.read_json(manifest), "removed_at": "2026-01-03T06:00:00"})
    assert run_before_the_fall(lake, DECEMBER, run_id) is None, "its files are no longer kept"


def test_with_nothing_published_a_new_version_serves_and_says_so(lake, install):
    judge(lake, OCTOBER, SETTINGS)
    install("second", 1.5)
    told, run_id = live(lake, OCTOBER)
    assert (told["stage"], why_held(lake, run_id)) == ("serving", "")
    assert told["why"].startswith("a new version; too little that the one before published")


def test_a_state_without_versions_takes_todays(lake, install):
    lake.write_json("gate/state.json", {"serving": "mean_engine", "since": "2025-09", "why": "old"})
    told, run_id = live(lake, OCTOBER)
    assert (told["since"], told["why"]) == ("2025-09", "old")
    assert version_of_run(lake, run_id) == rollout(lake).serving.version.name


def test_a_new_version_of_what_is_tried_is_judged_anew(lake, install, monkeypatch):
    state = {"serving": "doubled", "stage": "canary", "share": 0.5, "since": "2025-10"}
    lake.write_json("gate/state.json", {**state, "candidate": "mean_engine"})
    assert judge(lake, OCTOBER, SETTINGS)["stage"] == "canary"
    install("second", 3.0)
    told = judge(lake, NOVEMBER, SETTINGS)
    assert (told["stage"], told["held"], told["since"]) == ("refused", False, "2025-11")
    assert plan_of(lake, "2025-11.1", SETTINGS).open().name == "doubled"


def test_engines_are_known_by_what_they_forecast():
    naive, theta = (version_now(open_engine(name)) for name in ("seasonal_naive", "theta"))
    assert naive.name != theta.name
    assert len(naive.points) == 15 * 12 and np.isfinite(naive.points).all()
    assert version_now(open_engine("seasonal_naive")) == naive
    assert version_now(open_engine("theta"), naive) is naive, "the code is known"


def test_the_codes_hash_stands_for_the_sources_and_the_libraries(monkeypatch):
    before = code_now.__wrapped__()
    monkeypatch.setattr(versions, "version", lambda library: "99")
    assert len(before) == 12
    assert code_now.__wrapped__() != before
