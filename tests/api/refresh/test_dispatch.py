"""Handing refreshes over: one contract for the embedded workers and for Airflow's REST API."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api.errors import DispatchError
from api.refresh.asking import Asking
from api.refresh.dispatch import (
    AirflowDispatcher,
    EmbeddedWorkers,
    dispatcher_for,
    run_id_of,
)
from api.refresh.run import run_refresh
from etl.errors import SettingError
from etl.settings import Settings


class FakeAirflow:
    """The part of Airflow's REST API (v2) that is used: tokens, and runs of one DAG by id."""

    def __init__(self) -> None:
        self.runs: dict[str, dict] = {}
        self.tokens = 0
        self.asked: list[str] = []
        self.away = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("refused", request=request)
        path = request.url.path
        self.asked.append(f"{request.method} {path}")
        if path == "/auth/token":
            return self._token(request)
        if request.headers.get("authorization") != f"Bearer t{self.tokens}":
            return httpx.Response(401, json={"detail": "Invalid JWT token"})
        runs = "/api/v2/dags/refresh_forecasts/dagRuns"
        if request.method == "GET":
            run = self.runs.get(path.removeprefix(f"{runs}/"))
            return httpx.Response(200, json=run) if run else httpx.Response(404, json={})
        body = json.loads(request.content)
        if path != runs or body["logical_date"] is not None:
            return httpx.Response(422, json={"detail": "unexpected"})
        if body["dag_run_id"] in self.runs:
            return httpx.Response(409, json={"detail": "exists"})
        self.runs[body["dag_run_id"]] = {"state": "queued", "conf": body["conf"]}
        return httpx.Response(200, json=self.runs[body["dag_run_id"]])

    def _token(self, request):
        if request.method == "POST" and json.loads(request.content)["password"] != "pw":
            return httpx.Response(401, json={"detail": "Invalid credentials"})
        self.tokens += 1
        return httpx.Response(201, json={"access_token": f"t{self.tokens}"})


@pytest.fixture
def airflow():
    return FakeAirflow()


@pytest.fixture
def by_airflow(airflow):
    """A dispatcher of the fake Airflow."""

    def make(user="api", password="pw"):
        return AirflowDispatcher("http://airflow", user, password, httpx.MockTransport(airflow))

    return make


@pytest.fixture(params=["embedded", "airflow"])
def dispatched(request, published, settings, by_airflow, airflow, lake, work):
    """Requests through each dispatcher, and a way to let what it took be made."""
    if request.param == "embedded":
        return Asking(published, settings, EmbeddedWorkers()), work

    def run_tasks():
        for run in airflow.runs.values():
            if run["state"] == "queued":
                told = run_refresh(lake, published, run["conf"]["refresh_id"], settings)
                run["state"] = "success" if told["state"] == "done" else "failed"

    return Asking(published, settings, by_airflow()), run_tasks


def test_what_is_handed_over_is_made_once_and_joined_meanwhile(dispatched, scope, published):
    asking, make = dispatched
    first = asking.start(scope("S2"), "t1")
    joined = asking.look(scope("S2"))
    asking.handed_over(joined.row)
    asking.dispatcher.dispatch(first.row)
    assert (first.outcome, joined.outcome, joined.row.id) == ("started", "joined", first.row.id)
    make()
    row = published.refreshes.get(first.row.id)
    assert (row.state, row.trained, row.losses) == ("done", 4, 0)
    assert asking.look(scope("S2")).outcome == "present"
    assert not asking.dispatcher.gave_up(row)


def test_a_run_of_airflow_is_named_by_its_refresh(asking, by_airflow, airflow, scope, settings):
    asking = replace(asking, dispatcher=by_airflow())
    row = asking.start(scope("S2"), "t1").row
    run_id = run_id_of(row.id)
    assert airflow.runs == {run_id: {"state": "queued", "conf": {"refresh_id": row.id}}}
    asking.handed_over(asking.look(scope("S2")).row)
    assert len([one for one in airflow.asked if one.endswith("dagRuns")]) == 1


def test_a_token_that_ran_out_is_renewed(by_airflow, airflow, asking, scope):
    dispatcher = by_airflow()
    row = asking.start(scope("S2"), "t1").row
    dispatcher.dispatch(row)
    airflow.tokens += 1
    dispatcher.dispatch(row)
    assert len(airflow.runs) == 1
    without_name = by_airflow(user="")
    without_name.dispatch(replace(row, id="other-0"))
    assert airflow.asked[-2] == "GET /auth/token"


def test_airflow_away_is_told_and_the_refresh_is_handed_over_when_it_is_back(
    published, settings, by_airflow, airflow, scope
):
    asking = Asking(published, settings, by_airflow())
    airflow.away = True
    with pytest.raises(DispatchError, match="Airflow at http://airflow does not answer"):
        asking.start(scope("S2"), "t1")
    assert len(published.refreshes.active()) == 1
    airflow.away = False
    asking.handed_over(asking.look(scope("S2")).row)
    assert len(airflow.runs) == 1
    with pytest.raises(DispatchError, match=r"answered 401 .* STORECAST_AIRFLOW_USER"):
        by_airflow(password="wrong").dispatch(published.refreshes.active()[0])


def test_a_run_that_failed_without_a_word_is_started_anew(
    published, settings, by_airflow, airflow, scope
):
    asking = Asking(published, settings, by_airflow())
    first = asking.start(scope("S2"), "t1").row
    airflow.runs[run_id_of(first.id)]["state"] = "failed"
    assert asking.look(scope("S2")).row.id == first.id, "it may only just have begun"
    long_ago = (datetime.now(UTC) - timedelta(minutes=2)).isoformat()
    published.refreshes.change(first.id, {"dispatched_at": long_ago})
    airflow.away = True
    assert asking.look(scope("S2")).row.id == first.id, "an Airflow that is away tells nothing"
    airflow.away = False
    published.refreshes.take_lease("M1", "S2", "w", time.time(), time.time() + 60)
    assert asking.look(scope("S2")).row.id == first.id, "somebody works on it"
    published.refreshes.end_lease("M1", "S2", "w", time.time())
    assert asking.look(scope("S2")) is None
    assert published.refreshes.get(first.id).reason == "worker_lost times=1"
    second = asking.start(scope("S2"), "t1").row
    assert second.id != first.id and run_id_of(second.id) in airflow.runs


def test_settings_choose_who_makes_refreshes():
    assert isinstance(dispatcher_for(Settings()), EmbeddedWorkers)
    named = Settings(refresh="airflow", airflow_url="http://127.0.0.1:8080")
    assert isinstance(dispatcher_for(named), AirflowDispatcher)
    with pytest.raises(SettingError, match="needs STORECAST_AIRFLOW_URL"):
        dispatcher_for(Settings(refresh="airflow"))
    with pytest.raises(SettingError, match="must be embedded or airflow; found 'cron'"):
        dispatcher_for(Settings(refresh="cron"))
