from datetime import UTC, date, datetime

import pytest

from etl.errors import IncompleteError
from etl.ingest import backfill
from etl.monthly import build_changed_months
from etl.registry import add_store, refresh_products
from etl.retail.mercadolibre import MercadoLibre
from etl.retail.sandbox import Behaviour, read_history, running, sandbox_app, sandbox_tokens
from etl.settings import Settings
from etl.shards import build_shards
from etl.unsold import every_key

MARCH = date(2026, 3, 1)


@pytest.fixture
def history(marketplace, order, line, pull, lake, store, settings):
    """January to March: A sold in each, E once and came back, F late, G never again."""
    marketplace.orders = [
        order(1, "2026-01-10T10:00:00-03:00", [line("A", 1, 4), line("E", 2, 10), line("G", 1, 3)]),
        order(2, "2026-02-10T10:00:00-03:00", [line("A", 2, 3), line("E", -2, 10)]),
        order(3, "2026-03-10T10:00:00-03:00", [line("A", 3, 2), line("F", 1, 7)]),
    ]
    marketplace.items = [
        {
            "id": "MLA-A",
            "title": "Thing",
            "category_name": "home",
            "currency_id": "ARS",
            "status": "paused",
            "seller_custom_field": "A",
        }
    ]
    pull("2026-01-01", "2026-03-31")
    refresh_products(lake, store, marketplace.source(settings))
    build_changed_months(lake, [store], MARCH, settings)
    return marketplace


def _series(lake, manifest):
    rows = [
        row for entry in manifest["shards"] for row in lake.read_table(entry["path"]).to_pylist()
    ]
    return {row["product_id"]: row for row in rows}


def test_each_series_has_its_whole_history_in_one_row(history, lake, settings):
    series = _series(lake, build_shards(lake, MARCH, settings))
    assert {product: row["units_sold"] for product, row in series.items()} == {
        "A": [1, 2, 3],
        "E": [2, 0, 0],
        "F": [1],
        "G": [1, 0, 0],
    }
    assert series["A"]["revenue"] == [4.0, 6.0, 6.0]
    assert series["E"]["revenue"] == [20.0, -20.0, 0.0]
    assert series["A"]["days_out_of_stock"] == [None, None, None]
    assert (series["F"]["first_month"], series["F"]["last_sale_month"]) == (MARCH, MARCH)
    assert series["E"]["last_sale_month"] == date(2026, 1, 1)
    assert [round(series[p]["share_zeros"], 3) for p in "AEFG"] == [0, 0.667, 0, 0.667]


def test_the_price_is_that_of_the_last_three_selling_months(history, lake, settings):
    series = _series(lake, build_shards(lake, MARCH, settings))
    assert series["A"]["mean_net_price"] == pytest.approx(16 / 6)
    assert series["E"]["mean_net_price"] == pytest.approx(10)


def test_category_and_country_come_from_the_registry(history, lake, settings):
    series = _series(lake, build_shards(lake, MARCH, settings))
    assert [(series[p]["category"], series[p]["country"]) for p in "AE"] == [
        ("home", "AR"),
        ("unknown", "AR"),
    ]


def test_series_that_neither_sold_nor_were_listed_for_a_year_are_not_active(
    history, pull, lake, store, settings
):
    pull("2026-04-01", "2027-01-31")
    build_changed_months(lake, [store], date(2027, 1, 1), settings)
    in_december = _series(lake, build_shards(lake, date(2026, 12, 1), settings))
    in_january = _series(lake, build_shards(lake, date(2027, 1, 1), settings))
    assert all(row["active"] for row in in_december.values())
    assert {p: row["active"] for p, row in in_january.items()} == {
        "A": True,
        "E": False,
        "F": True,
        "G": False,
    }


_UCI_ORDERS = """\
Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Country
1,LAMP,LAMP,1,2010-01-05 10:00:00,2.5,Malta
2,MUG,MUG,1,2010-01-05 11:00:00,1.5,Malta
3,MUG,MUG,1,2010-02-05 11:00:00,1.5,Malta
"""


def test_orders_without_listings_retire_what_has_not_sold_for_a_year(tmp_path, lake):
    orders = tmp_path / "orders.csv"
    orders.write_text(_UCI_ORDERS)
    now = datetime(2011, 2, 3, 6, tzinfo=UTC)
    behaviour = Behaviour(now.isoformat(), rate=0, fault_share=0)
    with running(sandbox_app(read_history(orders), behaviour)) as url:
        settings = Settings(source_url=url)
        source = MercadoLibre.open(settings, "uci", sandbox_tokens(["uci"])["uci"])
        (malta,) = source.stores()
        add_store(lake, malta)
        backfill(lake, malta, date(2010, 1, 1), date(2011, 1, 31), source, settings, now)
        refresh_products(lake, malta, source, seen_on=now.date())
    build_changed_months(lake, [malta], date(2011, 1, 1), settings)
    series = _series(lake, build_shards(lake, date(2011, 1, 1), settings))
    assert {product: row["active"] for product, row in series.items()} == {
        "LAMP": False,
        "MUG": True,
    }


@pytest.fixture
def listed(history, lake, store, settings):
    """Beside A, which sold, listings that never did; their days are of the store's own zone."""

    def item(sku, since, status="active"):
        return {
            "id": f"MLA-{sku}",
            "title": sku,
            "category_name": "home",
            "currency_id": "ARS",
            "status": status,
            "seller_custom_field": sku,
            "date_created": f"{since}T12:00:00-03:00",
        }

    history.items = [
        *history.items,
        item("B-NEW", "2026-02-20"),
        item("C-PAUSED", "2026-02-20", "paused"),
        item("D-LATER", "2026-04-01"),
        item("H-OLD", "2025-03-31"),
        item("I-BEFORE", "2025-04-02"),
        item("F", "2026-01-05"),
        {**item("J-UNTOLD", "2026-02-20"), "date_created": None},
    ]
    refresh_products(lake, store, history.source(settings))


def test_a_listing_that_never_sold_is_a_series_of_zeros(listed, lake, settings):
    manifest = build_shards(lake, MARCH, settings)
    series = _series(lake, manifest)
    assert list(series) == ["A", "B-NEW", "E", "F", "G", "I-BEFORE"]
    assert manifest["series"] == 6
    new = series["B-NEW"]
    assert (new["first_month"], new["units_sold"]) == (date(2026, 2, 1), [0, 0])
    assert new["revenue"] == [0.0, 0.0]
    assert new["days_out_of_stock"] == [None, None]
    assert (new["category"], new["country"], new["currency"]) == ("home", "AR", "ARS")
    assert (new["active"], new["share_zeros"]) == (True, 1.0)
    assert (new["last_sale_month"], new["mean_net_price"]) == (None, None)


def test_nothing_is_said_of_months_before_the_stores_own_data(listed, lake, settings):
    series = _series(lake, build_shards(lake, MARCH, settings))["I-BEFORE"]
    assert (series["first_month"], series["units_sold"]) == (date(2026, 1, 1), [0, 0, 0])


def test_a_product_that_sold_begins_with_its_first_sale_whenever_it_was_listed(
    listed, lake, settings
):
    series = _series(lake, build_shards(lake, MARCH, settings))
    assert series["F"]["units_sold"] == [1]
    assert _series(lake, build_shards(lake, date(2026, 2, 1), settings))["F"]["units_sold"] == [
        0,
        0,
    ]


def test_listings_that_never_sold_make_the_same_bytes_again(listed, lake, settings, files):
    build_shards(lake, MARCH, settings)
    before = files()
    build_shards(lake, MARCH, settings)
    assert files() == before


def test_every_key_stands_as_in_the_shards(listed, lake, settings):
    manifest = build_shards(lake, MARCH, settings)
    keys = every_key(lake, MARCH).column("product_id").to_pylist()
    assert keys == list(_series(lake, manifest))


def test_shards_hold_whole_series_and_the_manifest_names_them(history, lake, settings):
    manifest = build_shards(lake, MARCH, settings)
    assert [entry["series"] for entry in manifest["shards"]] == [2, 2]
    assert [entry["path"] for entry in manifest["shards"]] == [
        "shards/cutoff_month=2026-03/shard=0000.parquet",
        "shards/cutoff_month=2026-03/shard=0001.parquet",
    ]
    assert manifest["series"] == 4
    assert lake.read_json("shards/cutoff_month=2026-03/manifest.json") == manifest


def test_shards_made_twice_are_the_same_bytes_and_leave_no_older_ones(
    history, lake, settings, files
):
    build_shards(lake, MARCH, settings)
    before = files()
    build_shards(lake, MARCH, settings)
    assert files() == before
    build_shards(lake, MARCH, settings.__class__(shard_series=9))
    assert lake.paths("shards", ".parquet") == ["shards/cutoff_month=2026-03/shard=0000.parquet"]


def test_a_cutoff_before_the_last_month_sees_nothing_after_it(history, lake, settings):
    series = _series(lake, build_shards(lake, date(2026, 2, 1), settings))
    assert {product: row["units_sold"] for product, row in series.items()} == {
        "A": [1, 2],
        "E": [2, 0],
        "G": [1, 0],
    }


def test_a_cutoff_that_is_not_built_says_what_to_run(history, lake, settings):
    with pytest.raises(IncompleteError, match=r"2026-04 is not built; run `python -m etl monthly"):
        build_shards(lake, date(2026, 4, 1), settings)


def test_series_are_cut_right_wherever_a_batch_of_rows_ends(history, lake, settings, monkeypatch):
    whole = _series(lake, build_shards(lake, MARCH, settings))
    monkeypatch.setattr("etl.duck._ROWS_AT_ONCE", 1)
    assert _series(lake, build_shards(lake, MARCH, settings)) == whole
