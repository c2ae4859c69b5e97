import gzip
import json
from datetime import UTC, date, datetime

import httpx
import pytest

from etl.errors import SourceUnreachableError
from etl.ingest import (
    backfill,
    changed_days,
    ingest_day,
    replay_day,
    sweep,
    trailing_days,
    unswept_since,
)
from etl.ledger import day_folder, missing_days, read_day
from etl.settings import Settings

LATER = datetime(2028, 1, 1, tzinfo=UTC)


@pytest.fixture
def march(marketplace, order, line, returned):
    """A marketplace with three days of orders, one of them refunded, one with a bad line."""
    marketplace.orders = [
        order(1, "2026-03-02T00:00:00.000-03:00", [line("A", 2)]),
        order(2, "2026-03-02T23:59:59.999-03:00", [line("A", 1), line("E", 1, None)]),
        order(3, "2026-03-03T00:00:00.000-03:00", [line("E", 4)]),
        order(4, "2026-03-05T10:00:00.000-03:00", [line("A", 5)], status="cancelled"),
    ]
    return marketplace


def test_a_day_holds_what_was_ordered_on_it_by_local_time(march, pull, lake, store):
    pull("2026-03-01", "2026-03-06")
    counts = [
        (day.orders, day.lines, day.units, day.state)
        for n in range(1, 7)
        if (day := read_day(lake, store, date(2026, 3, n)))
    ]
    assert counts == [
        (0, 0, 0, "empty"),
        (2, 2, 3, "pulled"),
        (1, 1, 4, "pulled"),
        (0, 0, 0, "empty"),
        (1, 1, 0, "pulled"),
        (0, 0, 0, "empty"),
    ]


def test_documents_are_kept_as_received_without_their_buyer(march, pull, lake, store):
    (day,) = pull("2026-03-02")
    packed = lake.read_bytes(f"{day_folder(store, day.day)}/{day.files['orders']}")
    documents = [json.loads(text) for text in gzip.decompress(packed).splitlines()]
    assert [d["id"] for d in documents] == [1, 2]
    assert documents[0]["order_items"] == march.orders[0]["order_items"]
    assert b"JUANA" not in gzip.decompress(packed)
    assert b"4242" not in gzip.decompress(packed)


def test_a_bad_line_is_counted_and_the_rest_goes_on(march, pull, lake, store):
    (day,) = pull("2026-03-02")
    assert day.refused == {"no_price": {"lines": 1, "units": 1}}
    refused = lake.read_table(f"{day_folder(store, day.day)}/{day.files['quarantine']}")
    (row,) = refused.to_pylist()
    assert (row["order_id"], row["line_id"], row["reason"]) == ("2", "2", "no_price")
    assert json.loads(row["document"])["id"] == 2


def test_days_pulled_one_by_one_or_as_a_range_are_the_same_bytes(
    march, pull, lake, store, files, settings
):
    pull("2026-03-01", "2026-03-06")
    by_range = files()
    for path in lake.paths("raw"):
        lake.delete(path)
    for n in (6, 1, 3, 5, 2, 4):
        ingest_day(lake, store, date(2026, 3, n), march.source(settings), settings, LATER)
    assert files() == by_range


def test_a_day_pulled_again_is_the_same_bytes(march, pull, files):
    pull("2026-03-01", "2026-03-06")
    first = files()
    march.orders.reverse()
    pull("2026-03-02", "2026-03-05")
    assert files() == first


def test_a_changed_order_replaces_exactly_its_day(march, pull, files, returned):
    pull("2026-03-01", "2026-03-06")
    before = files()
    march.orders[2]["returns"] = [returned("MLA-E", 3)]
    (day,) = pull("2026-03-03")
    assert day.units == 1
    after = files()
    changed = {path for path in before.keys() | after if before.get(path) != after.get(path)}
    assert {path.split("/")[4] for path in changed} == {"day=2026-03-03"}
    assert len(after) == len(before)


def test_an_order_that_left_the_search_leaves_its_day(march, pull, lake, store):
    pull("2026-03-03")
    del march.orders[2]
    (day,) = pull("2026-03-03")
    assert (day.state, day.files) == ("empty", {})
    assert lake.paths(day_folder(store, day.day)) == [f"{day_folder(store, day.day)}/manifest.json"]


def test_a_back_fill_that_broke_keeps_its_whole_months_and_goes_on_from_there(
    march, pull, lake, store, settings
):
    march.orders[0]["date_created"] = "2026-02-02T12:00:00.000-03:00"
    days = (date(2026, 2, 1), date(2026, 3, 31))
    source = march.source(settings)
    march.faults = dict.fromkeys(
        range(4, 40), lambda *_: (_ for _ in ()).throw(ConnectionError("gone"))
    )
    with pytest.raises(ConnectionError):
        backfill(lake, store, *days, source, settings, LATER)
    assert missing_days(lake, store, *days)[0] == date(2026, 3, 1)
    march.faults, asked = {}, march.answers
    done = []
    resumed = backfill(
        lake,
        store,
        *days,
        source,
        settings,
        LATER,
        progress=lambda *counts: done.append(counts),
        only_missing=True,
    )
    assert [day.day for day in resumed] == [date(2026, 3, n) for n in range(1, 32)]
    assert march.answers - asked == 2
    assert done == [(28, 59), (59, 59)]
    assert missing_days(lake, store, *days) == []


def test_a_pull_that_fails_leaves_the_day_as_it_was(march, pull, files):
    pull("2026-03-01", "2026-03-06")
    before = files()
    march.faults = dict.fromkeys(
        range(march.answers + 2, march.answers + 40),
        lambda *_: httpx.Response(500),
    )
    with pytest.raises(SourceUnreachableError):
        pull("2026-03-02")
    assert files() == before


def test_empty_shelves_are_kept_with_their_day(march, pull):
    march.stockouts = [{"item_id": "MLA-E", "seller_sku": "E", "date": "2026-03-03"}]
    days = pull("2026-03-02", "2026-03-03")
    assert [day.stockouts for day in days] == [[], ["E"]]


def test_a_source_that_tells_no_empty_shelves_leaves_them_unknown(march, pull):
    assert pull("2026-03-02")[0].stockouts is None


def test_the_days_pulled_with_a_day_reach_back_over_the_trailing_window():
    days = trailing_days(date(2026, 3, 2), Settings(trailing_days=35))
    assert (len(days), days[0], days[-1]) == (36, date(2026, 1, 26), date(2026, 3, 2))


def test_the_sweep_finds_older_days_whose_orders_changed_after_their_pull(
    march, pull, lake, store, settings, returned
):
    pulled_at, changed_at = datetime(2026, 3, 10, tzinfo=UTC), "2026-05-01T10:00:00+00:00"
    pull("2026-03-01", "2026-03-06", pulled_at=pulled_at)
    march.orders[2] |= {"returns": [returned("MLA-E", 1)], "last_updated": changed_at}
    march.orders[0] |= {"last_updated": "2026-03-05T10:00:00+00:00"}  # before it was pulled
    since = datetime(2026, 2, 1, tzinfo=UTC)
    days = changed_days(lake, store, since, LATER, march.source(settings))
    assert days == [date(2026, 3, 3)]
    later = datetime(2026, 5, 2, tzinfo=UTC)
    assert changed_days(lake, store, later, LATER, march.source(settings)) == []


def test_the_sweep_reaches_back_to_when_its_window_was_last_pulled(
    march, pull, lake, store, settings, returned
):
    window = [date(2026, 3, 4), date(2026, 3, 5)]
    assert unswept_since(lake, store, window) is None
    pull("2026-03-01", "2026-03-03", pulled_at=datetime(2026, 3, 10, tzinfo=UTC))
    assert unswept_since(lake, store, window) == datetime(2026, 3, 9, 22, tzinfo=UTC)
    pull("2026-03-04", pulled_at=datetime(2026, 3, 11, tzinfo=UTC))
    pull("2026-03-05", pulled_at=datetime(2026, 3, 12, tzinfo=UTC))
    assert unswept_since(lake, store, window) == datetime(2026, 3, 10, 22, tzinfo=UTC)


def test_the_sweep_pulls_the_changed_days_before_its_window(
    march, pull, lake, store, settings, returned
):
    pull("2026-03-01", "2026-03-06", pulled_at=datetime(2026, 3, 10, tzinfo=UTC))
    changed_at = "2026-03-11T10:00:00+00:00"
    march.orders[2] |= {"returns": [returned("MLA-E", 1)], "last_updated": changed_at}
    since, until = (datetime(2026, 3, day, tzinfo=UTC) for day in (10, 12))

    def swept(before):
        return sweep(lake, store, since, until, march.source(settings), settings, before)

    assert swept(date(2026, 3, 3)) == []
    assert swept(date(2026, 3, 4)) == [date(2026, 3, 3)]
    assert read_day(lake, store, date(2026, 3, 3)).pulled_at == until
    assert swept(None) == []


def test_a_day_read_again_without_a_change_of_rules_is_the_same_bytes(
    march, pull, lake, store, settings, files
):
    march.stockouts = [{"item_id": "MLA-E", "seller_sku": "E", "date": "2026-03-02"}]
    pull("2026-03-02")
    before, asked = files(), march.answers
    replay_day(lake, store, date(2026, 3, 2), settings)
    assert files() == before
    assert march.answers == asked


def test_what_was_refused_counts_after_the_rule_is_mended(march, pull, lake, store, settings):
    march.orders[0]["order_items"][0]["item"]["seller_sku"] = "POST"
    (day,) = pull("2026-03-02")
    assert (day.lines, day.refused["not_a_product"]["units"]) == (1, 2)
    mended = settings.__class__(non_products="^NEVER$")
    replayed = replay_day(lake, store, day.day, mended)
    assert (replayed.lines, replayed.units) == (2, 3)
    assert replayed.refused == {"no_price": {"lines": 1, "units": 1}}
    assert replayed.pulled_at == day.pulled_at
    assert replayed.files["orders"] == day.files["orders"]


def test_a_day_that_was_never_pulled_cannot_be_read_again(lake, store, settings):
    assert replay_day(lake, store, date(2026, 3, 2), settings) is None


def test_documents_that_leave_their_shape_are_counted_by_field(march, pull):
    march.orders[0]["gift_note"] = "x"
    march.orders[1]["order_items"][0]["subscription"] = {}
    del march.orders[1]["payments"]
    (day,) = pull("2026-03-02")
    assert day.drift == {
        "gone order.payments": 1,
        "new order.gift_note": 1,
        "new order_items.subscription": 1,
    }


def test_documents_of_the_documented_shape_do_not_drift(march, pull):
    assert pull("2026-03-02")[0].drift == {}
