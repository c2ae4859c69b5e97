"""Daily series of a store, from pulled days to vectors."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from etl import daily
from etl.daily import CLOSED, ON_SALE, SHELF_EMPTY, UNKNOWN, build_daily, read_manifest
from etl.daily_closed import closed_days
from etl.errors import IncompleteError
from etl.tables import PRODUCTS


@pytest.fixture
def series(lake, store, settings):
    """Builds the store's daily series and reads them, by product."""

    def build() -> dict[str, dict]:
        manifest = build_daily(lake, store, settings)
        rows = lake.read_table(manifest.path).to_pylist()
        assert len(rows) == manifest.series
        return {row["product_id"]: row for row in rows}

    return build


def test_a_series_runs_without_gaps_from_the_first_sale_to_the_last_complete_day(
    series, pull, marketplace, order, line
):
    marketplace.orders = [
        order(1, "2026-03-01T10:00:00-03:00", [line("A", 2)]),
        order(2, "2026-03-03T10:00:00-03:00", [line("A", 1), line("X", 5)]),
        order(3, "2026-03-03T23:59:00-03:00", [line("A", 4)]),
    ]
    pull("2026-03-01", "2026-03-05")
    built = series()
    assert built["A"]["first_date"] == date(2026, 3, 1)
    assert built["A"]["units"] == [2, 0, 5, 0, 0]
    assert built["X"]["first_date"] == date(2026, 3, 3)
    assert built["X"]["units"] == [5, 0, 0]
    assert built["X"]["state"] == [ON_SALE] * 3


def test_a_day_that_is_not_over_is_left_out_and_one_never_pulled_is_not_known(
    series, pull, marketplace, order
):
    marketplace.orders = [order(1, "2026-03-01T10:00:00-03:00")]
    pull("2026-03-01")
    pull("2026-03-03")
    pull("2026-03-04", pulled_at=datetime(2026, 3, 4, 12, tzinfo=UTC))
    built = series()
    assert built["A"]["units"] == [1, 0, 0]
    assert built["A"]["state"] == [ON_SALE, UNKNOWN, ON_SALE]


def test_cancelled_units_do_not_count_and_returns_never_make_a_day_negative(
    series, pull, marketplace, order, line
):
    marketplace.orders = [
        order(1, "2026-03-01T10:00:00-03:00", [line("A", 3)]),
        order(2, "2026-03-01T11:00:00-03:00", [line("A", 9)], status="cancelled"),
        order(3, "2026-03-02T10:00:00-03:00", [line("A", -2)], tags=["return"]),
    ]
    pull("2026-03-01", "2026-03-02")
    built = series()
    assert built["A"]["units"] == [3, 0]
    assert built["A"]["units_remainder"] == 2


def test_a_day_with_an_empty_shelf_is_told_apart(series, pull, marketplace, order):
    marketplace.orders = [order(1, "2026-03-01T10:00:00-03:00")]
    marketplace.stockouts = [{"item_id": "MLA-A", "seller_sku": "A", "date": "2026-03-02"}]
    pull("2026-03-01", "2026-03-03")
    assert series()["A"]["state"] == [ON_SALE, SHELF_EMPTY, ON_SALE]


def test_the_weekday_on_which_a_store_never_sells_is_closed(series, pull, marketplace, order):
    first = datetime(2026, 3, 2, 10, tzinfo=UTC)
    days = [first + timedelta(days=n) for n in range(35)]
    open_days = [day for day in days if day.weekday() != 6]
    marketplace.orders = [order(n, day.isoformat()) for n, day in enumerate(open_days)]
    pull("2026-03-02", "2026-04-05")
    state = np.array(series()["A"]["state"])
    assert np.flatnonzero(state == CLOSED).tolist() == [6, 13, 20, 27, 34]


def test_a_busy_store_without_an_order_was_closed_and_a_quiet_one_was_not():
    orders = np.full(70, 20.0)
    orders[30] = 0
    assert np.flatnonzero(closed_days(orders)).tolist() == [30]
    assert not closed_days(orders / 10).any()


def test_a_store_that_sells_now_and_then_is_open_when_it_sells_nothing():
    orders = np.zeros(140)
    orders[::9] = 1
    assert not closed_days(orders).any()


def test_days_that_nobody_pulled_say_nothing_of_when_a_store_is_closed():
    orders = np.full(70, np.nan)
    orders[30] = 0
    assert not closed_days(orders).any()


def test_category_country_and_promotions_come_from_the_registry(
    lake, store, settings, pull, marketplace, order
):
    marketplace.orders = [order(1, "2026-03-01T10:00:00-03:00")]
    pull("2026-03-01")
    plain = build_daily(lake, store, settings)
    promotions = '[{"start": "2026-03-05", "end": "2026-03-07", "discount": 0.2}]'
    listing = {
        "merchant_id": "M1",
        "store_id": "S1",
        "product_id": "A",
        "listing_id": "MLA-A",
        "name": "Thing",
        "category": "toys",
        "currency": "ARS",
        "status": "active",
        "promotions": promotions,
    }
    path = "registry/products/merchant_id=M1/store_id=S1.parquet"
    lake.write_table(path, pa.Table.from_pylist([listing], PRODUCTS.schema), PRODUCTS)
    built = build_daily(lake, store, settings)
    (row,) = lake.read_table(built.path).to_pylist()
    assert (row["category"], row["country"], row["promotions"]) == ("toys", "AR", promotions)
    assert built.watermark != plain.watermark


def test_nothing_is_written_where_nothing_changed(lake, store, settings, pull, marketplace, order):
    marketplace.orders = [order(1, "2026-03-01T10:00:00-03:00")]
    pull("2026-03-01", "2026-03-03")
    first = build_daily(lake, store, settings)
    lake.write_json("daily/merchant_id=M1/store_id=S1/marker.json", 1)
    before = {path: lake.uri(path) for path in lake.paths("daily")}
    pull("2026-03-01", "2026-03-03")
    assert build_daily(lake, store, settings) == first == read_manifest(lake, "M1", "S1")
    assert {path: lake.uri(path) for path in lake.paths("daily")} == before


def test_an_old_day_that_changes_makes_its_month_again_and_no_other(
    lake, store, settings, pull, marketplace, order, line
):
    marketplace.orders = [
        order(1, "2026-02-27T10:00:00-03:00"),
        order(2, "2026-03-02T10:00:00-03:00"),
    ]
    pull("2026-02-27", "2026-03-02")
    first = build_daily(lake, store, settings)
    months = set(lake.paths("daily/merchant_id=M1/store_id=S1/months"))
    marketplace.orders[0]["order_items"] = [line("A", 7)]
    pull("2026-02-27")
    second = build_daily(lake, store, settings)
    assert second.watermark != first.watermark
    assert second.data_until == first.data_until
    assert lake.read_table(second.path).to_pylist()[0]["units"][0] == 7
    still = months & set(lake.paths("daily/merchant_id=M1/store_id=S1/months"))
    assert ["2026-03" in path for path in still] == [True]
    assert lake.exists(first.path), "who is reading the series before may go on"


def test_the_same_lake_whether_built_day_by_day_or_at_once(
    lake, store, settings, pull, marketplace, every_hour, tmp_path
):
    marketplace.orders = every_hour("2026-02-20T10:00:00-03:00", 300)
    pull("2026-02-20", "2026-02-25")
    build_daily(lake, store, settings)
    pull("2026-02-20", "2026-03-04")
    grown = build_daily(lake, store, settings)
    lines = lake.read_bytes(grown.path)
    for path in lake.paths("daily"):
        lake.delete(path)
    assert build_daily(lake, store, settings) == grown
    assert lake.read_bytes(grown.path) == lines


def test_killed_before_its_manifest_a_build_leaves_the_old_series(
    lake, store, settings, pull, marketplace, order, monkeypatch
):
    marketplace.orders = [order(1, "2026-03-01T10:00:00-03:00")]
    pull("2026-03-01")
    first = build_daily(lake, store, settings)
    pull("2026-03-01", "2026-03-02")
    monkeypatch.setattr(daily, "_commit", _killed)
    with pytest.raises(KeyboardInterrupt):
        build_daily(lake, store, settings)
    assert read_manifest(lake, "M1", "S1") == first
    assert lake.read_table(first.path).num_rows == 1
    monkeypatch.undo()
    assert build_daily(lake, store, settings).data_until == date(2026, 3, 2)


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_histories_are_cut_to_the_last_three_years(
    lake, store, settings, pull, marketplace, order, monkeypatch
):
    monkeypatch.setattr(daily, "DAYS_KEPT", 3)
    marketplace.orders = [order(n, f"2026-03-0{n}T10:00:00-03:00") for n in range(1, 6)]
    pull("2026-03-01", "2026-03-05")
    manifest = build_daily(lake, store, settings)
    (row,) = lake.read_table(manifest.path).to_pylist()
    assert (row["first_date"], row["units"]) == (date(2026, 3, 3), [1, 1, 1])


def test_a_store_that_was_never_pulled_says_what_to_do(lake, store, settings):
    with pytest.raises(IncompleteError, match=r"S1 of M1 has no complete day; pull some with"):
        build_daily(lake, store, settings)


def test_a_store_that_has_not_sold_yet_has_no_series(lake, store, settings, pull):
    pull("2026-03-01")
    manifest = build_daily(lake, store, settings)
    assert manifest.series == 0
    assert json.loads(lake.read_bytes("daily/merchant_id=M1/store_id=S1/manifest.json"))
