"""Whose turn it is: merchants in turn, of each its stores, and large stores make room."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from api.refresh.lifeline import Lifeline
from api.refresh.turns import claim_next, in_turn, others_wait
from api.refresh.worker import Worker
from api.store.refreshes import Lease, RefreshRow


def waiting(number, merchant="M1", store="S1", **fields):
    return RefreshRow(f"r{number}", merchant, store, f"2026-11-05T08:00:{number:02d}", **fields)


def order(rows, leases=(), now=100.0):
    return [row.id for row in in_turn(rows, leases, now)]


def test_who_asked_first_is_first_where_nobody_had_a_turn():
    assert order([waiting(2, store="S2"), waiting(1), waiting(3, "M2")]) == ["r1", "r2", "r3"]


def test_merchants_take_turns_however_much_one_asks():
    rows = [waiting(n, store=f"S{n}") for n in range(1, 9)] + [waiting(9, "M2")]
    assert order(rows, [Lease("M1", "S0", "w", 90.0, 80.0)])[0] == "r9"
    assert order(rows, [Lease("M2", "S1", "w", 90.0, 85.0)])[0] == "r1"


def test_a_merchant_with_a_store_in_work_waits_behind_one_with_none():
    rows = [waiting(1, store="S2"), waiting(2, "M2")]
    leases = [Lease("M1", "S1", "w", 110.0, 10.0), Lease("M2", "S1", "w", 95.0, 90.0)]
    assert order(rows, leases) == ["r2", "r1"]


def test_a_store_in_work_is_left_out_until_its_lease_runs_out():
    rows, leases = [waiting(1)], [Lease("M1", "S1", "w", 110.0, 90.0)]
    assert order(rows, leases) == []
    assert order(rows, leases, now=110.0) == ["r1"]


def test_within_a_store_who_had_no_turn_yet_comes_before_who_had():
    assert order([waiting(1, turn_at=50.0), waiting(2)]) == ["r2", "r1"]


def test_two_workers_claim_two_stores_and_the_third_waits(published):
    queue = published.refreshes
    for number, (merchant, store) in enumerate([("M1", "S1"), ("M1", "S1"), ("M2", "S1")]):
        queue.add(waiting(number, merchant, store))
    assert claim_next(queue, "w1", 100.0, 10.0).id == "r0"
    assert claim_next(queue, "w2", 100.0, 10.0).id == "r2"
    assert claim_next(queue, "w3", 100.0, 10.0) is None
    assert others_wait(queue, queue.get("r0"), 100.0)
    assert claim_next(queue, "w3", 111.0, 10.0).id == "r1"
    assert not others_wait(queue, queue.get("r1"), 111.0) or queue.get("r0").losses == 0


def test_stores_share_a_worker_instead_of_standing_in_line(
    asking, published, settings, scope, monkeypatch
):
    from api.refresh import run

    real = run.forecast_daily

    def one_by_one(lake, manifest, changed, products, at):
        for product in products:
            yield from real(lake, manifest, changed, [product], at)

    monkeypatch.setattr(run, "forecast_daily", one_by_one)
    rows = [
        asking.start(scope(store, merchant=merchant), "t").row
        for merchant, store in (("M1", "S1"), ("M1", "S2"), ("M2", "S1"))
    ]
    worker = Worker(published, replace(settings, refresh_turn_seconds=0.0))
    seen = []
    with closing(Lifeline(published.refreshes, 5.0)) as lifeline:
        while worker.work_once(lifeline):
            done = [published.refreshes.get(row.id) for row in rows]
            seen.append(tuple(row.done for row in done))
    assert seen[0] == (1, 0, 0) and seen[1] == (1, 0, 1) and seen[2] == (1, 1, 1)
    ended_m2 = next(n for n, done in enumerate(seen) if done[2] == 6)
    assert sum(seen[ended_m2][:2]) in (5, 6)
    assert seen[-1] == (12, 4, 6)
    ended = [published.refreshes.get(row.id) for row in rows]
    assert [row.state for row in ended] == ["done"] * 3
    assert [row.trained for row in ended] == [12, 4, 6]


def test_a_product_does_not_wait_for_all_of_its_store(asking, published, settings, scope, work):
    products = asking.start(scope(products=["MUG"]), "t").row
    whole = asking.start(scope(), "t").row
    assert asking.look(scope(products=["P03"])).row.id == whole.id
    work()
    assert published.refreshes.get(products.id).trained == 1
    assert published.refreshes.get(whole.id).trained == 11
