"""What a refresh does: pull what is missing, forecast, write as it comes, end once."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import orjson
import pytest

from api.refresh import run
from api.refresh.lifeline import LeaseLostError, Lifeline
from api.refresh.run import run_refresh
from api.store.daily import DailyDocument
from api.store.documents import Scope
from api.store.refreshes import RefreshRow
from etl.errors import IncompleteError, InputError
from etl.ledger import read_day
from etl.registry import read_stores

M1 = Scope("M1")


def asked(asking, scope):
    """The refresh that a request comes to."""
    found = asking.look(scope) or asking.start(scope, "t1")
    return found.outcome, found.row


def test_a_refresh_pulls_the_missing_day_and_forecasts_the_next_seven(
    asking, work, scope, published, lake, yesterday
):
    outcome, row = asked(asking, scope())
    assert outcome == "started" and work() == 1

    row = published.refreshes.get(row.id)
    assert (row.state, row.reason, row.done, row.of, row.trained) == ("done", "", 12, 12, 12)
    assert row.data_until == "2026-11-04" and row.holder == ""
    assert read_day(lake, read_stores(lake)[0], yesterday).orders == 12
    document = orjson.loads(published.daily.one(M1, "S1", "MUG"))
    assert document["days"][0] == "2026-11-05" and len(document["units_forecast"]) == 7
    assert document["data_until"] == "2026-11-04"
    assert document["recent"]["units"][-1] == 1.0 and len(document["recent"]["states"]) == 28
    for i in range(7):
        assert document["lo95"][i] <= document["lo50"][i] <= document["units_forecast"][i]
        assert document["units_forecast"][i] <= document["hi50"][i] <= document["hi95"][i]


def test_who_asks_when_nothing_changed_gets_what_is_there(asking, work, scope, published):
    _, first = asked(asking, scope())
    work()
    outcome, row = asked(asking, scope())
    assert (outcome, row.id, row.reason) == ("present", first.id, "nothing_changed")
    outcome, row = asked(asking, scope(products=["MUG"]))
    assert (outcome, row.id) == ("present", first.id)
    assert work() == 0


def test_products_refreshed_one_by_one_make_a_present_whole(asking, work, scope):
    for products in (["MUG", "P01"], ["P02", "P03"]):
        assert asked(asking, scope("S2", products))[0] == "started"
        work()
    outcome, row = asked(asking, scope("S2"))
    assert (outcome, row.id, row.of, row.data_until) == ("present", "", 4, "2026-11-04")
    assert asked(asking, scope("S2", ["P01", "P02"]))[0] == "present"


def test_a_day_pulled_again_without_a_change_trains_nothing(
    asking, work, scope, published, pull_again
):
    asked(asking, scope())
    work()
    pull_again()
    outcome, row = asked(asking, scope())
    assert outcome == "started"
    work()
    row = published.refreshes.get(row.id)
    assert (row.state, row.reason, row.done, row.trained) == ("done", "nothing_changed", 12, 0)
    assert asked(asking, scope())[0] == "present"


def test_who_asks_on_another_day_or_under_other_settings_does_not_join_what_trains(
    asking, work, scope, published
):
    _, row = asked(asking, scope("S2"))
    work()
    published.refreshes.change(row.id, {"state": "training"})
    assert asked(asking, scope("S2")) == ("joined", published.refreshes.get(row.id))
    tomorrow = replace(asking, settings=replace(asking.settings, now="2026-11-06T08:00:00Z"))
    assert tomorrow.look(scope("S2")) is None, "a day more is over, which it does not know"
    published.refreshes.change(row.id, {"configuration": "of another engine"})
    assert asking.look(scope("S2")) is None


def test_a_part_of_a_store_is_refreshed_alone(asking, work, scope, published):
    _, row = asked(asking, scope(products=["P02", "MUG", "NONE"]))
    work()
    row = published.refreshes.get(row.id)
    assert (row.done, row.of) == (2, 2)
    assert set(published.daily.stamps("M1", "S1")) == {"MUG", "P02"}
    _, row = asked(asking, scope(category="unknown"))
    work()
    row = published.refreshes.get(row.id)
    assert (row.done, row.of, row.trained) == (12, 12, 10)
    _, row = asked(asking, scope(category="toys"))
    work()
    assert published.refreshes.get(row.id).reason == "no_daily_sales"


def test_products_that_went_are_removed_by_a_refresh_of_the_store(asking, work, scope, published):
    gone = DailyDocument("M1", "S2", "GONE", "toys", 1.0, "gone", "old.c", b"{}", b"{}")
    published.daily.put([gone, gone._replace(store_id="S1")])
    asked(asking, scope("S2", ["MUG"]))
    work()
    assert "GONE" in published.daily.stamps("M1", "S2")
    asked(asking, scope("S2"))
    work()
    assert set(published.daily.stamps("M1", "S2")) == {"MUG", "P01", "P02", "P03"}
    assert "GONE" in published.daily.stamps("M1", "S1")


def test_without_the_marketplace_it_trains_on_what_there_is_and_says_so(
    asking, work, scope, published, settings
):
    away = replace(settings, source_url="http://127.0.0.1:9")
    _, row = asked(asking, scope("S2"))
    work(away)
    row = published.refreshes.get(row.id)
    assert (row.state, row.done, row.data_until) == ("done", 4, "2026-11-03")
    assert row.reason == "source_unreachable missing=1"
    outcome, again = asked(asking, scope("S2"))
    assert (outcome, again.id, again.reason) == ("present", row.id, row.reason)

    long_ago = {"finished_at": "2026-11-05T07:00:00+00:00"}
    published.refreshes.change(row.id, long_ago)
    assert asked(asking, scope("S2"))[0] == "started"
    work()
    assert published.daily.one(M1, "S2", "MUG").count(b'"data_until":"2026-11-04"') == 1


def test_a_store_that_is_not_there_ends_with_the_reason(asking, work, scope, published):
    _, row = asked(asking, scope("S9"))
    work()
    row = published.refreshes.get(row.id)
    assert (row.state, row.reason) == ("failed", "store_unknown")
    assert asked(asking, scope("S9"))[0] == "started"


def test_what_goes_wrong_ends_it_and_the_next_is_a_new_one(
    asking, work, scope, published, monkeypatch
):
    def broken(*_):
        raise ValueError("a fault of ours")

    _, row = asked(asking, scope("S2"))
    with monkeypatch.context() as patched:
        patched.setattr(run, "forecast_daily", broken)
        work()
    failed = published.refreshes.get(row.id)
    assert (failed.state, failed.reason) == ("failed", "failed error=unexpected")
    outcome, again = asked(asking, scope("S2"))
    assert outcome == "started" and again.id != row.id
    work()
    assert published.refreshes.get(again.id).state == "done"


def test_what_a_lost_worker_had_done_is_not_done_again(
    asking, work, scope, published, settings, lake, monkeypatch
):
    _, row = asked(asking, scope())
    trained = counted_training(monkeypatch)

    def killed(*arguments):
        yield next(trained(*arguments))
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(run, "forecast_daily", killed)
        with pytest.raises(KeyboardInterrupt):
            run_refresh(lake, published, row.id, settings)
    assert published.refreshes.get(row.id).state == "training"
    done_before = len(published.daily.stamps("M1", "S1"))
    assert done_before == 4
    assert work() == 1
    ended = published.refreshes.get(row.id)
    assert (ended.state, ended.done, ended.trained, ended.losses) == ("done", 12, 12, 1)
    assert sorted(trained.products) == sorted(set(trained.products)) and len(trained.products) == 12


def counted_training(monkeypatch):
    """`forecast_daily` in batches of five, noting which products had to be trained."""
    real = run.forecast_daily

    def forecast(lake, manifest, settings, products, at):
        for start in range(0, len(products), 5):
            for batch in real(lake, manifest, settings, products[start : start + 5], at):
                forecast.products += [one.product_id for one in batch if one.trained]
                yield batch

    forecast.products = []
    monkeypatch.setattr(run, "forecast_daily", forecast)
    return forecast


def test_a_refresh_over_which_workers_are_lost_again_and_again_is_given_up(
    asking, work, scope, published
):
    _, row = asked(asking, scope())
    published.refreshes.change(row.id, {"losses": 3, "holder": "gone"})
    work()
    row = published.refreshes.get(row.id)
    assert (row.state, row.reason) == ("failed", "worker_lost times=4")


def test_who_lost_the_lease_writes_nothing_more(
    asking, scope, published, settings, lake, monkeypatch
):
    _, row = asked(asking, scope())
    real = run.forecast_daily

    def taken_over(*arguments):
        for batch in real(*arguments):
            published.refreshes.change(row.id, {"holder": "another"})
            yield batch

    monkeypatch.setattr(run, "forecast_daily", taken_over)
    with pytest.raises(IncompleteError, match="another worker is busy with store S1 of M1"):
        run_refresh(lake, published, row.id, settings, patience=0.0)
    row = published.refreshes.get(row.id)
    assert (row.state, row.done, row.holder) == ("training", 0, "another")


def test_one_asked_for_by_id_that_was_taken_over_is_ended_by_who_is_left(
    asking, scope, published, settings, lake, monkeypatch
):
    _, row = asked(asking, scope("S2"))
    real, taken = run.forecast_daily, []

    def taken_over_once(*arguments):
        for batch in real(*arguments):
            if not taken:
                taken.append(published.refreshes.change(row.id, {"holder": "lost since"}))
            yield batch

    monkeypatch.setattr(run, "forecast_daily", taken_over_once)
    told = run_refresh(lake, published, row.id, settings)
    assert (told["state"], told["done"], published.refreshes.get(row.id).losses) == ("done", 4, 1)


def test_a_worker_that_slept_through_its_lease_learns_it_before_it_writes(published, monkeypatch):
    queue, now = published.refreshes, time.time()
    row = RefreshRow("r", "M1", "S1", "", holder="sleeper")
    assert queue.take_lease("M1", "S1", "sleeper", now, now + 60)
    with closing(Lifeline(queue, 60.0)) as lifeline, lifeline.holding(row):
        lifeline.check()
        awake = SimpleNamespace(time=lambda: now + 100)
        assert queue.take_lease("M1", "S1", "another", now + 90, now + 150)
        lifeline.check()
        monkeypatch.setattr("api.refresh.lifeline.time", awake)
        with pytest.raises(LeaseLostError, match="another worker has the store"):
            lifeline.check()
    assert [lease.holder for lease in queue.leases(["M1"])] == ["another"]


def test_one_asked_for_by_id_waits_for_its_store_and_is_made_once(
    asking, scope, published, settings, lake
):
    _, row = asked(asking, scope("S2"))
    published.refreshes.take_lease("M1", "S2", "another", 0.0, 1e12)
    with pytest.raises(IncompleteError, match="another worker is busy with store S2 of M1"):
        run_refresh(lake, published, row.id, settings, patience=0.0)
    published.refreshes.end_lease("M1", "S2", "another", 0.0)
    told = run_refresh(lake, published, row.id, settings)
    assert (told["state"], told["trained"]) == ("done", 4)
    assert run_refresh(lake, published, row.id, settings) == told
    with pytest.raises(InputError, match="there is no refresh 'none'"):
        run_refresh(lake, published, "none", settings)


def test_the_cost_of_earlier_refreshes_is_the_next_ones_estimate(asking, work, scope, published):
    _, row = asked(asking, scope())
    assert row.estimate_seconds is None
    work()
    _, row = asked(asking, scope("S2", ["MUG"]))
    assert 0 < row.estimate_seconds < 60
