"""Daily forecasts, refreshes and leases: what both homes of the store must do alike."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from api.store.daily import DailyDocument, DailyQuery
from api.store.documents import Scope
from api.store.refreshes import AskedTooOftenError, Limit, RefreshRow

M1 = Scope("M1")
NARROW = Scope("M1", frozenset({"S2"}))


def a_document(product, volume=10.0, merchant="M1", store="S1", **fields):
    values = {
        "category": "kitchen",
        "search": product.lower(),
        "stamp": "w1.c",
        "sums": b'{"units":[%d]}' % volume,
        "json": b'{"product":"%s"}' % product.encode(),
        **fields,
    }
    return DailyDocument(merchant, store, product, volume=volume, **values)


def a_refresh(number, merchant="M1", store="S1", **fields):
    at = f"2026-11-05T08:{number:02d}:00+00:00"
    return RefreshRow(f"r{number}", merchant, store, at, **fields)


def names(listed):
    return [line.product_id for line in listed]


def test_daily_forecasts_are_replaced_one_by_one_and_found_within_the_scope(store):
    store.daily.put([a_document("MUG"), a_document("POT"), a_document("MUG", merchant="M2")])
    store.daily.put([a_document("MUG", json=b"2", stamp="w2.c"), a_document("X", store="S2")])

    assert store.daily.one(M1, "S1", "MUG") == b"2"
    assert store.daily.one(M1, "S1", "NONE") is None
    assert store.daily.one(Scope("M2"), "S1", "MUG") == b'{"product":"MUG"}'
    assert store.daily.one(NARROW, "S1", "MUG") is None
    assert store.daily.stamps("M1", "S1") == {"MUG": "w2.c", "POT": "w1.c"}
    assert store.daily.remove_others("M1", "S1", "w2.c") == 1
    assert store.daily.stamps("M1", "S1") == {"MUG": "w2.c"}
    assert store.daily.one(Scope("M2"), "S1", "MUG") is not None


@pytest.mark.parametrize(
    ("sort", "expected"), [("volume", ["C", "A", "B", "D"]), ("name", ["D", "C", "B", "A"])]
)
def test_daily_forecasts_are_sorted_and_paged_without_loss(store, sort, expected):
    numbers = {"A": (2, "4"), "B": (2, "3"), "C": (9, "2"), "D": (0, "1")}
    store.daily.put([a_document(p, volume, search=s) for p, (volume, s) in numbers.items()])
    walked, after = [], None
    while page := store.daily.page(M1, DailyQuery("S1", sort=sort, after=after, limit=1)):
        walked += names(page)
        after = page[0][:2]
    assert walked == expected


def test_daily_filters_narrow_and_combine(store):
    store.daily.put(
        [
            a_document("A", 4, category="toys", search="green (mug)"),
            a_document("B", 3, search="green pot"),
            a_document("C", 2, store="S2", search="red mug"),
        ]
    )

    def found(scope=M1, store_id="S1", **query):
        return names(store.daily.page(scope, DailyQuery(store_id, **query)))

    assert found() == ["A", "B"]
    assert found(categories=("toys", "garden")) == ["A"]
    assert found(products=("B", "C")) == ["B"]
    assert found(text="(mug)") == ["A"]
    assert found(NARROW) == [] and found(NARROW, "S2") == ["C"]
    assert sorted(store.daily.sums(M1, "S1")) == [b'{"units":[3]}', b'{"units":[4]}']
    assert store.daily.sums(M1, "S1", ("toys",)) == [b'{"units":[4]}']
    assert store.daily.sums(NARROW, "S1") == []


def test_of_two_refreshes_with_one_id_one_is_added(store):
    first = a_refresh(1, products=("A", "B"), watermark="w1")
    assert store.refreshes.add(first) is True
    assert store.refreshes.add(replace(first, requested_by="other")) is False
    assert store.refreshes.get("r1") == first
    assert store.refreshes.get("r2") is None


def test_many_who_add_the_same_at_once_add_it_once(store):
    added = []

    def add():
        added.append(store.refreshes.add(a_refresh(1)))

    threads = [threading.Thread(target=add) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == [False] * 15 + [True]


def test_of_many_who_ask_at_once_no_more_are_added_than_the_limit_allows(store):
    limit = Limit("2026-11-05T08:00:00+00:00", 5)
    outcomes = []

    def add(number):
        try:
            outcomes.append(store.refreshes.add(a_refresh(number), limit))
        except AskedTooOftenError:
            outcomes.append(None)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [None] * 11 + [True] * 5
    assert len(store.refreshes.asked_since("M1", limit.since)) == 5


def test_what_is_kept_already_or_asked_by_others_or_long_ago_uses_up_no_limit(store):
    limit = Limit("2026-11-05T08:00:00+00:00", 2)
    assert store.refreshes.add(a_refresh(1), limit) is True
    for _ in range(3):
        assert store.refreshes.add(a_refresh(1), limit) is False
    assert store.refreshes.add(a_refresh(2, merchant="M2"), limit) is True
    assert store.refreshes.add(a_refresh(3), limit) is True
    with pytest.raises(AskedTooOftenError):
        store.refreshes.add(a_refresh(4), limit)
    later = Limit("2026-11-05T08:02:00+00:00", 2)
    assert store.refreshes.add(a_refresh(5), later) is True
    with pytest.raises(AskedTooOftenError):
        store.refreshes.add(a_refresh(6), later)
    with pytest.raises(AskedTooOftenError):
        store.refreshes.add(a_refresh(7), Limit("2026-11-05T08:00:00+00:00", 0))


def test_active_refreshes_are_those_still_to_be_worked_on(store):
    for number, state in ((1, "queued"), (2, "done"), (3, "training"), (4, "failed")):
        store.refreshes.add(a_refresh(number, state=state))
    store.refreshes.add(a_refresh(5, store="", parts=("r1", "r3")))

    assert [row.id for row in store.refreshes.active()] == ["r1", "r3"]
    assert [row.id for row in store.refreshes.latest("M1", "S1")] == ["r4", "r3", "r2", "r1"]
    assert [row.id for row in store.refreshes.latest("M1", "S1", limit=2)] == ["r4", "r3"]
    store.refreshes.change("r1", {"state": "done"})
    assert [row.id for row in store.refreshes.active()] == ["r3"]
    assert store.refreshes.get("r5").parts == ("r1", "r3")


def test_only_the_holder_changes_a_refresh(store):
    store.refreshes.add(a_refresh(1))
    assert store.refreshes.change("r1", {"holder": "w1", "state": "training", "of": 7}) is True
    assert store.refreshes.change("r1", {"done": 3}, holder="w1") is True
    assert store.refreshes.change("r1", {"done": 9}, holder="w2") is False
    assert store.refreshes.change("none", {"done": 9}) is False
    row = store.refreshes.get("r1")
    assert (row.holder, row.done, row.of, row.state) == ("w1", 3, 7, "training")


def test_requests_of_people_are_counted_and_old_ones_forgotten(store):
    store.refreshes.add(a_refresh(1, state="done"))
    store.refreshes.add(a_refresh(2, store="S2"))
    store.refreshes.add(a_refresh(3, asked=0))
    store.refreshes.add(a_refresh(4, merchant="M2"))

    assert len(store.refreshes.asked_since("M1", "2026-11-05T08:00:00+00:00")) == 2
    assert store.refreshes.asked_since("M1", "2026-11-05T08:02:00+00:00") == [
        "2026-11-05T08:02:00+00:00"
    ]
    assert store.refreshes.remove_asked_before("2026-11-05T08:03:00+00:00") == 1
    assert store.refreshes.get("r1") is None and store.refreshes.get("r2") is not None


def test_a_lease_is_one_workers_until_it_runs_out_or_is_given_back(store):
    queue = store.refreshes
    assert queue.take_lease("M1", "S1", "w1", 100.0, 110.0) is True
    assert queue.take_lease("M1", "S1", "w2", 105.0, 115.0) is False
    assert queue.take_lease("M1", "S2", "w2", 105.0, 115.0) is True
    assert queue.take_lease("M1", "S1", "w1", 108.0, 118.0) is True
    assert queue.take_lease("M1", "S1", "w2", 117.9, 130.0) is False
    assert queue.take_lease("M1", "S1", "w2", 118.0, 130.0) is True
    queue.end_lease("M1", "S1", "w1", 120.0)
    assert queue.take_lease("M1", "S1", "w1", 121.0, 131.0) is False
    queue.end_lease("M1", "S1", "w2", 122.0)
    assert queue.take_lease("M1", "S1", "w1", 122.0, 132.0) is True

    found = {lease.store_id: lease for lease in queue.leases(["M1", "M9"])}
    assert found["S1"][2:] == ("w1", 132.0, 122.0)
    assert found["S2"][2:] == ("w2", 115.0, 105.0)
    assert queue.leases([]) == [] and queue.leases(["M2"]) == []


def test_of_many_who_want_a_lease_one_has_it(store):
    won = []

    def take(worker):
        won.append(store.refreshes.take_lease("M1", "S1", worker, 100.0, 110.0))

    threads = [threading.Thread(target=take, args=(f"w{n}",)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(won) == 1
