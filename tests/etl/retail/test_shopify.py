from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from etl.errors import SourceContractError, SourceDeniedError
from etl.retail.shopify import Shopify
from etl.settings import Settings

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def every_minute(shopify_order, shopify_line):
    """Orders of one line each, so many minutes apart."""

    def make(count, minutes=1.0, start=START):
        line = shopify_line()
        return [
            shopify_order(n, (start + timedelta(minutes=minutes * n)).isoformat(), [line])
            for n in range(count)
        ]

    return make


@pytest.fixture
def numbers(shop, shopify_store):
    """Numbers of the orders that a pull finds."""

    def read(start=START, end=END):
        found = shop.source().orders(shopify_store, start, end)
        return [int(document["name"][1:]) for document in found]

    return read


def test_every_order_of_a_window_comes_once_by_the_time_it_was_placed(shop, every_minute, numbers):
    shop.orders = list(reversed(every_minute(300)))
    assert numbers() == list(range(300))


def test_pages_shrink_until_a_query_is_cheap_enough_and_stay_so(shop, every_minute, numbers):
    shop.orders = every_minute(100)
    assert numbers() == list(range(100))
    sizes = [(a["variables"]["first"], a["variables"]["lines"]) for a in shop.asked]
    assert sizes[:3] == [(50, 20), (25, 10), (12, 5)]
    assert set(sizes[3:]) == {(12, 5)}
    assert [cost > 1_000 for cost in shop.costs[:3]] == [True, True, False]


def test_an_empty_bucket_is_waited_out_for_what_the_query_lacks(shop, every_minute, numbers):
    shop.orders, shop.bucket, shop.restore_rate = every_minute(5), 100.0, 50.0
    assert numbers() == list(range(5))
    (pause,) = shop.slept
    assert pause == pytest.approx((shop.costs[-1] - 100) / 50)


def test_a_search_that_nears_its_end_goes_on_from_its_last_instant(
    shop, every_minute, numbers, monkeypatch
):
    monkeypatch.setattr("etl.retail.shopify_search._SEARCH_ORDERS", 40)
    shop.orders, shop.most_objects = every_minute(500, minutes=1 / 4), 60
    assert numbers() == list(range(500))


def test_orders_of_one_instant_survive_a_search_that_starts_anew(
    shop, every_minute, numbers, monkeypatch
):
    monkeypatch.setattr("etl.retail.shopify_search._SEARCH_ORDERS", 24)
    shop.orders = every_minute(30, minutes=1 / 10) + every_minute(
        30, minutes=0, start=START + timedelta(minutes=2, seconds=54)
    )
    for number, order in enumerate(shop.orders):
        order["id"], order["name"] = f"gid://shopify/Order/{number:09}", f"#{number}"
    assert numbers() == list(range(60))


def test_an_order_on_the_edge_belongs_to_the_window_that_it_begins(shop, every_minute, numbers):
    shop.orders = every_minute(3)
    first, second = START + timedelta(minutes=1), START + timedelta(minutes=2)
    assert numbers(START, first) == [0]
    assert numbers(first, second) == [1]


def test_an_imported_order_is_found_on_the_day_it_was_sold(shop, shopify_order, numbers):
    shop.orders = [shopify_order(7, "2026-03-02T12:00:00-03:00", createdAt="2026-04-05T00:00:00Z")]
    assert numbers() == [7]
    assert numbers(END, END + timedelta(days=9)) == []


def test_orders_that_changed_are_found_by_the_time_of_their_change(
    shop, shopify_order, shopify_store
):
    placed = "2026-03-02T12:00:00-03:00"
    shop.orders = [
        shopify_order(1, placed, updatedAt="2026-04-02T00:00:00Z"),
        shopify_order(2, placed, updatedAt="2026-03-03T00:00:00Z"),
    ]
    changed = shop.source().changed_orders(shopify_store, END, END + timedelta(days=9))
    assert [document["name"] for document in changed] == ["#1"]


def test_lines_beyond_the_first_page_are_fetched_with_their_order(
    shop, shopify_order, shopify_line, shopify_store
):
    lines = [shopify_line(f"S{n}") for n in range(230)]
    shop.orders = [shopify_order(1, "2026-03-02T12:00:00-03:00", lines)]
    source = shop.source()
    (document,) = source.orders(shopify_store, START, END)
    read = source.read_order(document, shopify_store, START).lines
    assert [line.product_id for line in read] == [f"S{n}" for n in range(230)]


def test_a_page_that_is_answered_again_is_asked_for_again(shop, every_minute, numbers):
    shop.orders = every_minute(60)
    pages = []

    def remember(response):
        pages.append(response)
        return response

    shop.faults = {4: remember, 5: lambda _: pages[0], 6: lambda _: pages[0]}
    assert numbers() == list(range(60))


def test_pages_that_never_go_on_are_given_up_with_words(shop, every_minute, numbers):
    shop.orders = every_minute(60)
    first = []

    def repeat(response):
        first.append(response)
        return first[0]

    shop.faults = dict.fromkeys(range(3, 99), repeat)
    with pytest.raises(SourceContractError, match="did not go on from page to page in each of 8"):
        numbers()


def test_an_error_of_the_server_in_a_body_is_tried_again(shop, every_minute, numbers):
    shop.orders = every_minute(3)
    error = {"message": "oops", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    shop.faults = {3: lambda _: httpx.Response(200, json={"errors": [error]})}
    assert numbers() == [0, 1, 2]


def test_a_window_that_shopify_would_cut_short_is_refused_with_the_scope(
    shop, every_minute, numbers
):
    shop.orders, shop.scopes = every_minute(3), ["read_orders"]
    shop.now = START + timedelta(days=90)
    with pytest.raises(SourceDeniedError, match=r"60 days ago.*read_all_orders.* 2026-04-01"):
        numbers()
    assert numbers(START + timedelta(days=31), END + timedelta(days=9)) == []
    shop.scopes = ["read_orders", "read_all_orders"]
    assert numbers() == [0, 1, 2]


def test_a_token_of_another_shop_is_refused_before_an_order_is_read(shop, every_minute, numbers):
    shop.orders, shop.domain = every_minute(3), "norte.myshopify.com"
    with pytest.raises(SourceDeniedError, match=r'opens the shop norte.*"M1/sur" of STORECAST'):
        numbers()


def test_a_wrong_token_names_merchant_and_setting_and_not_the_token(shop, shopify_store):
    with pytest.raises(SourceDeniedError, match=r"refused merchant M1 .*Invalid API key") as raised:
        list(shop.source("shpat_wrong-0003").orders(shopify_store, START, END))
    assert "0003" not in str(raised.value)


def test_a_missing_scope_is_named(shop, numbers):
    error = {"message": "Access denied for orders field", "extensions": {"code": "ACCESS_DENIED"}}
    shop.faults = {1: lambda _: httpx.Response(200, json={"errors": [error], "data": None})}
    with pytest.raises(SourceDeniedError, match=r"ACCESS_DENIED: Access denied .* scopes"):
        numbers()


def test_an_answer_of_another_shape_names_the_field(shop, numbers):
    shop.faults = {1: lambda _: httpx.Response(200, json={"data": {"shop": {}}})}
    with pytest.raises(SourceContractError, match=r"not of its documented shape: shop\."):
        numbers()


def test_a_field_that_is_gone_is_named(shop, numbers):
    error = {"message": "Field 'lineItems' doesn't exist on type 'Order'"}
    shop.faults = {1: lambda _: httpx.Response(200, json={"errors": [error]})}
    with pytest.raises(SourceContractError, match="'lineItems' doesn't exist"):
        numbers()


def _variant(number, **more):
    return {
        "id": f"gid://shopify/ProductVariant/{number}",
        "sku": f"SKU-{number}",
        "displayName": "Lamp - Red",
        "price": "12.50",
        "createdAt": "2026-01-02T01:00:00Z",
        "inventoryQuantity": 3,
        "inventoryItem": {"id": "gid://shopify/InventoryItem/1", "tracked": True},
        "product": {
            "status": "ACTIVE",
            "isGiftCard": False,
            "productType": "",
            "category": {"name": "Lamps"},
        },
    } | more


def test_listings_carry_sku_category_stock_and_local_day(shop, shopify_store):
    product = {"status": "DRAFT", "isGiftCard": False, "productType": "Own", "category": None}
    card = product | {"isGiftCard": True}
    shop.variants = [
        _variant(1),
        _variant(2, sku=None, product=product, inventoryItem={"tracked": False}),
        _variant(3, product=card),
        _variant(4, product=product | {"status": "ARCHIVED", "productType": ""}),
    ]
    lamp, own, old = shop.source().listings(shopify_store)
    assert (lamp.product_id, lamp.category, lamp.price) == ("SKU-1", "Lamps", Decimal("12.50"))
    assert (lamp.stock_on_hand, lamp.listed_on) == (3, date(2026, 1, 1))
    assert (own.product_id, own.category, own.status) == ("2", "Own", "paused")
    assert own.stock_on_hand is None
    assert (old.category, old.status) == ("unknown", "closed")


def test_many_listings_come_page_by_page(shop, shopify_store):
    shop.variants = [_variant(n) for n in range(230)]
    listings = shop.source().listings(shopify_store)
    assert [listing.product_id for listing in listings] == [f"SKU-{n}" for n in range(230)]


def test_the_shop_is_a_store(shop):
    (store,) = shop.source().stores()
    assert (store.merchant_id, store.store_id, store.source_ref) == ("M1", "sur", shop.domain)
    assert (store.country, store.region, store.currency) == ("AR", "B", "ARS")
    assert store.zone.key == "America/Argentina/Buenos_Aires"


def test_it_opens_at_the_address_of_the_settings():
    source = Shopify.open(Settings(source_url="https://lamps.myshopify.com/"), "M1", "shpat_1")
    assert source.api.connection.url == "https://lamps.myshopify.com"
    assert "shpat_1" not in repr(source)
