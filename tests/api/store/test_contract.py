"""What both homes of the forecast store must do alike."""

from __future__ import annotations

from contextlib import closing

import pytest

from api.store import open_store
from api.store.documents import (
    UNKNOWN,
    Body,
    ForecastDocument,
    ProductQuery,
    Scope,
    StoreDocument,
    SummaryDocument,
)
from etl.errors import SettingError, StoreError

M1, M2 = Scope("M1"), Scope("M2")


def a_document(product, volume=10.0, merchant="M1", store="S1", **fields):
    values = {
        "category": "kitchen",
        "confidence": "high",
        "growth": UNKNOWN,
        "decline": UNKNOWN,
        "risk": 0.5,
        "attention": 0.0,
        "search": product.lower(),
        "line": b'{"p":"%s"}' % product.encode(),
        "etag": f'W/"{product}"',
        "json": b'{"product":"%s"}' % product.encode(),
        **fields,
    }
    return ForecastDocument(merchant, store, product, volume=volume, **values)


def loaded(store, documents, run_id="2026-10.1", publish=True):
    edition = store.begin(run_id, "digest")
    store.put_forecasts(edition.load, documents)
    if publish:
        store.publish(edition.load, {"series": len(documents)}, "2026-11-05T08:00:00+00:00")
    return edition.load


def names(listed):
    return [line.product_id for line in listed]


def test_nothing_is_served_before_the_first_publish(store):
    assert store.current() is None
    load = loaded(store, [a_document("MUG")], publish=False)
    assert store.current() is None
    assert store.loaded(load) == (1, 10.0)


def test_publishing_moves_the_pointer_and_remembers_what_was_before(store):
    first = loaded(store, [a_document("MUG")])
    second = loaded(store, [a_document("MUG")], "2026-10.2")

    served = store.current()
    assert (served.load, served.run_id, served.before) == (second, "2026-10.2", first)
    assert served.details == {"series": 1}
    assert [edition.run_id for edition in store.editions()] == ["2026-10.1", "2026-10.2"]

    store.point_to(first)
    assert store.current().load == first
    with pytest.raises(StoreError, match="no edition 999"):
        store.point_to(999)


def test_another_process_finds_the_store_by_its_url(store):
    load = loaded(store, [a_document("MUG")])
    with closing(open_store(store.url)) as again:
        again.put_forecasts(load, [a_document("POT")])
    assert store.loaded(load) == (2, 20.0)


def test_putting_a_document_again_replaces_it(store):
    load = loaded(store, [a_document("MUG"), a_document("POT")])
    store.put_forecasts(load, [a_document("MUG", 7.0, json=b"{}")])

    assert store.loaded(load) == (2, 17.0)
    assert store.forecast(load, M1, "S1", "MUG") == Body(b"{}", 'W/"MUG"')


def test_a_forecast_is_found_within_the_scope_only(store):
    load = loaded(store, [a_document("MUG"), a_document("MUG", merchant="M2", json=b"2")])

    assert store.forecast(load, M1, "S1", "MUG").json == b'{"product":"MUG"}'
    assert store.forecast(load, M2, "S1", "MUG").json == b"2"
    assert store.forecast(load, M1, "S2", "MUG") is None
    assert store.forecast(load, M1, "S1", "POT") is None
    assert store.forecast(load + 1, M1, "S1", "MUG") is None
    assert store.forecast(load, Scope("M1", frozenset({"S2"})), "S1", "MUG") is None


def test_the_served_forecast_is_that_of_the_pointer_and_scope(store):
    assert store.served_forecast(M1, "S1", "MUG") is None
    first = loaded(store, [a_document("MUG", json=b"1")])
    loaded(store, [a_document("MUG", json=b"2")], "2026-10.2")

    assert store.served_forecast(M1, "S1", "MUG").json == b"2"
    assert store.served_forecast(M2, "S1", "MUG") is None
    assert store.served_forecast(Scope("M1", frozenset({"S2"})), "S1", "MUG") is None
    store.point_to(first)
    assert store.served_forecast(M1, "S1", "MUG").json == b"1"


def test_keys_with_separators_stay_apart(store):
    load = loaded(
        store,
        [a_document("A/B", store="S", json=b"1"), a_document("B", store="S/A", json=b"2")],
    )
    assert store.forecast(load, M1, "S", "A/B").json == b"1"
    assert store.forecast(load, M1, "S/A", "B").json == b"2"


def test_a_stores_forecasts_come_in_order_after_an_id(store):
    load = loaded(store, [a_document(p) for p in "DACB"] + [a_document("Z", store="S2")])

    assert [p for p, _ in store.forecasts(load, M1, "S1", "", 3)] == ["A", "B", "C"]
    assert store.forecasts(load, M1, "S1", "C", 3) == [("D", b'{"product":"D"}')]
    assert store.forecasts(load, Scope("M1", frozenset({"S2"})), "S1", "", 3) == []


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("volume", ["C", "B", "A", "D"]),
        ("growth", ["A", "B", "C", "D"]),
        ("decline", ["C", "B", "A", "D"]),
        ("risk", ["B", "A", "C", "D"]),
        ("name", ["D", "C", "B", "A"]),
        ("attention", ["C"]),
    ],
)
def test_products_are_sorted_and_paged_without_loss(store, sort, expected):
    load = loaded(
        store,
        [
            a_document("A", 1, growth=0.3, decline=-0.3, risk=0.2, search="4"),
            a_document("B", 2, growth=0.1, decline=-0.1, risk=0.9, search="3"),
            a_document("C", 3, growth=-0.5, decline=0.5, risk=0.1, attention=9.0, search="2"),
            a_document("D", 1, risk=0.0, search="1", store="S2"),
        ],
    )
    assert names(store.products(load, M1, ProductQuery(sort=sort))) == expected

    walked, after = [], None
    while page := store.products(load, M1, ProductQuery(sort=sort, after=after, limit=1)):
        walked += names(page)
        after = page[0][:3]
    assert walked == expected


def test_equal_keys_are_ordered_by_store_and_product(store):
    load = loaded(store, [a_document(p, store=s) for s in ("S2", "S1") for p in ("B", "A")])

    page = store.products(load, M1, ProductQuery(limit=3))
    assert [(line.store_id, line.product_id) for line in page] == [
        ("S1", "A"),
        ("S1", "B"),
        ("S2", "A"),
    ]
    rest = store.products(load, M1, ProductQuery(after=page[-1][:3]))
    assert [(line.store_id, line.product_id) for line in rest] == [("S2", "B")]


def test_filters_narrow_and_combine(store):
    load = loaded(
        store,
        [
            a_document("A", category="toys", search="green (mug)"),
            a_document("B", confidence="low", search="green pot"),
            a_document("C", store="S2", search="red mug"),
        ],
    )

    def found(**query):
        return names(store.products(load, M1, ProductQuery(**query)))

    assert found(categories=("toys", "garden")) == ["A"]
    assert found(confidences=("low",)) == ["B"]
    assert found(stores=("S2",)) == ["C"]
    assert found(text="(mug)") == ["A"]
    assert found(text="green", confidences=("high",)) == ["A"]
    assert found(stores=()) == []


def test_lists_stay_within_the_scope(store):
    load = loaded(
        store, [a_document("A"), a_document("B", store="S2"), a_document("X", merchant="M2")]
    )
    narrow = Scope("M1", frozenset({"S2"}))

    assert names(store.products(load, M1, ProductQuery())) == ["A", "B"]
    assert names(store.products(load, narrow, ProductQuery())) == ["B"]
    assert names(store.products(load, narrow, ProductQuery(stores=("S1",)))) == []
    assert names(store.products(load, Scope("M9"), ProductQuery())) == []


def test_stores_and_summaries_are_found_within_the_scope(store):
    load = loaded(store, [])
    store.put_stores(
        load,
        [
            StoreDocument("M1", "S1", "north", b"1"),
            StoreDocument("M1", "S2", "south", b"2"),
            StoreDocument("M2", "S1", "north", b"3"),
        ],
    )
    store.put_summaries(
        load,
        [
            SummaryDocument("totals", "M1", "", "", "t", b"all"),
            SummaryDocument("totals", "M1", "S1", "toys", "t", b"toys"),
        ],
    )
    narrow = Scope("M1", frozenset({"S2"}))

    assert [s.json for s in store.stores(load, M1)] == [b"1", b"2"]
    assert [s.json for s in store.stores(load, M1, "south")] == [b"2"]
    assert [s.json for s in store.stores(load, narrow)] == [b"2"]
    assert store.merchants(load) == ["M1", "M2"]
    assert store.summary(load, M1, "totals", "", "") == Body(b"all", "t")
    assert store.summary(load, M1, "totals", "S1", "toys").json == b"toys"
    assert store.summary(load, M1, "accuracy", "", "") is None
    assert store.summary(load, narrow, "totals", "", "") is None
    assert store.summary(load, narrow, "totals", "S1", "toys") is None


def test_old_and_abandoned_editions_go_and_one_under_way_stays(store):
    old = loaded(store, [a_document("MUG")])
    under_way = loaded(store, [a_document("MUG")], "2026-10.2", publish=False)
    new = loaded(store, [a_document("MUG")], "2026-10.3")

    assert store.remove_all_but([new], abandoned_before="2000-01-01") == 1
    assert store.loaded(old) == (0, 0.0)
    assert store.loaded(under_way) == (1, 10.0)
    assert store.remove_all_but([new], abandoned_before="9999-01-01") == 1
    assert store.loaded(under_way) == (0, 0.0)
    assert store.forecast(new, M1, "S1", "MUG") is not None


def test_records_are_kept_listed_and_removed(store):
    store.put_record("note", "k2", {"n": 2}, ("M1", "S1", "A"))
    store.put_record("note", "k1", {"n": 1}, ("M1", "S2", "B"))
    store.put_record("note", "k3", {"n": 3}, ("M2", "S1", "A"))
    store.put_record("other", "k1", {"n": 9}, ("M1", "S1", "A"))

    def found(*scope, **options):
        return [document["n"] for _, document in store.records("note", *scope, **options)]

    assert found() == [1, 2, 3]
    assert found(M1) == [1, 2]
    assert found(M1, "S1") == [2]
    assert found(M1, "S1", "B") == []
    assert found(Scope("M1", frozenset({"S2"}))) == [1]
    assert found(after="k1", limit=1) == [2]
    store.put_record("note", "k2", {"n": 20}, ("M1", "S1", "A"))
    assert store.record("note", "k2") == {"n": 20}
    assert store.delete_record("note", "k2") is True
    assert store.delete_record("note", "k2") is False
    assert store.record("note", "k2") is None


def test_a_record_is_added_only_once(store):
    assert store.add_record("job", "a", {"by": 1}, ("M1", "", "")) is True
    assert store.add_record("job", "a", {"by": 2}, ("M1", "", "")) is False
    assert store.record("job", "a") == {"by": 1}


def test_a_reachable_store_answers(store):
    store.ping()


def test_an_unreachable_mongodb_says_so_without_the_password():
    with pytest.raises(
        StoreError, match="MongoDB store cannot be reached: ServerSelection"
    ) as told:
        open_store("mongodb://user:hunter2@127.0.0.1:9/x?serverSelectionTimeoutMS=100")
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("url", ["postgres://u:hunter2@host/db", "sqlite:file", "store.sqlite"])
def test_other_urls_are_refused(url):
    with pytest.raises(SettingError, match="must be sqlite:///file or mongodb://") as told:
        open_store(url)
    assert "hunter2" not in str(told.value)


def test_a_forgotten_merchant_leaves_every_table_and_no_other_does(store):
    load = loaded(store, [a_document("MUG"), a_document("MUG", merchant="M2", volume=3.0)])
    for merchant in ("M1", "M2"):
        store.put_stores(load, [StoreDocument(merchant, "S1", "", b'{"merchant_id":"%s"}')])
        store.put_record("token", merchant, {"merchant_id": merchant}, (merchant, "", ""))
    named = {"merchant_id": "M1"}
    store.put_record("audit", "of-nobody", named, ("", "", ""))

    assert store.forgetting.traces("M1")["forecasts"] == 1
    removed = store.forgetting.forget("M1")
    assert (removed["forecasts"], removed["records"], removed["stores"]) == (1, 1, 1)
    assert store.forgetting.traces("M1") != {}, "a record of nobody names it"
    store.delete_record("audit", "of-nobody")
    store.forgetting.scrub()
    assert store.forgetting.traces("M1") == {}
    assert store.forgetting.traces("M2")["records"] == 1
    assert store.loaded(load) == (1, 3.0)
    assert store.record("token", "M2") == {"merchant_id": "M2"}


def test_an_edition_tells_its_new_counts_and_hash(store):
    load = loaded(store, [a_document("MUG")])
    store.forgetting.amend(load, None, {"series": 0})
    assert (store.editions()[0].details, store.editions()[0].digest) == ({"series": 0}, "digest")
    store.forgetting.amend(load, "other", {"series": 0})
    assert store.current().digest == "other"
