"""What the query API answers about stores, products, forecasts, totals and runs."""

from __future__ import annotations

import csv
import io

import pytest

from api.publish import publish_run


def rows_of(response):
    return list(csv.DictReader(io.StringIO(response.text)))


def ids(response):
    return [(p["store_id"], p["product_id"]) for p in response.json()["products"]]


def test_stores_are_the_merchants_own_and_filtered_by_region(client, token_of):
    m1 = token_of("M1")

    answer = client.get("/v1/stores", headers=m1).json()
    assert answer["run_id"] == "2026-10.1"
    assert [(s["store_id"], s["name"], s["series"]) for s in answer["stores"]] == [
        ("S1", "Centro", 3),
        ("S2", "Norte", 1),
    ]
    north = client.get("/v1/stores?region=NOA", headers=m1).json()["stores"]
    assert [s["store_id"] for s in north] == ["S2"]
    other = client.get("/v1/stores", headers=token_of("M2")).json()["stores"]
    assert [s["name"] for s in other] == ["Paulista"]


def test_products_of_a_store_come_by_volume(client, token_of):
    answer = client.get("/v1/stores/S1/products", headers=token_of("M1"))

    assert ids(answer) == [("S1", "POT/2"), ("S1", "MUG"), ("S1", "NEW")]
    mug = answer.json()["products"][1]
    assert (mug["next_units_forecast"], mug["next_lo80"], mug["next_hi80"]) == (12.0, 9.6, 14.4)
    assert mug["recent_units"] == [10] * 12 and mug["change_on_last_year"] == 0.2
    assert answer.json()["next"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["POT/2", "MUG", "MUG", "NEW"]),
        ("store=S2", ["MUG"]),
        ("store=S1&store=S2&confidence=high", ["MUG", "MUG"]),
        ("category=toys", ["NEW"]),
        ("q=CAFE", ["MUG"]),
        ("q=pot", ["POT/2"]),
        ("q=%00pot%07", ["POT/2"]),
        ("q=%25", []),
        ("sort=growth", ["MUG", "MUG", "POT/2", "NEW"]),
        ("sort=decline", ["POT/2", "MUG", "MUG", "NEW"]),
        ("sort=risk&store=S1", ["NEW", "POT/2", "MUG"]),
        ("sort=attention", ["POT/2", "MUG", "NEW"]),
        ("sort=name&store=S1", ["NEW", "POT/2", "MUG"]),
    ],
)
def test_products_are_filtered_and_sorted(client, token_of, query, expected):
    answer = client.get(f"/v1/products?{query}", headers=token_of("M1"))
    assert [product for _, product in ids(answer)] == expected


@pytest.mark.parametrize(
    ("query", "status", "detail"),
    [
        ("sort=price", 400, "sort must be one of volume"),
        ("confidence=sure", 400, "confidence must be one of high"),
        ("limit=0", 422, "query.limit"),
        ("limit=201", 422, "query.limit"),
        ("format=xml", 422, "query.format"),
        ("cursor=zzz", 400, "cursor does not fit"),
        ("cursor=W10", 400, "cursor does not fit"),
        ("store=S9", 404, "no store 'S9'"),
    ],
)
def test_queries_that_break_a_rule_say_which(client, token_of, query, status, detail):
    answer = client.get(f"/v1/products?{query}", headers=token_of("M1"))

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.json()["detail"]


def test_paging_walks_every_product_once(client, token_of):
    m1, walked, cursor = token_of("M1"), [], ""
    while True:
        page = client.get(f"/v1/products?limit=1{cursor}", headers=m1)
        walked += ids(page)
        if page.json()["next"] is None:
            break
        cursor = f"&cursor={page.json()['next']}"
    assert walked == [("S1", "POT/2"), ("S1", "MUG"), ("S2", "MUG"), ("S1", "NEW")]


def test_a_cursor_stays_with_its_run_and_its_list(client, token_of, lake, store, settings, write):
    m1 = token_of("M1")
    cursor = client.get("/v1/products?limit=1", headers=m1).json()["next"]
    write.small_run(lake, "2026-10.2", factor=3.0)
    publish_run(lake, store, "2026-10.2", settings)

    page = client.get(f"/v1/products?limit=1&cursor={cursor}", headers=m1).json()
    assert page["run_id"] == "2026-10.1"
    assert page["products"][0]["next_units_forecast"] == 12.0
    assert client.get("/v1/products?limit=1", headers=m1).json()["run_id"] == "2026-10.2"
    elsewhere = client.get(f"/v1/products?limit=1&sort=risk&cursor={cursor}", headers=m1)
    assert elsewhere.status_code == 400


def test_a_forecast_is_the_document_by_both_ways(client, token_of):
    m1, path = token_of("M1"), "/v1/stores/S1/products/MUG/forecast"

    direct = client.get(path, headers=m1)
    routed = client.get(f"{path}?format=json", headers=m1)
    assert direct.content == routed.content
    assert direct.json()["units_forecast"] == [12.0] * 12
    for name in ("content-type", "etag", "cache-control", "vary", "content-security-policy"):
        assert direct.headers[name] == routed.headers[name]


@pytest.mark.parametrize(
    "path",
    [
        "S1/productsXMUG/forecast",
        "S1/products/MUGforecast",
        "S1/productsMUG",
    ],
)
def test_addresses_that_only_look_alike_answer_nothing(client, token_of, path):
    assert client.get(f"/v1/stores/{path}", headers=token_of("M1")).status_code == 404


def test_the_first_page_is_the_same_by_both_ways(client, token_of):
    m1, path = token_of("M1"), "/v1/stores/S1/products"
    direct, routed = client.get(path, headers=m1), client.get(f"{path}?limit=50", headers=m1)
    assert direct.content == routed.content and direct.headers["etag"] == routed.headers["etag"]


def test_a_product_id_may_hold_a_slash(client, token_of):
    m1 = token_of("M1")
    for path in ("POT%2F2/forecast", "POT%2F2/forecast?format=json"):
        answer = client.get(f"/v1/stores/S1/products/{path}", headers=m1)
        assert answer.json()["product_id"] == "POT/2"


def test_csv_has_a_row_for_each_month(client, token_of):
    answer = client.get("/v1/stores/S1/products/MUG/forecast?format=csv", headers=token_of("M1"))

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="forecast-S1-MUG-2026-10.1.csv"' in answer.headers["content-disposition"]
    rows = rows_of(answer)
    assert len(rows) == 12
    assert rows[0]["month"] == "2026-11-01" and rows[0]["name"] == "Taza café"
    assert (rows[0]["units_forecast"], rows[0]["hi95"], rows[0]["money_forecast"]) == (
        "12.0",
        "15.6",
        "120.0",
    )


def test_totals_and_accuracy_come_as_csv_too(client, token_of, lake, store, settings, write):
    write.scores(lake)
    write.small_run(lake, "2026-10.2")
    publish_run(lake, store, "2026-10.2", settings)
    m1 = token_of("M1")
    totals = client.get("/v1/stores/S1/totals?format=csv&category=kitchen", headers=m1)
    assert 'filename="totals-S1-kitchen-2026-10.2.csv"' in totals.headers["content-disposition"]
    first, *others = rows_of(totals)
    assert (first["month"], first["units_forecast"], first["lo80"]) == ("2026-11-01", "32.0", "")
    assert first["money_ARS"] == "170.0" and len(others) == 11
    whole = rows_of(client.get("/v1/totals?format=csv", headers=m1))
    assert (whole[0]["store_id"], whole[0]["units_forecast"]) == ("", "45.0")

    (lead,) = rows_of(client.get("/v1/accuracy?format=csv", headers=m1))
    assert (lead["horizon"], lead["forecasts"], lead["wape"]) == ("1", "3", "0.0667")
    (of_store,) = rows_of(client.get("/v1/stores/S1/accuracy?format=csv", headers=m1))
    assert (of_store["store_id"], of_store["skill"]) == ("S1", "0.6667")


def test_csv_text_cannot_become_a_formula(client, token_of, lake, store, settings, write):
    series = write.series(write.stores[0], "=HYPERLINK(1)", [1] * 12)
    write.run(lake, "2026-10.2", [[(series, write.forecast("2026-10.2", series, 1.0))]])
    publish_run(lake, store, "2026-10.2", settings)

    rows = rows_of(client.get("/v1/products?format=csv", headers=token_of("M1")))
    assert rows[0]["product_id"] == "'=HYPERLINK(1)"


def test_a_csv_without_a_limit_has_every_product_however_many_pages(client, token_of, monkeypatch):
    m1 = token_of("M1")
    every = rows_of(client.get("/v1/products?format=csv", headers=m1))
    monkeypatch.setattr("api.listing.MOST", 2)

    table = client.get("/v1/products?format=csv", headers=m1)
    assert rows_of(table) == every and len(every) > 2 and "x-next-cursor" not in table.headers
    page = client.get("/v1/products?format=csv&limit=2", headers=m1)
    assert rows_of(page) == every[:2] and page.headers["x-next-cursor"]


def test_a_stores_forecasts_come_at_once_page_by_page(client, token_of):
    m1 = token_of("M1")

    page = client.get("/v1/stores/S1/forecasts?limit=2", headers=m1).json()
    assert [f["product_id"] for f in page["forecasts"]] == ["MUG", "NEW"]
    assert page["forecasts"][0]["units_forecast"] == [12.0] * 12
    rest = client.get(f"/v1/stores/S1/forecasts?after={page['next']}", headers=m1).json()
    assert [f["product_id"] for f in rest["forecasts"]] == ["POT/2"] and rest["next"] is None
    table = client.get("/v1/stores/S1/forecasts?format=csv", headers=m1)
    assert len(rows_of(table)) == 36


def test_totals_and_accuracy_of_each_level(client, token_of):
    m1 = token_of("M1")

    def units(path):
        return client.get(path, headers=m1).json()["units_forecast"][0]

    assert units("/v1/totals") == 45.0
    assert units("/v1/totals?category=toys") == 5.0
    assert units("/v1/stores/S1/totals") == 37.0
    assert units("/v1/stores/S1/totals?category=kitchen") == 32.0
    assert client.get("/v1/totals?category=cars", headers=m1).status_code == 404
    assert client.get("/v1/stores/S9/totals", headers=m1).status_code == 404
    assert client.get("/v1/accuracy", headers=m1).json()["by_lead_time"] == []
    assert client.get("/v1/accuracy?category=cars", headers=m1).status_code == 404
    assert client.get("/v1/totals", headers=m1).json()["categories"] == ["kitchen", "toys"]


def test_accuracy_is_told_by_lead_time(client, token_of, lake, store, settings, write):
    write.scores(lake)
    write.small_run(lake, "2026-10.2")
    publish_run(lake, store, "2026-10.2", settings)

    for path in ("/v1/accuracy", "/v1/stores/S1/accuracy", "/v1/accuracy?category=kitchen"):
        answer = client.get(path, headers=token_of("M1")).json()
        assert answer["by_lead_time"][0]["wape"] == 0.0667
        assert answer["months_scored"] == ["2026-08-01", "2026-09-01", "2026-10-01"]


def test_the_current_run_is_told_to_everyone_and_all_runs_to_the_platform(client, token_of):
    run = client.get("/v1/runs/current", headers=token_of("M1")).json()
    assert (run["run_id"], run["cutoff_month"], run["series"]) == ("2026-10.1", "2026-10-01", 5)

    assert client.get("/v1/runs", headers=token_of("M1")).status_code == 403
    runs = client.get("/v1/runs", headers=token_of(None, "analyst")).json()["runs"]
    assert [(r["run_id"], r["serving"]) for r in runs] == [("2026-10.1", True)]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/stores",
        "/v1/products",
        "/v1/stores/S1/products",
        "/v1/stores/S1/products/MUG/forecast",
        "/v1/stores/S1/products/MUG/forecast?format=csv",
        "/v1/stores/S1/forecasts",
        "/v1/totals",
        "/v1/stores/S1/totals",
    ],
)
def test_what_is_known_already_is_not_sent_again(client, token_of, path):
    m1 = token_of("M1")
    first = client.get(path, headers=m1)

    assert first.headers["cache-control"] == "private, max-age=60"
    again = client.get(path, headers={**m1, "if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    changed = client.get(path, headers={**m1, "if-none-match": 'W/"other"'})
    assert changed.status_code == 200


def test_long_answers_are_compressed_when_asked(client, token_of):
    m1, path = token_of("M1"), "/v1/stores/S1/products/MUG/forecast"
    plain = client.get(path, headers={**m1, "accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers

    for query in ("", "?format=json"):
        request = {**m1, "accept-encoding": "gzip"}
        packed = client.get(path + query, headers=request)
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < len(plain.content)
        assert packed.content == plain.content
