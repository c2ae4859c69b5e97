"""What the contract cannot show on a real shop: other versions, other channels, odd answers."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from etl.door import Door
from etl.errors import SourceContractError, SourceDeniedError
from etl.registry import Store
from etl.retail.connection import Connection
from etl.retail.vendure import Vendure
from etl.retail.vendure_documents import read_order
from etl.retail.vendure_shapes import drift
from etl.settings import Settings

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
AT = "2026-03-02T23:30:00.000Z"


@pytest.fixture
def channel() -> Store:
    return Store("M1", "sur", "Sur", "", "AR", "UTC", "ARS", 9, "vendure", "token-of-sur")


def _line(sku="A", quantity=1, placed=1, price=1250, **more):
    return {
        "id": f"L{sku}",
        "quantity": quantity,
        "orderPlacedQuantity": placed,
        "proratedUnitPrice": price,
        "productVariant": {"id": f"V{sku}", "sku": sku, "name": "Thing"},
    } | more


def _order(number=1, lines=None, at=AT, **more):
    return {
        "id": str(number),
        "code": "T1",
        "type": "Regular",
        "state": "PaymentSettled",
        "createdAt": AT,
        "updatedAt": AT,
        "orderPlacedAt": at,
        "currencyCode": "ARS",
        "channels": [{"code": "__default_channel__"}, {"code": "sur"}],
        "lines": [_line()] if lines is None else lines,
        "payments": [{"refunds": []}],
        "moneyStrategyPrecision": 2,
    } | more


def _refund(line, units, state="Settled"):
    lines = [{"orderLineId": line, "quantity": units}]
    return {"payments": [{"refunds": [{"state": state, "lines": lines}]}]}


def _page(*orders, channel="sur", precision=2):
    return {
        "data": {
            "activeChannel": {"code": channel},
            "globalSettings": {"serverConfig": {"moneyStrategyPrecision": precision}},
            "orders": {"items": list(orders), "totalItems": len(orders)},
        }
    }


def _refusal(code, message="no"):
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


@pytest.fixture
def source():
    """The connector before a shop that gives these answers in turn, the last one for ever."""

    def make(*answers, status=200):
        left = list(answers)

        def answer(_):
            return httpx.Response(status, json=left.pop(0) if len(left) > 1 else left[0])

        client = httpx.Client(transport=httpx.MockTransport(answer))
        return Vendure.over(
            Connection("https://shop.example", "M1", {}, sleep=lambda _: None, client=client), "M1"
        )

    return make


@pytest.fixture
def judge(channel, settings):
    """Rows and refusals of one document at the door."""

    def run(document):
        return Door(channel, settings).judge(read_order(document, channel, START))

    return run


def _units(rows):
    return [(r["product_id"], r["units_ordered"], r["units_cancelled"], r["status"]) for r in rows]


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (_order(lines=[_line(quantity=1, placed=3)]), (3, 2, "paid")),
        (_order(lines=[_line(quantity=3, placed=3)], **_refund("LA", 1)), (3, 1, "paid")),
        (_order(lines=[_line(quantity=2, placed=3)], **_refund("LA", 1)), (3, 1, "paid")),
        (_order(lines=[_line(quantity=3, placed=3)], **_refund("LA", 1, "Failed")), (3, 0, "paid")),
        (_order(lines=[_line(quantity=5, placed=3)]), (5, 0, "paid")),
        (_order(lines=[_line(quantity=0, placed=3)], state="Cancelled"), (3, 3, "cancelled")),
        (_order(lines=[_line(quantity=2, placed=2)], state="AwaitingPickup"), (2, 0, "paid")),
    ],
    ids=["cancelled", "refunded", "both", "failed", "added", "whole", "own state"],
)
def test_units_are_those_placed_less_what_was_cancelled_or_refunded(order, told, judge):
    assert _units(judge(order)[0]) == [("A", *told)]


def test_money_has_the_places_that_the_server_tells(source, channel, judge):
    order = _order(lines=[_line(price=12_505)])
    (document,) = source(_page(order, precision=3)).orders(channel, START, END)
    assert judge(document)[0][0]["unit_price"] == Decimal("12.505")


def test_an_order_that_was_not_placed_waits(judge):
    _, (refusal,) = judge(_order(state="ArrangingPayment"))
    assert refusal.reason == "not_paid"


def test_the_default_channel_is_left_with_orders_of_no_other(source, channel):
    own = _order(2, channels=[{"code": "__default_channel__"}])
    shown = source(_page(_order(1), own, channel="__default_channel__"))
    assert [document["id"] for document in shown.orders(channel, START, END)] == ["2"]


def test_the_whole_of_several_sellers_orders_is_left_out(source, channel):
    shown = source(_page(_order(1, type="Aggregate"), _order(2, type="Seller")))
    assert [document["id"] for document in shown.orders(channel, START, END)] == ["2"]


def test_a_page_that_goes_back_in_time_is_asked_for_again(source, channel):
    early, late = _order(1), _order(2, at="2026-03-03T00:00:00.000Z")
    shown = source(_page(late, early), _page(early, late))
    assert [document["id"] for document in shown.orders(channel, START, END)] == ["1", "2"]
    with pytest.raises(SourceContractError, match="went back in time in each of 8 readings"):
        list(source(_page(late, early)).orders(channel, START, END))


def test_a_channel_s_time_zone_is_utc_where_the_shop_has_no_field_for_it(source):
    sur = {
        "id": "2",
        "code": "tienda.sur",
        "token": "t",
        "defaultCurrencyCode": "ARS",
        "seller": {"name": "Sur SA"},
        "defaultShippingZone": {"members": [{"code": "AR"}, {"code": "UY"}]},
    }
    default = sur | {"id": "1", "code": "__default_channel__", "seller": None}
    channels = {"data": {"channels": {"items": [default, sur]}}}
    shown = source(channels, _refusal("GRAPHQL_VALIDATION_FAILED", "no customFields"))
    (store,) = shown.stores()
    assert (store.store_id, store.name, store.country) == ("tienda-sur", "Sur SA", "ZZ")
    assert (store.time_zone, store.source_ref) == ("UTC", "t")


def test_a_query_refused_with_400_tells_its_words(source, channel):
    refused = source(_refusal("GRAPHQL_VALIDATION_FAILED", "no field lines"), status=400)
    with pytest.raises(SourceContractError, match="GRAPHQL_VALIDATION_FAILED: no field lines"):
        list(refused.orders(channel, START, END))


def test_a_missing_permission_is_named(source, channel):
    refused = source(_refusal("FORBIDDEN", "You are not authorized"))
    with pytest.raises(SourceDeniedError, match=r"FORBIDDEN: You are not .* scopes"):
        list(refused.orders(channel, START, END))


def test_stock_is_told_where_it_is_tracked(source, channel):
    variant = {
        "id": "1",
        "sku": "A",
        "name": "Lamp",
        "enabled": True,
        "price": 1250,
        "currencyCode": "ARS",
        "createdAt": AT,
        "trackInventory": "INHERIT",
        "stockLevels": [
            {"stockOnHand": 5, "stockAllocated": 2},
            {"stockOnHand": 1, "stockAllocated": 0},
        ],
        "product": {"enabled": True, "collections": [{"name": "Home"}]},
    }
    items = [
        variant,
        variant | {"trackInventory": "FALSE", "product": {"enabled": False} | {"collections": []}},
    ]
    settings = {"trackInventory": True, "serverConfig": {"moneyStrategyPrecision": 2}}
    page = {"items": items, "totalItems": 2}
    shown = source({"data": {"globalSettings": settings, "productVariants": page}})
    lamp, paused = shown.listings(channel)
    assert (lamp.stock_on_hand, lamp.category, lamp.status) == (4, "Home", "active")
    assert (paused.stock_on_hand, paused.category, paused.status) == (None, "unknown", "paused")


def test_it_opens_at_the_address_of_the_settings():
    opened = Vendure.open(Settings(source_url="https://shop.example/"), "M1", "key-1")
    assert opened.api.connection.url == "https://shop.example"
    assert "key-1" not in repr(opened)


@pytest.mark.parametrize("seed", range(2))
def test_mutated_documents_are_accepted_or_refused_and_never_crash(seed, judge, spoil):
    good = _order(lines=[_line("A", 2, 2), _line("E", 1, 2)], **_refund("LA", 1))
    spoil(good, seed, judge, drift)
