"""What every connector must do, tried on each marketplace; the orders are those of conftest.py."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import cycle, pairwise

import pytest

from etl.door import Door
from etl.errors import SourceDeniedError
from etl.ingest import backfill, changed_days
from etl.registry import refresh_products
from etl.retail.shapes import order_key
from etl.retail.source import document_text, open_source, reader_of
from etl.settings import Settings

NET = {"LAMP": 5, "VASE": 67}


@pytest.fixture
def pull(market):
    """The documents that a source shows of a window."""

    def read(start, end, source=None):
        return list((source or market.source()).orders(market.store, start, end))

    return read


@pytest.fixture
def judge(market, settings):
    """Orders in common terms with their rows at the door."""

    def run(documents):
        reader, door = reader_of(market.name), Door(market.store, settings)
        orders = [reader.read_order(d, market.store, datetime.now(UTC)) for d in documents]
        return orders, [row for order in orders for row in door.judge(order)[0]]

    return run


def _net(rows):
    net = Counter()
    for row in rows:
        net[row["product_id"]] += row["units_ordered"] - row["units_cancelled"]
    return dict(net)


def test_a_window_holds_each_order_once_by_the_time_it_was_placed(documents, judge, march):
    orders, _ = judge(documents)
    sold = [order for order in orders if order.lines and order.lines[0].status != "not_paid"]
    assert len(sold) == len({order.order_id for order in orders if order in sold}) == 70
    instants = [order.created_at for order in orders]
    assert instants == sorted(instants)
    assert instants[0] == march[0]
    assert max(instants) < march[1]


def test_units_add_up_by_hand(documents, judge):
    _, rows = judge(documents)
    assert _net(rows) == NET


def test_prices_are_net_exact_and_in_the_store_s_currency(documents, judge):
    _, rows = judge(documents)
    prices = {(row["product_id"], row["unit_price"], row["currency"]) for row in rows}
    assert prices == {("LAMP", Decimal("12.5000"), "ARS"), ("VASE", Decimal("8.0000"), "ARS")}


def test_what_came_back_is_taken_from_its_line(pull, judge, march):
    _, rows = judge(pull(march[0] + timedelta(days=3), march[0] + timedelta(days=7)))
    told = [(r["status"], r["units_ordered"], r["units_cancelled"]) for r in rows]
    assert told == [("paid", 3, 1), ("paid", 3, 2), ("cancelled", 4, 4)]


def test_an_order_that_was_not_paid_does_not_count(pull, judge):
    day = datetime(2026, 3, 8, 3, tzinfo=UTC)
    _, rows = judge(pull(day, day + timedelta(days=1)))
    assert rows == []


def test_days_belong_to_the_store_s_own_calendar(pull, judge, march):
    _, rows = judge(pull(march[1], march[1] + timedelta(hours=1)))
    assert [(row["date"], row["units_ordered"]) for row in rows] == [(date(2026, 4, 1), 7)]


def test_windows_cut_anywhere_add_up_to_the_whole(documents, pull, march):
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    batch, at_once = (datetime(2026, 3, day, 12, tzinfo=UTC) for day in (10, 11))
    cuts = [batch, batch + 7 * minute, batch + hour + timedelta(seconds=30), at_once]
    edges = [march[0], *cuts, at_once + timedelta(milliseconds=1), march[1]]
    parts = [order_key(order) for part in pairwise(edges) for order in pull(*part)]
    assert parts == [order_key(order) for order in documents]


def test_another_store_s_orders_are_not_shown(pull, judge):
    day = datetime(2026, 3, 9, 3, tzinfo=UTC)
    assert pull(day, day + timedelta(days=1)) == []


def test_customers_are_in_no_document(documents):
    text = " ".join(document_text(document) for document in documents)
    for word in ("Juana", "Molina", "juana@example.com", "Calle Falsa", '"buyer"', '"customer"'):
        assert word not in text


def test_documents_read_the_same_after_they_were_kept(documents, judge):
    kept = [json.loads(document_text(d), parse_float=Decimal) for d in documents]
    assert judge(kept) == judge(documents)


def test_documents_as_they_are_now_do_not_drift(market, documents):
    found = {name for document in documents for name in reader_of(market.name).drift(document)}
    assert found == set()
    assert "new order.gift" in reader_of(market.name).drift(documents[0] | {"gift": True})


def test_an_order_that_changed_is_found_by_the_time_of_its_change(market, judge, march):
    later = march[1] + timedelta(hours=1)
    changed = list(market.source().changed_orders(market.store, later, later + timedelta(days=9)))
    (order,), rows = judge(changed)
    assert (order.created_at, _net(rows)) == (datetime(2026, 3, 5, 15, tzinfo=UTC), {"LAMP": 2})
    assert order.updated_at == datetime(2026, 4, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize("fault", ["429", "500", "503", "reset", "truncated", "slow"])
def test_a_fault_on_every_other_answer_loses_and_repeats_nothing(
    fault, market, proxy, pull, documents
):
    noon = datetime(2026, 3, 11, 12, tzinfo=UTC)
    at_once = [order_key(order) for order in documents][-5:]
    proxy.plan = cycle([fault, None])
    spoiled = pull(noon, noon + timedelta(hours=1), source=market.source(proxy.url))
    assert [order_key(order) for order in spoiled] == at_once
    assert proxy.spoiled >= 1


def test_faults_of_all_kinds_in_a_row_lose_nothing(market, proxy, pull, march, documents):
    proxy.plan = cycle(["reset", "429", None, "truncated", "503", "slow", None, "500"])
    assert pull(*march, source=market.source(proxy.url)) == documents
    assert proxy.spoiled >= 4


def test_listings_carry_sku_price_and_status(market):
    told = {
        x.product_id: (x.name, x.price, x.currency, x.status)
        for x in market.source().listings(market.store)
    }
    assert told == {
        "LAMP": ("Lamp", Decimal("12.50"), "ARS", "active"),
        "VASE": ("Vase", Decimal("8.00"), "ARS", "active"),
    }


def test_the_store_is_told_with_its_zone_and_currency(market):
    (told,) = [store for store in market.source().stores() if store.store_id == "sur"]
    assert (told.source, told.source_ref) == (market.name, market.store.source_ref)
    assert (told.zone, told.currency, told.country) == (market.store.zone, "ARS", "AR")


def test_empty_shelves_are_told_by_day_or_not_at_all(market):
    told = market.source().stockouts(market.store, date(2026, 3, 1), date(2026, 3, 31))
    assert told is None or set(told) <= {date(2026, 3, 1) + timedelta(days=n) for n in range(31)}


def test_a_wrong_token_is_refused_by_name_and_never_shown(market, march):
    wrong = "0000" + market.token[4:]
    with pytest.raises(SourceDeniedError, match=r"refused merchant M1 .*SOURCE_TOKENS") as raised:
        list(market.source(token=wrong).orders(market.store, *march))
    assert wrong not in str(raised.value)


def test_a_store_opens_with_a_token_and_an_address_of_its_own(market, pull):
    own = {"token": market.token, "url": market.url}
    tokens = json.dumps({"M1": "of-another-marketplace", "M1/sur": own})
    source = open_source(Settings(source_tokens=tokens), market.store)
    noon = datetime(2026, 3, 11, 12, tzinfo=UTC)
    assert len(pull(noon, noon + timedelta(hours=1), source=source)) == 5
    assert market.token not in repr(source)


def test_a_month_in_the_lake_adds_up_and_a_second_pull_changes_no_byte(
    market, lake, settings, files
):
    pulled_at = datetime(2026, 4, 2, tzinfo=UTC)

    def march_again():
        first, last, source = date(2026, 3, 1), date(2026, 3, 31), market.source()
        return backfill(lake, market.store, first, last, source, settings, pulled_at)

    days = march_again()
    assert (len(days), sum(day.units for day in days)) == (31, 72)
    assert not any(day.drift for day in days)
    before = files()
    march_again()
    assert files() == before
    since, until = datetime(2026, 4, 2, tzinfo=UTC), datetime(2026, 4, 9, tzinfo=UTC)
    changed = changed_days(lake, market.store, since, until, market.source())
    assert changed == [date(2026, 3, 5)]


def test_products_are_registered(market, lake):
    assert refresh_products(lake, market.store, market.source()) == 2
