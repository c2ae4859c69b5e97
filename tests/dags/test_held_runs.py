"""A run that the gate holds is not published by itself, unless nothing else is served."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date

import pytest

from api.store import open_store
from api.store.documents import Edition
from dags import jobs
from dags.found import gate_alerts
from etl.lake import Lake
from etl.settings import Settings
from forecasting.configured import Configured
from forecasting.plan import Plan
from forecasting.rollout import Rollout
from forecasting.versions import Version

RUN = "2026-10.1"
OLD, NEW = (Configured("arima", version=Version(name, name, ())) for name in ("old", "new"))
REFUSED = Rollout(OLD, "refused", NEW, since="2026-10", why="not clearly better")


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A lake whose gate has refused the version that made the run."""
    lake = Lake(tmp_path / "lake")
    plan = Plan(NEW, NEW, gated=True, version="new", held=True)
    lake.write_json(f"predictions/run_id={RUN}/plan.json", plan.to_json())
    lake.write_json("gate/state.json", REFUSED.to_json())
    store = f"sqlite:///{tmp_path}/store.sqlite"
    return Settings(lake_url=str(tmp_path / "lake"), store_url=store)


@pytest.fixture
def served(monkeypatch, settings):
    """A store that serves a run already."""
    with closing(open_store(settings.store_url)) as store:
        monkeypatch.setattr(type(store), "current", lambda _: "2026-09.1")


def test_a_held_run_waits_and_says_what_to_do(settings, served):
    told = jobs.why_waiting(RUN, settings)
    assert told.startswith(f"{RUN} is held by the gate: not clearly better. Install the release")
    assert "python -m forecasting accept" in told


def test_a_held_run_does_not_wait_where_nothing_is_served(settings):
    assert jobs.why_waiting(RUN, settings) == ""


def test_a_run_that_is_not_held_does_not_wait(settings, served):
    assert jobs.why_waiting("2026-10.2", settings) == ""


def test_every_run_waits_for_an_analyst_where_that_is_set(settings):
    told = jobs.why_waiting("2026-10.2", replace(settings, approval="wait"))
    assert told.endswith("waits for an analyst: python -m api publish --run 2026-10.2")


@pytest.fixture
def republished(monkeypatch, settings):
    """What is published where October's scores took back the version that made September's run."""
    lake, month = Lake(settings.lake_url), {"month": "2026-10", "runs": [], "total": []}
    lake.write_json("gate/state.json", replace(REFUSED, stage="returned").to_json())
    for run_id, version in (("2026-07.1", "old"), ("2026-08.1", "old"), ("2026-09.1", "new")):
        made = {"engine": "arima", "version": version}
        lake.write_json(f"predictions/run_id={run_id}/manifest.json", made)
        lake.write_json(f"predictions/run_id={run_id}/published.json", {"published": True})
    done = []
    with closing(open_store(settings.store_url)) as store:
        monkeypatch.setattr(type(store), "current", lambda _: Edition(3, "2026-09.1", "-"))
    monkeypatch.setattr(jobs.publish, "publish_run", lambda *given: done.append(given[2]))
    monkeypatch.setattr(jobs.backtest, "score_month", lambda *_: month)
    monkeypatch.setattr(jobs, "write_report", lambda *_: {})
    return done


def test_where_a_version_was_taken_back_the_run_before_it_is_served_again(settings, republished):
    jobs.score_month(date(2026, 10, 1), settings)
    assert republished == ["2026-08.1"]


def test_a_later_month_leaves_alone_what_is_served(settings, republished):
    jobs.score_month(date(2026, 11, 1), settings)
    assert republished == []


def test_an_alert_says_that_runs_are_held():
    (told,) = gate_alerts(REFUSED.told())
    assert told.code == "runs_held"
    assert told.what.startswith("Arima version new was refused: its runs are held, and the last of")
    assert told.details == ("not clearly better",)
