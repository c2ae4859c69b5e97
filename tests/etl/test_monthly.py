from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from etl.closing import accept_gaps, gather
from etl.errors import IncompleteError, InputError, QuarantineLimitError
from etl.ingest import replay_day
from etl.ledger import day_folder
from etl.monthly import build_changed_months, build_month, monthly_manifest, monthly_path
from etl.sales import sales_path
from etl.shards import build_shards

FEBRUARY, MARCH, APRIL = (date(2026, month, 1) for month in (2, 3, 4))


@pytest.fixture
def rows(lake):
    """(product, sold, remainder, revenue, days out of stock) of a month."""

    def read(month):
        names = ["product_id", "units_sold", "units_remainder", "revenue", "days_out_of_stock"]
        return [
            tuple(row[n] for n in names) for row in lake.read_table(monthly_path(month)).to_pylist()
        ]

    return read


@pytest.fixture
def two_months(marketplace, order, line, returned):
    marketplace.orders = [
        order(1, "2026-02-28T23:30:00-03:00", [line("A", 3, 2.5), line("E", 2, 10)]),
        order(2, "2026-03-01T00:30:00-03:00", [line("A", 4, 2.25)], returns=[returned("MLA-A", 1)]),
        order(3, "2026-03-09T10:00:00-03:00", [line("E", -5, 10)], tags=["return"]),
        order(4, "2026-03-10T10:00:00-03:00", [line("F", 9, 1)], status="cancelled"),
    ]
    return marketplace


def test_units_net_in_their_local_month_and_never_fall_below_zero(
    two_months, pull, lake, store, settings, rows
):
    pull("2026-02-01", "2026-03-31")
    assert build_changed_months(lake, [store], MARCH, settings) == [FEBRUARY, MARCH]
    assert rows(FEBRUARY) == [
        ("A", 3, 0, Decimal("7.50"), None),
        ("E", 2, 0, Decimal("20.00"), None),
    ]
    # F was cancelled whole and never sold: it has no row.
    assert rows(MARCH) == [
        ("A", 3, 0, Decimal("6.75"), None),
        ("E", 0, 5, Decimal("-50.00"), None),
    ]


def test_a_product_has_a_row_in_every_month_from_its_first_sale_on(
    two_months, pull, lake, store, settings, rows
):
    pull("2026-02-01", "2026-04-30")
    build_changed_months(lake, [store], APRIL, settings)
    assert rows(APRIL) == [("A", 0, 0, Decimal(0), None), ("E", 0, 0, Decimal(0), None)]


def test_empty_shelves_are_counted_and_zero_where_told(
    two_months, pull, lake, store, settings, rows
):
    two_months.stockouts = [
        {"item_id": "MLA-A", "seller_sku": "A", "date": f"2026-02-0{day}"} for day in (3, 4, 5)
    ]
    pull("2026-02-01", "2026-02-28")
    build_month(lake, FEBRUARY, [store], settings)
    assert [row[-1] for row in rows(FEBRUARY)] == [3, 0]
    kept = lake.read_table(
        "stockouts/source=mercadolibre/merchant_id=M1/store_id=S1/month=2026-02.parquet"
    )
    assert kept.column("date").to_pylist() == [date(2026, 2, day) for day in (3, 4, 5)]


def test_the_manifest_adds_the_month_up(two_months, pull, lake, store, settings, line):
    two_months.orders[1]["order_items"].append(line("A", 7, None))
    pull("2026-02-01", "2026-03-31")
    build_changed_months(lake, [store], MARCH, settings.__class__(quarantine_limit=0.5))
    manifest = monthly_manifest(lake, MARCH)
    assert {name: manifest[name] for name in ("orders", "lines", "rows", "store_days")} == {
        "orders": 3,
        "lines": 3,
        "rows": 2,
        "store_days": 31,
    }
    assert (manifest["units_sold"], manifest["units_remainder"]) == (3, 5)
    assert manifest["refused"] == {"no_price": {"lines": 1, "units": 7}}
    assert manifest["revenue"] == {"ARS": "-43.25"}


def test_nothing_is_made_again_where_nothing_changed(
    two_months, pull, lake, store, settings, files
):
    pull("2026-02-01", "2026-04-30")
    build_changed_months(lake, [store], APRIL, settings)
    before = files()
    pull("2026-03-01", "2026-03-31")
    assert build_changed_months(lake, [store], APRIL, settings) == []
    assert files() == before


def test_only_months_whose_days_changed_are_made_again(
    two_months, pull, lake, store, settings, returned
):
    pull("2026-02-01", "2026-04-30")
    build_changed_months(lake, [store], APRIL, settings)
    two_months.orders[1]["returns"] = [returned("MLA-A", 2)]
    pull("2026-03-01")
    assert build_changed_months(lake, [store], APRIL, settings) == [MARCH]


@pytest.fixture
def looked_at(monkeypatch):
    """The months whose store-days are read, and what happens once they were."""
    months, then = [], []

    def look(lake, month, *rest):
        months.append(month)
        inputs = gather(lake, month, *rest)
        if then:
            then.pop()()
        return inputs

    monkeypatch.setattr("etl.monthly.gather", look)
    return months, then


def test_only_months_of_which_a_day_was_written_are_looked_at(
    two_months, pull, lake, store, settings, looked_at
):
    months, _ = looked_at
    pull("2026-02-01", "2026-04-30")
    build_changed_months(lake, [store], APRIL, settings)
    assert build_changed_months(lake, [store], APRIL, settings) == []
    assert months == [FEBRUARY, MARCH, APRIL]
    pull("2026-03-30", "2026-04-02")
    replay_day(lake, store, date(2026, 2, 28), settings)
    assert build_changed_months(lake, [store], MARCH, settings) == []
    assert months[3:] == [FEBRUARY, MARCH]
    assert build_changed_months(lake, [store], APRIL, settings) == []
    assert months[5:] == [APRIL]


def test_a_day_written_while_its_month_is_built_is_seen_the_next_time(
    two_months, pull, lake, store, settings, returned, looked_at
):
    pull("2026-02-01", "2026-03-31")
    build_changed_months(lake, [store], MARCH, settings)
    two_months.orders[1]["returns"] = [returned("MLA-A", 2)]
    pull("2026-02-01")
    looked_at[1].append(lambda: pull("2026-03-01"))
    assert build_changed_months(lake, [store], MARCH, settings) == []
    assert build_changed_months(lake, [store], MARCH, settings) == [MARCH]


def test_what_was_to_be_looked_at_is_not_forgotten_by_a_build_that_fails(
    two_months, pull, lake, store, settings, returned, looked_at
):
    def fail():
        raise OSError("the machine was switched off")

    pull("2026-02-01", "2026-03-31")
    build_changed_months(lake, [store], MARCH, settings)
    two_months.orders[1]["returns"] = [returned("MLA-A", 2)]
    pull("2026-03-01")
    looked_at[1].append(fail)
    with pytest.raises(OSError, match="switched off"):
        build_changed_months(lake, [store], MARCH, settings)
    assert build_changed_months(lake, [store], MARCH, settings) == [MARCH]


def test_a_store_registered_since_and_never_pulled_opens_the_months_again(
    two_months, pull, lake, store, settings
):
    pull("2026-02-01", "2026-03-31")
    build_changed_months(lake, [store], MARCH, settings)
    with pytest.raises(IncompleteError, match=r"2026-02 is not closed: .*M1/S2: 28 days"):
        build_changed_months(lake, [store, replace(store, store_id="S2")], MARCH, settings)
    assert build_changed_months(lake, [store], MARCH, settings) == []


def test_a_product_that_turns_up_in_an_old_month_goes_on_in_the_later_ones(
    two_months, pull, lake, store, settings, rows, order, line
):
    pull("2026-02-01", "2026-04-30")
    build_changed_months(lake, [store], APRIL, settings)
    two_months.orders.append(order(9, "2026-03-20T10:00:00-03:00", [line("G")]))
    pull("2026-03-20")
    assert build_changed_months(lake, [store], APRIL, settings) == [MARCH, APRIL]
    assert [row[0] for row in rows(APRIL)] == ["A", "E", "G"]


def test_a_month_made_twice_is_the_same_bytes(two_months, pull, lake, store, settings, files):
    pull("2026-02-01", "2026-02-28")
    build_month(lake, FEBRUARY, [store], settings)
    before = files()
    build_month(lake, FEBRUARY, [store], settings)
    assert files() == before


def test_a_month_with_missing_days_stays_open(two_months, pull, lake, store, settings):
    pull("2026-02-01", "2026-03-15")
    with pytest.raises(
        IncompleteError,
        match=r"2026-03 is not closed: .* \(M1/S1: 16 days from 2026-03-16 to 2026-03-31\); "
        "pull them with `python -m etl ingest --from 2026-03-01 --to 2026-03-31`",
    ):
        build_changed_months(lake, [store], MARCH, settings)
    assert monthly_manifest(lake, FEBRUARY)
    assert monthly_manifest(lake, MARCH) is None


def test_a_day_pulled_before_it_was_over_keeps_its_month_open(
    two_months, pull, lake, store, settings
):
    pull("2026-02-01", "2026-02-28", pulled_at=datetime(2026, 2, 28, 20, tzinfo=UTC))
    with pytest.raises(IncompleteError, match=r"M1/S1: 2026-02-28\)"):
        build_month(lake, FEBRUARY, [store], settings)


def test_a_registered_store_that_was_never_pulled_keeps_the_month_open(
    two_months, pull, lake, store, settings
):
    pull("2026-02-01", "2026-02-28")
    with pytest.raises(IncompleteError, match=r"M1/S2: 28 days"):
        build_month(lake, FEBRUARY, [store, replace(store, store_id="S2")], settings)


def test_a_month_needs_the_one_before(two_months, pull, lake, store, settings):
    pull("2026-02-01", "2026-03-31")
    with pytest.raises(IncompleteError, match="monthly --month 2026-02` first"):
        build_month(lake, MARCH, [store], settings)


def test_too_many_refused_lines_stop_the_month(two_months, pull, lake, store, settings, line):
    two_months.orders[0]["order_items"].append(line("A", 1, None))
    pull("2026-02-01", "2026-02-28")
    with pytest.raises(
        QuarantineLimitError,
        match=r"2026-02 is not built: 1 of 3 order lines of merchant M1 .* \(33\.3%, the limit is "
        r"5\.0%\); most often no_price \(1\)",
    ):
        build_month(lake, FEBRUARY, [store], settings)


def test_fees_are_refused_by_rule_and_stop_nothing(
    two_months, pull, lake, store, settings, line, rows
):
    two_months.orders[0]["order_items"].append(line("POST", 1, 4))
    pull("2026-02-01", "2026-02-28")
    manifest = build_month(lake, FEBRUARY, [store], settings)
    assert manifest["refused"] == {"not_a_product": {"lines": 1, "units": 1}}
    assert [row[0] for row in rows(FEBRUARY)] == ["A", "E"]


def test_a_month_whose_making_was_cut_off_is_made_again(two_months, pull, lake, store, settings):
    pull("2026-02-01", "2026-02-28")
    build_month(lake, FEBRUARY, [store], settings)
    manifest = f"{monthly_path(FEBRUARY).rpartition('/')[0]}/manifest.json"
    lake.write_json(manifest, {"fingerprint": None})
    assert monthly_manifest(lake, FEBRUARY) is None
    assert build_changed_months(lake, [store], FEBRUARY, settings) == [FEBRUARY]


def test_sales_hold_each_line_with_its_local_date(two_months, pull, lake, store, settings):
    pull("2026-02-01", "2026-02-28")
    build_month(lake, FEBRUARY, [store], settings)
    sales = lake.read_table(sales_path(FEBRUARY)).to_pylist()
    assert [(s["order_id"], s["line_id"], s["date"], s["units_net"]) for s in sales] == [
        ("1", "1", date(2026, 2, 28), 3),
        ("1", "2", date(2026, 2, 28), 2),
    ]


def test_a_month_without_orders_is_empty_and_closed(pull, lake, store, settings, rows):
    pull("2026-02-01", "2026-02-28")
    assert build_month(lake, FEBRUARY, [store], settings)["rows"] == 0
    assert rows(FEBRUARY) == []


def test_a_person_may_close_a_month_without_its_missing_days(
    two_months, pull, lake, store, settings
):
    pull("2026-02-01", "2026-02-27")
    gaps = accept_gaps(lake, FEBRUARY, [store], "the marketplace was down")
    assert gaps == {("M1", "S1"): [date(2026, 2, 28)]}
    manifest = build_month(lake, FEBRUARY, [store], settings)
    assert manifest["accepted_gaps"] == {"M1/S1": ["2026-02-28"]}
    pull("2026-02-28")
    assert build_changed_months(lake, [store], FEBRUARY, settings) == [FEBRUARY]
    assert monthly_manifest(lake, FEBRUARY)["accepted_gaps"] == {}


def test_an_accepted_gap_covers_only_its_own_days(two_months, pull, lake, store, settings):
    pull("2026-02-01", "2026-02-27")
    accept_gaps(lake, FEBRUARY, [store], "the marketplace was down")
    lake.delete(f"{day_folder(store, date(2026, 2, 9))}/manifest.json")
    with pytest.raises(IncompleteError, match=r"M1/S1: 2026-02-09\)"):
        build_month(lake, FEBRUARY, [store], settings)


def test_a_gap_is_not_accepted_without_a_reason(lake, store):
    with pytest.raises(InputError, match="say why"):
        accept_gaps(lake, FEBRUARY, [store], " ")


def test_a_changed_old_month_marks_the_forecasts_made_from_it(
    two_months, pull, lake, store, settings, returned
):
    def outdated(month):
        path = f"shards/cutoff_month={month}/outdated.json"
        return lake.read_json(path)["months"] if lake.exists(path) else []

    pull("2026-02-01", "2026-04-30")
    build_changed_months(lake, [store], APRIL, settings)
    for cutoff in (FEBRUARY, MARCH, APRIL):
        build_shards(lake, cutoff, settings)
    two_months.orders[1]["returns"] = [returned("MLA-A", 2)]
    pull("2026-03-01")
    build_changed_months(lake, [store], APRIL, settings)
    assert [outdated(f"2026-0{n}") for n in (2, 3, 4)] == [[], ["2026-03"], ["2026-03"]]
    build_shards(lake, APRIL, settings)
    assert [outdated(f"2026-0{n}") for n in (2, 3, 4)] == [[], ["2026-03"], []]
