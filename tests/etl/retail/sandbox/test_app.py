"""The sandbox over a real port: each endpoint, its bounds, its refusals, its clock."""

from typing import Any

import httpx
import pandas as pd
import pytest

from etl.retail.sandbox import Behaviour, read_history, running, sandbox_app, sandbox_tokens

NORTH, SOUTH, OTHER = 11, 12, 21


def ids(orders: list[dict[str, Any]]) -> list[int]:
    return [order["id"] for order in orders]


RETURN = 82_000_000_000_007  # R7: the letter's code in front


def test_stores_of_the_merchant_alone(shop: Any) -> None:
    stores = shop.get("/stores").json()["results"]
    assert [store["id"] for store in stores] == ["north", "south"]
    assert stores[0] == {
        "id": "north",
        "seller_id": NORTH,
        "name": "Shop North",
        "region": "Sudeste",
        "country_id": "BR",
        "time_zone": "America/Sao_Paulo",
        "currency_id": "BRL",
        "opening_hour": 9,
        "merchant_id": "shop",
    }


def test_orders_come_by_time_with_a_total(shop: Any) -> None:
    answer = shop.get("/orders/search", seller=NORTH).json()
    assert ids(answer["results"]) == [101, 102, 103, RETURN]
    assert answer["paging"] == {"total": 4, "offset": 0, "limit": 50}
    assert ids(shop.orders(sort="date_desc")) == [RETURN, 103, 102, 101]


def test_pages_join_up(shop: Any) -> None:
    first = shop.get("/orders/search", seller=NORTH, limit=3).json()
    second = shop.get("/orders/search", seller=NORTH, limit=3, offset=3).json()
    assert ids(first["results"] + second["results"]) == [101, 102, 103, RETURN]
    assert second["paging"] == {"total": 4, "offset": 3, "limit": 3}
    assert shop.orders(offset=4) == []


def test_creation_window_holds_both_its_ends(shop: Any) -> None:
    window = {
        "order.date_created.from": "2026-04-01T02:30:00.000Z",  # order 101 to the second
        "order.date_created.to": "2026-04-01T09:00:00.000-03:00",  # order 102
    }
    assert ids(shop.orders(**window)) == [101, 102]
    window["order.date_created.from"] = "2026-04-01T02:30:00.001Z"
    assert ids(shop.orders(**window)) == [102]


def test_update_window_finds_what_changed_by_now(shop: Any) -> None:
    since = {"order.date_last_updated.from": "2026-04-03T00:00:00Z"}
    assert ids(shop.orders(**since)) == [101, 102, RETURN]
    assert ids(shop.at("2026-04-04T00:00:00Z").orders(**since)) == [102]


def test_order_document(shop: Any) -> None:
    order = shop.order(101)
    buyer, payment = order.pop("buyer"), order.pop("payments")
    claim = order["returns"][0].pop("claim_id")
    assert isinstance(buyer["id"], int)
    assert isinstance(claim, int)
    assert order == {
        "id": 101,
        "status": "partially_refunded",
        "status_detail": None,
        "date_created": "2026-03-31T23:30:00.000-03:00",
        "date_closed": "2026-03-31T23:30:00.000-03:00",
        "last_updated": "2026-04-10T12:00:00.000-03:00",
        "currency_id": "BRL",
        "total_amount": 25.5,
        "paid_amount": 25.5,
        "order_items": [
            {
                "item": {
                    "id": "L1",
                    "title": "Apple",
                    "category_id": "fruit",
                    "seller_sku": "A",
                    "variation_id": None,
                },
                "quantity": 2,
                "unit_price": 10.0,
                "full_unit_price": 10.0,
                "currency_id": "BRL",
            },
            {
                "item": {
                    "id": "L2",
                    "title": "Bread",
                    "category_id": "bakery",
                    "seller_sku": "B",
                    "variation_id": None,
                },
                "quantity": 1,
                "unit_price": 5.5,
                "full_unit_price": 5.5,
                "currency_id": "BRL",
            },
        ],
        "returns": [
            {
                "status": "closed",
                "date_created": "2026-04-10T12:00:00.000-03:00",
                "orders": [
                    {
                        "order_id": 101,
                        "item_id": "L1",
                        "variation_id": None,
                        "total_quantity": 2,
                        "return_quantity": 1,
                    }
                ],
            }
        ],
        "seller": {"id": NORTH},
        "tags": [],
    }
    assert payment[0]["transaction_amount"] == 25.5
    assert payment[0]["transaction_amount_refunded"] == 10.0


def test_cancelled_order_keeps_its_lines(shop: Any) -> None:
    order = shop.order(102)
    assert order["status"] == "cancelled"
    assert [item["quantity"] for item in order["order_items"]] == [1]
    assert order["returns"] == []
    assert order["payments"][0]["status"] == "refunded"


def test_return_without_its_order_is_an_order_of_negative_units(shop: Any) -> None:
    order = shop.order(RETURN)
    assert order["tags"] == ["return"]
    assert order["order_items"][0]["quantity"] == -1
    assert order["total_amount"] == -10.0


def test_line_without_price_or_sku_is_shown_as_it_is(shop: Any) -> None:
    item = shop.order(103)["order_items"][0]
    assert item["unit_price"] is None
    assert item["item"]["seller_sku"] is None
    assert item["item"]["id"] == "L3"


def test_nothing_later_than_the_clock_has_happened(shop: Any) -> None:
    shop.at("2026-04-03T14:59:59Z")
    assert ids(shop.orders()) == [101, 102, 103]
    assert shop.order(101)["status"] == shop.order(102)["status"] == "paid"
    assert shop.order(101)["returns"] == []
    assert shop.order(102)["last_updated"] == "2026-04-01T09:00:00.000-03:00"
    shop.at("2026-04-03T15:00:00Z")
    assert shop.order(102)["status"] == "cancelled"
    assert shop.order(102)["last_updated"] == "2026-04-03T12:00:00.000-03:00"
    assert shop.at("2026-03-01T00:00:00Z").orders() == []


def test_clock_tells_where_it_stands_and_refuses_nonsense(shop: Any) -> None:
    assert shop.at("2026-04-03T12:00:00-03:00").get("/sandbox/clock").json() == {
        "now": "2026-04-03T15:00:00.000Z"
    }
    for body in ('{"now": "yesterday"}', '{"now": "2026-04-03T12:00:00"}', "[]", "x"):
        answer = shop.http.put("/sandbox/clock", content=body)
        assert answer.status_code == 400
        assert answer.json()["error"] == "bad_request"


def test_listing_ids_by_status(shop: Any) -> None:
    path = f"/users/{NORTH}/items/search"
    assert shop.get(path).json()["results"] == ["L1", "L2", "L3"]
    assert shop.get(path, status="closed").json()["results"] == ["L2"]
    assert shop.get(path, offset=1, limit=1).json()["results"] == ["L2"]
    assert shop.get(path, offset=1, limit=1).json()["paging"]["total"] == 3
    assert shop.at("2026-04-01T12:00:00Z").get(path).json()["results"] == ["L1", "L2"]


def test_listing_as_of_the_clock(shop: Any) -> None:
    shop.at("2026-04-02T12:00:00Z")
    found = shop.get("/items", ids="L1,L2").json()
    assert [answer["code"] for answer in found] == [200, 200]
    apple = found[0]["body"]
    assert apple["seller_custom_field"] == apple["attributes"][0]["value_name"] == "A"
    assert apple["category_id"] == "fruit"
    assert apple["category_name"] == "Fruit"
    assert apple["price"] == 12.0
    assert apple["available_quantity"] == 5
    assert apple["status"] == "active"
    assert apple["date_created"] == "2026-03-01T00:00:00.000-03:00"
    # June's promotion is not announced yet.
    assert apple["promotions"] == [{"start": "2026-04-01", "end": "2026-04-02", "discount": 0.2}]


def test_listing_with_an_empty_shelf_is_paused_and_one_retired_is_closed(shop: Any) -> None:
    shop.at("2026-04-07T12:00:00Z")
    apple, bread = (answer["body"] for answer in shop.get("/items", ids="L1,L2").json())
    assert (apple["status"], apple["available_quantity"]) == ("paused", 0)
    assert (bread["status"], bread["stop_time"]) == ("closed", "2026-04-04T00:00:00.000-03:00")


def test_listing_of_another_merchant_or_of_nobody_is_not_there(shop: Any) -> None:
    assert [a["code"] for a in shop.get("/items", ids="L9,L1,nope").json()] == [404, 200, 404]


def test_days_with_an_empty_shelf(shop: Any) -> None:
    path = f"/users/{NORTH}/stockouts"
    found = shop.get(path, **{"from": "2026-04-01", "to": "2026-04-30"}).json()["results"]
    assert found == [
        {"item_id": "L1", "seller_sku": "A", "date": "2026-04-06"},
        {"item_id": "L1", "seller_sku": "A", "date": "2026-04-07"},
    ]
    shop.at("2026-04-06T12:00:00Z")
    found = shop.get(path, **{"from": "2026-04-01", "to": "2026-04-30"}).json()["results"]
    assert [day["date"] for day in found] == ["2026-04-06"]


@pytest.mark.parametrize("header", [None, "Bearer nope", "Basic abc", "Bearer"])
def test_wrong_token_is_refused(served: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = httpx.get(f"{served}/stores", headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {
        "message": "invalid access token",
        "error": "unauthorized",
        "status": 401,
        "cause": [],
    }


@pytest.mark.parametrize("seller", [OTHER, 999, "x"])
def test_other_merchants_sellers_are_refused_like_sellers_that_do_not_exist(
    shop: Any, seller: object
) -> None:
    for path, parameters in (
        ("/orders/search", {"seller": seller}),
        (f"/users/{seller}/items/search", {}),
        (f"/users/{seller}/stockouts", {"from": "2026-04-01", "to": "2026-04-02"}),
    ):
        answer = shop.get(path, **parameters)
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"limit": 51}, "limit must be from 1 to 50; found '51'"),
        ({"limit": 0}, "limit must be"),
        ({"offset": -1}, "offset must be"),
        ({"offset": 9_951, "limit": 50}, "offset \\+ limit may not exceed 10000"),
        ({"sort": "price"}, "sort must be date_asc or date_desc"),
        ({"order.date_created.from": "2026-04-01"}, "needs its offset"),
        ({"order.date_created.to": "soon"}, "found 'soon'"),
    ],
)
def test_bad_parameters_are_refused(shop: Any, parameters: dict[str, Any], message: str) -> None:
    answer = shop.get("/orders/search", seller=NORTH, **parameters)
    assert answer.status_code == 400
    with pytest.raises(ValueError, match=message):
        raise ValueError(answer.json()["message"])


def test_the_last_page_within_10_000_is_answered(shop: Any) -> None:
    assert shop.get("/orders/search", seller=NORTH, offset=9_950, limit=50).status_code == 200


def test_requests_without_what_they_need_are_refused(shop: Any) -> None:
    assert shop.get("/orders/search").status_code == 400
    assert shop.get("/items").status_code == 400
    assert shop.get("/items", ids=",".join(["L1"] * 21)).status_code == 400
    assert shop.get(f"/users/{NORTH}/stockouts").status_code == 400
    assert shop.get(f"/users/{NORTH}/items/search", status="gone").status_code == 400


def test_paths_and_methods_that_are_not_there_are_refused_in_the_same_shape(shop: Any) -> None:
    for answer, status in ((shop.get("/orders"), 404), (shop.http.post("/stores"), 405)):
        assert answer.status_code == status
        assert answer.json()["status"] == status
        assert "there is no" in answer.json()["message"]


def test_who_asks_too_fast_waits(tmp_path: Any, lines_alone: pd.DataFrame) -> None:
    lines_alone.to_csv(tmp_path / "orders.csv", index=False)
    app = sandbox_app(read_history(tmp_path / "orders.csv"), Behaviour(rate=3, fault_share=0))
    tokens = sandbox_tokens(["shop", "other"])
    with running(app) as address, httpx.Client(base_url=address) as client:
        shop = {"Authorization": f"Bearer {tokens['shop']}"}
        answers = [client.get("/stores", headers=shop) for _ in range(6)]
        other = client.get("/stores", headers={"Authorization": f"Bearer {tokens['other']}"})
        clock = client.get("/sandbox/clock")
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].headers["Retry-After"] == "1"
    assert refused[0].json()["error"] == "too_many_requests"
    assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
    assert (other.status_code, clock.status_code) == (200, 200)


def test_faults_fall_on_the_same_requests_again(tmp_path: Any, lines_alone: pd.DataFrame) -> None:
    lines_alone.to_csv(tmp_path / "orders.csv", index=False)
    history = read_history(tmp_path / "orders.csv")

    def statuses(seed: int) -> list[int]:
        behaviour = Behaviour(rate=0, fault_share=0.3, seed=seed)
        token = sandbox_tokens(["shop"], seed)["shop"]
        with (
            running(sandbox_app(history, behaviour)) as address,
            httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}) as client,
        ):
            return [client.get("/stores").status_code for _ in range(40)]

    first = statuses(1)
    assert first == statuses(1)
    assert first != statuses(2)
    assert {status for status in first if status != 200} <= {500, 502, 503, 504}
    assert 4 <= sum(status != 200 for status in first) <= 20
