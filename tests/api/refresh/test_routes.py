"""Refreshes and the next days as the API's callers meet them."""

from __future__ import annotations

import csv
import io
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from pymongo import MongoClient

from api.app import create_app
from api.daily_shapes import AskedRefresh, DailyForecast, DailyPage, Refresh
from api.refresh.asking import Asking
from api.refresh.dispatch import EmbeddedWorkers
from api.refresh.run import now_by, run_refresh
from api.store import open_store
from api.store.daily import DailyQuery
from api.store.documents import Scope, StoreDocument
from etl.ingest import backfill
from etl.registry import add_store, read_stores
from etl.retail.source import open_source

ASK = "/v1/stores/S1/refresh"
DAILY = "/v1/stores/S1/daily"


@pytest.fixture
def asked(client, token_of, work):
    """A finished refresh of S1."""
    answer = client.post(ASK, headers=token_of())
    work()
    return answer


def test_asking_is_answered_by_where_to_look_and_the_end_is_told_there(
    client, token_of, work, published
):
    headers = token_of()
    answer = client.post(ASK, headers=headers)
    told = AskedRefresh.model_validate_json(answer.content)
    assert (answer.status_code, told.outcome, told.state) == (202, "started", "queued")
    assert answer.headers["location"] == f"/v1/refreshes/{told.id}"
    assert answer.headers["cache-control"] == "no-store"
    assert client.post(ASK, headers=token_of(role="planner")).json()["outcome"] == "joined"
    assert client.get(DAILY, headers=headers).json()["refresh_id"] == told.id

    work()
    status = client.get(answer.headers["location"], headers=headers)
    ended = Refresh.model_validate_json(status.content)
    assert (ended.state, ended.done, ended.trained, ended.data_until) == (
        "done",
        12,
        12,
        "2026-11-04",
    )
    assert ended.message == "The sales up to 2026-11-04 are in it."
    again = client.post(ASK, headers=headers)
    assert (again.status_code, again.json()["outcome"]) == (200, "present")
    assert again.json()["reason"]["code"] == "nothing_changed"
    assert again.json()["message"].startswith("Nothing has changed: the sales up to 2026-11-04")
    (line,) = [r for _, r in published.records("audit") if r["action"] == "refresh started"]
    assert (line["refresh_id"], line["store_id"]) == (told.id, "S1")


def test_a_region_is_one_request_for_its_stores(client, token_of, work, published, settings):
    edition = published.current()
    for name in ("S1", "S2"):
        told = b'{"store_id":"%s","time_zone":"America/Sao_Paulo"}' % name.encode()
        published.put_stores(edition.load, [StoreDocument("M1", name, "R", told)])
    headers = token_of()
    one = client.post("/v1/stores/S2/refresh", headers=headers).json()
    answer = client.post("/v1/refresh", headers=headers, json={"region": "R"})
    told = AskedRefresh.model_validate_json(answer.content)
    assert (answer.status_code, told.outcome, told.scope.stores) == (202, "started", ["S1", "S2"])
    assert client.post("/v1/refresh", headers=headers, json={"region": "R"}).json()["id"] == told.id
    assert len(published.refreshes.active()) == 2
    narrow = client.get(f"/v1/refreshes/{told.id}", headers=token_of(stores=["S2"]))
    assert narrow.status_code == 404
    assert client.get(f"/v1/refreshes/{one['id']}", headers=token_of(stores=["S2"])).is_success

    work()
    ended = Refresh.model_validate_json(
        client.get(answer.headers["location"], headers=headers).content
    )
    assert (ended.state, ended.done, ended.of, ended.trained) == ("done", 16, 16, 16)
    assert "S1: The sales up to 2026-11-04 are in it." in ended.message
    present = client.post("/v1/refresh", headers=headers, json={"stores": ["S1", "S2"]})
    told = AskedRefresh.model_validate_json(present.content)
    assert (present.status_code, told.outcome, told.id) == (200, "present", None)


def test_a_store_that_joined_after_the_run_was_published_is_refreshed_and_read_at_once(
    client, token_of, lake, settings, work, monkeypatch
):
    monkeypatch.setattr("api.newcomers._PATIENCE", 60.0)  # a busy machine reads slowly
    norte = next(one for one in read_stores(lake) if one.store_id == "S2")
    joined = replace(norte, store_id="S3", name="Nuevo")
    add_store(lake, joined)
    day = datetime(2026, 11, 4, 12, tzinfo=UTC)
    source = open_source(settings, joined)
    backfill(lake, joined, date(2026, 10, 1), date(2026, 11, 3), source, settings, day)
    planner = token_of(role="planner", stores=["S3"])
    listed = client.get("/v1/stores", headers=planner).json()["stores"]
    assert [(one["store_id"], one["name"], one["series"]) for one in listed] == [("S3", "Nuevo", 0)]
    empty = DailyPage.model_validate_json(
        client.get("/v1/stores/S3/daily", headers=planner).content
    )
    assert empty.products == [] and empty.today == "2026-11-05"

    for other in (token_of("M2"), token_of(stores=["S1"])):
        assert client.post("/v1/stores/S3/refresh", headers=other).status_code == 404
        assert client.get("/v1/stores/S3/daily", headers=other).status_code == 404
        assert "S3" not in client.get("/v1/stores", headers=other).text
    assert client.post("/v1/stores/S3/refresh", headers=planner).status_code == 202
    work()
    page = DailyPage.model_validate_json(client.get("/v1/stores/S3/daily", headers=planner).content)
    assert (len(page.products), page.fresh) == (4, True)


def test_without_the_lake_what_is_there_is_served_and_a_refresh_ends_in_words(
    client, token_of, asked, lake, work
):
    headers = token_of()
    before = client.get(DAILY, headers=headers).json()
    lake.write_bytes("registry/stores.parquet", b"damaged")
    assert client.get("/v1/stores", headers=headers).is_success
    assert client.get(DAILY, headers=headers).json() == before
    assert client.get("/v1/stores/S9/daily", headers=headers).status_code == 404
    answer = client.post("/v1/stores/S2/refresh", headers=headers)
    assert answer.status_code == 202
    work()
    ended = client.get(answer.headers["location"], headers=headers).json()
    assert (ended["state"], ended["message"]) == ("failed", "It went wrong on our side: LakeError.")


def test_what_is_asked_wrongly_is_said(client, token_of):
    headers = token_of()

    def problem(path, body=None, who=headers):
        answer = client.post(path, headers=who, json=body)
        return answer.status_code, answer.json()["detail"]

    both = {"products": ["MUG"], "category": "toys"}
    assert problem(ASK, both) == (400, "name products or a category, not both")
    assert problem("/v1/refresh", {}) == (400, "name a region or stores, and not both")
    assert problem("/v1/refresh", {"region": "X"})[0] == 404
    assert problem("/v1/refresh", {"stores": ["S9"]})[0] == 404
    assert problem(ASK, {"products": ["NONE"]})[0] == 404
    assert problem(ASK, {"products": []})[0] == 422
    assert problem(ASK, None, token_of(None, "analyst")) == (
        403,
        "this needs a token of the role merchant or planner or operator; yours is analyst",
    )
    assert client.get("/v1/refreshes/none", headers=headers).status_code == 404


def test_an_operator_asks_for_a_merchant(client, token_of, published):
    answer = client.post(f"{ASK}?merchant_id=M2", headers=token_of(None, "operator"))
    assert answer.status_code == 202
    assert [row.merchant_id for row in published.refreshes.active()] == ["M2"]
    location = answer.headers["location"]
    assert client.get(location, headers=token_of("M1")).status_code == 404
    assert client.get(location, headers=token_of("M2")).status_code == 200


def test_a_merchant_may_start_so_many_an_hour_and_join_as_many_as_they_like(
    make_client, settings, token_of
):
    few = replace(settings, refreshes_per_hour=2)
    headers = token_of()
    with make_client(few) as client:
        for _ in range(5):
            assert client.post(ASK, headers=headers).status_code == 202
        assert client.post("/v1/stores/S2/refresh", headers=headers).status_code == 202
        refused = client.post(
            "/v1/stores/S2/refresh", headers=headers, json={"category": "unknown"}
        )
        assert refused.status_code == 202, "the whole store's refresh makes it too"
        third = client.post("/v1/refresh?merchant_id=M1", headers=headers, json={"stores": ["S1"]})
        assert third.json()["outcome"] == "joined"
        assert client.post(ASK, headers=token_of("M2")).status_code == 202


def test_beyond_the_limit_the_answer_says_when_to_return(make_client, settings, token_of):
    with make_client(replace(settings, refreshes_per_hour=1)) as client:
        headers = token_of()
        assert client.post(ASK, headers=headers).status_code == 202
        refused = client.post("/v1/stores/S2/refresh", headers=headers)
        assert refused.status_code == 429
        assert 3500 < int(refused.headers["retry-after"]) <= 3600
        assert "may start 1 refreshes an hour" in refused.json()["detail"]


def test_the_days_of_a_store_are_listed_with_their_sums(client, token_of, asked):
    headers = token_of()
    answer = client.get(f"{DAILY}?limit=5", headers=headers)
    page = DailyPage.model_validate_json(answer.content)
    assert (page.today, page.data_until, page.fresh) == ("2026-11-05", "2026-11-04", True)
    assert page.refresh_id is None and len(page.products) == 5
    units = [sum(product.units_forecast) for product in page.products]
    assert units == sorted(units, reverse=True)

    walked, cursor = list(page.products), page.next
    while cursor:
        rest = client.get(f"{DAILY}?limit=5&cursor={cursor}", headers=headers).json()
        walked += [DailyForecast.model_validate(product) for product in rest["products"]]
        cursor = rest["next"]
    assert len({product.product_id for product in walked}) == page.totals.products == 12
    for i, day in enumerate(page.totals.days):
        total = sum(product.units_forecast[product.days.index(day)] for product in walked)
        assert page.totals.units_forecast[i] == pytest.approx(total, abs=0.01)
    assert page.totals.products_per_day == [12] * 7
    assert page.totals.recent_days[-1] == "2026-11-04"
    assert page.totals.recent_units[-1] == 4 * (1 + 2 + 3)
    assert len(page.totals.recent_days) == 28


def test_lists_of_days_are_filtered_and_a_foreign_cursor_refused(client, token_of, asked):
    headers = token_of()

    def products(query):
        found = client.get(f"{DAILY}?{query}", headers=headers).json()["products"]
        return [product["product_id"] for product in found]

    assert products("product=P03&product=MUG&sort=name") == ["MUG", "P03"]
    assert sorted(products("q=p1")) == ["P10", "P11"]
    assert products("category=toys") == []
    cursor = client.get(f"{DAILY}?limit=1", headers=headers).json()["next"]
    for other in (f"{DAILY}?sort=name&limit=1", "/v1/stores/S2/daily?limit=1"):
        refused = client.get(f"{other}&cursor={cursor}", headers=headers)
        assert refused.status_code == 400 and "start without a cursor" in refused.json()["detail"]
    assert client.get(f"{DAILY}?sort=risk", headers=headers).status_code == 400


def test_one_products_days_carry_their_tag_and_are_asked_for_again(client, token_of, asked):
    headers = token_of()
    path = "/v1/stores/S1/products/MUG/daily"
    answer = client.get(path, headers=headers)
    document = DailyForecast.model_validate_json(answer.content)
    assert document.fresh and document.days[0] == "2026-11-05" and document.name == "MUG"
    assert answer.headers["cache-control"] == "private, no-cache"
    tag = {"if-none-match": answer.headers["etag"]}
    assert client.get(path, headers={**headers, **tag}).status_code == 304
    table = client.get(f"{path}?format=csv", headers=headers)
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["date"] for row in rows] == document.days
    assert [float(row["units_forecast"]) for row in rows] == document.units_forecast
    all_rows = client.get(f"{DAILY}?format=csv&limit=2", headers=headers)
    assert len(all_rows.text.splitlines()) == 1 + 2 * 7 and all_rows.headers["x-next-cursor"]


def test_a_csv_without_a_limit_has_every_product_however_many_pages(
    client, token_of, asked, monkeypatch
):
    monkeypatch.setattr("api.listing.MOST", 5)
    table = client.get(f"{DAILY}?format=csv&q=p", headers=token_of())
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert len(rows) == 11 * 7 and len({row["product_id"] for row in rows}) == 11
    assert {row["fresh"] for row in rows} == {"True"} and "x-next-cursor" not in table.headers
    assert 'filename="daily-S1-2026-11-05.csv"' in table.headers["content-disposition"]


def test_a_product_without_days_is_not_found_and_a_store_without_is_empty(client, token_of):
    missing = client.get("/v1/stores/S2/products/MUG/daily", headers=token_of())
    assert missing.status_code == 404 and "POST /v1/stores/S2/refresh" in missing.json()["detail"]
    page = DailyPage.model_validate_json(
        client.get("/v1/stores/S2/daily", headers=token_of()).content
    )
    assert page.products == [] and page.data_until is None and not page.fresh


def test_a_day_later_the_same_forecast_is_stale(
    client, token_of, asked, client_of, published, settings
):
    tag = client.get(DAILY, headers=token_of()).headers["etag"]
    tomorrow = replace(settings, now="2026-11-06T08:00:00Z")
    with client_of(create_app(tomorrow, published)) as later:
        page = later.get(DAILY, headers={**token_of(), "if-none-match": tag})
        assert page.status_code == 200
        assert not page.json()["fresh"] and not page.json()["products"][0]["fresh"]
        assert later.post(ASK, headers=token_of()).json()["outcome"] == "started"


def test_both_homes_of_the_store_make_the_same_days(
    mongo_server, published, settings, scope, lake, work, asking
):
    asking.start(scope("S2"), "t")
    work()
    name = f"days_{uuid.uuid4().hex[:12]}"
    other = open_store(f"{mongo_server.rstrip('/')}/{name}")
    try:
        asked = Asking(other, settings, EmbeddedWorkers()).start(scope("S2"), "t")
        told = run_refresh(lake, other, asked.row.id, settings)
        pages = [
            [line.json for line in store.daily.page(Scope("M1"), DailyQuery("S2"))]
            for store in (published, other)
        ]
    finally:
        other.close()
        with MongoClient(mongo_server) as connection:
            connection.drop_database(name)
    assert told["state"] == "done" and told["trained"] == 0, "the models were in the lake"
    assert pages[0] == pages[1] and len(pages[0]) == 4


def test_a_rehearsal_sets_the_present(settings):
    assert now_by(settings)() == datetime(2026, 11, 5, 8, tzinfo=UTC)
