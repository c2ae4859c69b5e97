from dataclasses import replace
from datetime import date

import pyarrow.parquet as pq
import pytest

from etl.errors import InputError
from etl.registry import (
    add_store,
    as_asked,
    ask_for_daily,
    pick_stores,
    read_products,
    read_stores,
    refresh_products,
)
from etl.retail.source import Listing


class _Shelf:
    """A source that lists what it is given."""

    def __init__(self, *listings):
        self._listings = listings

    def listings(self, store):
        return iter(self._listings)


def _listing(listing_id, sku, status="active", listed_on=None, **more):
    return Listing(listing_id, sku, f"Title {sku}", "home", None, "ARS", status, None, listed_on)


def _statuses(lake, store):
    return {
        row["product_id"]: (row["listing_id"], row["status"])
        for row in read_products(lake, store).to_pylist()
    }


def test_a_store_added_again_replaces_the_first(lake, store):
    add_store(lake, store)
    add_store(lake, replace(store, store_id="S0"))
    add_store(lake, replace(store, name="Centro nuevo"))
    assert [(s.store_id, s.name) for s in read_stores(lake)] == [
        ("S0", "Centro"),
        ("S1", "Centro nuevo"),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time_zone": "Mars/Olympus"}, "no IANA name"),
        ({"store_id": "a/b"}, "cannot name a folder"),
        ({"merchant_id": "a|b"}, "cannot name a folder"),
        ({"merchant_id": ""}, "cannot name a folder"),
        ({"opening_hour": 24}, "opening_hour is 0 to 23; found 24"),
        ({"currency": "Pounds"}, "an ISO 4217 code such as EUR; found 'Pounds'"),
        ({"currency": "gbp"}, "an ISO 4217 code such as EUR; found 'gbp'"),
    ],
)
def test_a_store_that_cannot_be_used_is_not_added(change, message, lake, store):
    with pytest.raises(InputError, match=message):
        add_store(lake, replace(store, **change))
    assert read_stores(lake) == []


def test_stores_are_picked_by_merchant_and_id(store):
    stores = [store, replace(store, merchant_id="M2"), replace(store, store_id="S2")]
    assert pick_stores(stores) == stores
    assert pick_stores(stores, "M1") == [store, stores[2]]
    assert pick_stores(stores, "M1", "S2") == [stores[2]]


def test_an_unknown_store_is_named_beside_the_known(store):
    with pytest.raises(InputError, match=r"store S7; known: M1/S1\. Add it"):
        pick_stores([store], "M1", "S7")


def test_products_are_kept_as_last_seen(lake, store):
    refresh_products(lake, store, _Shelf(_listing("1", "A"), _listing("2", "E", "paused")))
    assert _statuses(lake, store) == {"A": ("1", "active"), "E": ("2", "paused")}


def test_a_product_no_longer_listed_stays_closed(lake, store):
    refresh_products(lake, store, _Shelf(_listing("1", "A"), _listing("2", "E")))
    assert refresh_products(lake, store, _Shelf(_listing("2", "E"))) == 2
    assert _statuses(lake, store) == {"A": ("1", "closed"), "E": ("2", "active")}


def test_of_several_listings_of_a_sku_the_active_one_speaks(lake, store):
    listings = [
        _listing("1", "A", "active", date(2026, 1, 1)),
        _listing("2", "A", "active", date(2026, 2, 1)),
        _listing("3", "A", "closed", date(2026, 3, 1)),
    ]
    refresh_products(lake, store, _Shelf(*listings))
    assert _statuses(lake, store) == {"A": ("2", "active")}


def test_an_active_listing_was_on_sale_on_the_day_of_the_look(lake, store):
    refresh_products(lake, store, _Shelf(_listing("1", "A")), seen_on=date(2026, 3, 5))
    assert read_products(lake, store).column("last_listed_on").to_pylist() == [date(2026, 3, 5)]


@pytest.mark.parametrize("status", ["active", "paused", "closed"])
def test_a_look_that_tells_no_last_day_leaves_that_of_an_earlier_one(status, lake, store):
    refresh_products(lake, store, _Shelf(_listing("1", "A")), seen_on=date(2026, 3, 5))
    refresh_products(lake, store, _Shelf(_listing("1", "A", status)))
    assert read_products(lake, store).column("last_listed_on").to_pylist() == [date(2026, 3, 5)]


def test_the_last_day_that_the_source_tells_replaces_that_of_an_earlier_look(lake, store):
    refresh_products(lake, store, _Shelf(_listing("1", "A")), seen_on=date(2026, 3, 5))
    told = replace(_listing("1", "A", "closed"), last_listed_on=date(2026, 2, 1))
    refresh_products(lake, store, _Shelf(told), seen_on=date(2026, 4, 5))
    assert read_products(lake, store).column("last_listed_on").to_pylist() == [date(2026, 2, 1)]


def test_a_store_asks_for_daily_forecasts_and_a_new_look_at_the_marketplace_keeps_it(lake, store):
    other = replace(store, store_id="S2")
    for one in (store, other):
        add_store(lake, one)
    ask_for_daily(lake, [store], True)
    for told in (store, other):
        add_store(lake, as_asked(lake, told))
    assert [one.daily_forecasts for one in read_stores(lake)] == [True, False]
    ask_for_daily(lake, [store], False)
    assert not any(one.daily_forecasts for one in read_stores(lake))


def test_a_registry_written_before_stores_could_ask_is_read(lake, store):
    add_store(lake, store)
    path = "registry/stores.parquet"
    earlier = lake.read_table(path).drop_columns(["daily_forecasts"])
    pq.write_table(earlier, lake.uri(path))
    assert read_stores(lake) == [store]
