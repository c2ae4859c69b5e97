from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Barrier

import httpx
import pytest

from etl.errors import SourceContractError, SourceDeniedError, SourceUnreachableError

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def numbers(marketplace, settings, store):
    """Numbers of the orders that a pull of March finds."""

    def read(start=START, end=END):
        return [o["id"] for o in marketplace.source(settings).orders(store, start, end)]

    return read


def test_every_order_of_a_window_comes_once_by_time_of_creation(marketplace, every_hour, numbers):
    marketplace.orders = list(reversed(every_hour("2026-03-01T00:00:00+00:00", 120)))
    assert numbers() == list(range(1, 121))


def test_a_window_with_too_many_orders_is_cut(marketplace, every_hour, numbers):
    marketplace.orders = every_hour("2026-03-01T00:00:00+00:00", 2_500, minutes=10)
    assert numbers() == list(range(1, 2_501))
    offsets = [int(r.url.params["offset"]) for r in marketplace.asked]
    assert max(offsets) < 1_000


def test_an_order_on_the_edge_belongs_to_the_window_that_it_begins(
    marketplace, every_hour, numbers
):
    marketplace.orders = every_hour("2026-03-01T00:00:00+00:00", 3)
    second, third = (datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (1, 2))
    assert numbers(START, second) == [1]
    assert numbers(second, third) == [2]


def test_pages_of_a_window_are_asked_for_at_the_same_time_and_come_in_order(
    marketplace, every_hour, store, settings
):
    marketplace.orders = every_hour("2026-03-01T00:00:00+00:00", 240)
    source = replace(marketplace.source(settings), at_once=2)
    two_at_a_time, truth = Barrier(2, timeout=10), marketplace._truth

    def wait(request):
        if request.url.params["offset"] != "0":
            two_at_a_time.wait()
        return truth(request)

    marketplace._truth = wait
    assert [o["id"] for o in source.orders(store, START, END)] == list(range(1, 241))


def test_what_is_read_at_the_same_time_is_read_again_where_it_does_not_join_up(
    marketplace, every_hour, store, settings
):
    marketplace.orders = every_hour("2026-03-01T00:00:00+00:00", 240)
    marketplace.faults = {3: _without_first}
    source = replace(marketplace.source(settings), at_once=4)
    assert [o["id"] for o in source.orders(store, START, END)] == list(range(1, 241))
    assert [r.url.params["offset"] for r in marketplace.asked].count("0") == 2


def _without_first(request, response):
    """As if the first order of the page had left the search: all behind it move up."""
    page = response.json()
    page["results"] = page["results"][1:]
    return httpx.Response(200, json=page)


def _page_before(marketplace):
    def answer(request, response):
        offset = max(int(request.url.params["offset"]) - 49, 0)
        return marketplace._truth(
            httpx.Request(
                "GET", request.url.copy_set_param("offset", offset), headers=request.headers
            )
        )

    return answer


@pytest.mark.parametrize("fault", ["moved", "repeated", "truncated", "reset", "500", "429"])
def test_a_fault_on_the_second_page_loses_and_repeats_nothing(
    fault, marketplace, every_hour, numbers
):
    marketplace.orders = every_hour("2026-03-01T00:00:00+00:00", 120)

    def reset(request, response):
        raise httpx.ReadError("connection reset by peer")

    marketplace.faults[2] = {
        "moved": _without_first,
        "repeated": _page_before(marketplace),
        "truncated": lambda _, answer: httpx.Response(200, content=answer.content[:-40]),
        "reset": reset,
        "500": lambda *_: httpx.Response(500),
        "429": lambda *_: httpx.Response(429, headers={"Retry-After": "7"}),
    }[fault]
    assert numbers() == list(range(1, 121))
    assert fault != "429" or marketplace.slept == [7.0]


def test_an_order_that_vanishes_between_two_pages_hides_no_other(marketplace, every_hour, numbers):
    marketplace.orders = every_hour("2026-03-01T00:00:00+00:00", 120)

    def vanish(request, response):
        del marketplace.orders[3]
        return response

    marketplace.faults[1] = vanish
    assert numbers() == [n for n in range(1, 121) if n != 4]


def test_a_search_that_never_holds_still_is_given_up_with_words(marketplace, every_hour, numbers):
    marketplace.orders = every_hour("2026-03-01T00:00:00+00:00", 120)
    marketplace.faults = dict.fromkeys(range(1, 200), _without_first)
    with pytest.raises(SourceContractError, match="moved between the pages in each of 16 readings"):
        numbers()


def test_the_customer_never_passes(marketplace, order, settings, store):
    marketplace.orders = [order(1, "2026-03-02T12:00:00.000-03:00")]
    (document,) = marketplace.source(settings).orders(store, START, END)
    assert "buyer" not in document
    assert document["payments"] == [{"id": 1, "status": "approved"}]


def test_money_is_read_exactly(marketplace, order, line, settings, store):
    marketplace.orders = [order(1, "2026-03-02T12:00:00.000-03:00", [line(price=0.1)])]
    source = marketplace.source(settings)
    (document,) = source.orders(store, START, END)
    (read,) = source.read_order(document, store, START).lines
    assert read.unit_price == Decimal("0.1")


def test_a_wrong_token_names_merchant_address_and_setting(marketplace, settings, store):
    source = marketplace.source(settings)
    source.connection._headers["Authorization"] = "Bearer wrong"
    with pytest.raises(
        SourceDeniedError,
        match=r"market\.example refused merchant M1 \(401 .*STORECAST_SOURCE_TOKENS",
    ):
        list(source.orders(store, START, END))


def test_a_service_that_stays_down_is_named_with_what_to_do(marketplace, numbers):
    def refuse(request, response):
        raise httpx.ConnectError("connection refused")

    marketplace.faults = dict.fromkeys(range(1, 20), refuse)
    with pytest.raises(
        SourceUnreachableError, match=r"market\.example does not answer .*STORECAST_SOURCE_URL"
    ):
        numbers()
    assert marketplace.answers == 8


def test_an_answer_of_another_shape_names_the_field(marketplace, numbers):
    marketplace.faults[1] = lambda *_: httpx.Response(200, json={"results": []})
    with pytest.raises(SourceContractError, match=r"/orders/search is not .* shape: paging"):
        numbers()


def test_what_the_marketplace_calls_wrong_is_not_tried_again(marketplace, numbers):
    marketplace.faults[1] = lambda *_: httpx.Response(400, json={"message": "invalid seller"})
    with pytest.raises(SourceContractError, match="answered 400: invalid seller"):
        numbers()
    assert marketplace.answers == 1


def test_listings_carry_sku_category_and_local_days(marketplace, settings, store):
    marketplace.items = [
        {
            "id": "MLA1",
            "title": "Lamp",
            "category_id": "C1",
            "category_name": "Home",
            "price": 12.5,
            "currency_id": "ARS",
            "available_quantity": 3,
            "status": "active",
            "seller_custom_field": None,
            "attributes": [{"id": "SELLER_SKU", "value_name": "LAMP-1"}],
            "date_created": "2026-01-02T01:00:00.000+00:00",
            "promotions": [{"start": "2026-02-01", "end": "2026-02-03", "discount": 0.2}],
        },
        {"id": "MLA2", "title": "Bare", "currency_id": "ARS", "status": "under_review"},
    ]
    lamp, bare = marketplace.source(settings).listings(store)
    assert (lamp.product_id, lamp.category, lamp.price) == ("LAMP-1", "Home", Decimal("12.5"))
    assert (lamp.stock_on_hand, lamp.listed_on) == (3, date(2026, 1, 1))
    assert lamp.promotions == '[{"start": "2026-02-01", "end": "2026-02-03", "discount": 0.2}]'
    assert (bare.product_id, bare.category, bare.status) == ("MLA2", "unknown", "closed")


def test_many_listings_are_asked_for_twenty_at_a_time(marketplace, settings, store):
    marketplace.items = [
        {"id": f"MLA{n}", "title": "T", "currency_id": "ARS", "status": "active"} for n in range(75)
    ]
    listings = list(marketplace.source(settings).listings(store))
    assert [x.listing_id for x in listings] == [f"MLA{n}" for n in range(75)]
    assert sum(r.url.path == "/items" for r in marketplace.asked) == 4


def test_days_with_an_empty_shelf_are_told_by_day(marketplace, settings, store):
    marketplace.stockouts = [
        {"item_id": "MLA1", "seller_sku": "A", "date": "2026-03-04"},
        {"item_id": "MLA2", "seller_sku": None, "date": "2026-03-04"},
    ]
    told = marketplace.source(settings).stockouts(store, date(2026, 3, 1), date(2026, 3, 31))
    assert told == {date(2026, 3, 4): ["A", "MLA2"]}


def test_a_service_without_stockouts_knows_nothing_of_them(marketplace, settings, store):
    source = marketplace.source(settings)
    assert source.stockouts(store, date(2026, 3, 1), date(2026, 3, 31)) is None


def test_stores_are_read_with_their_zone_and_seller(marketplace, settings):
    marketplace.stores = [
        {
            "id": "S9",
            "seller_id": 12,
            "name": "Norte",
            "region": "NOA",
            "country_id": "AR",
            "time_zone": "America/Argentina/Salta",
            "currency_id": "ARS",
            "opening_hour": 8,
            "merchant_id": "M1",
        }
    ]
    (found,) = marketplace.source(settings).stores()
    assert (found.merchant_id, found.store_id, found.source_ref) == ("M1", "S9", "12")
    assert found.zone.key == "America/Argentina/Salta"
