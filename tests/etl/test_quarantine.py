from dataclasses import replace
from datetime import date

import pytest

from etl.errors import QuarantineLimitError
from etl.quarantine import count_refusals, read_quarantine, refuse_bad_month

MARCH = date(2026, 3, 1)


@pytest.fixture
def days(pull, marketplace, order, line):
    """Two days of March: 8 good lines, one without a price, one fee of three units."""
    marketplace.orders = [
        order(1, "2026-03-02T12:00:00-03:00", [line() for _ in range(8)]),
        order(2, "2026-03-03T12:00:00-03:00", [line("A", 2, None), line("POST", 3)]),
    ]
    return pull("2026-03-02", "2026-03-03")


def test_refusals_are_counted_by_reason_in_lines_and_units(days):
    assert count_refusals(days) == {
        "no_price": {"lines": 1, "units": 2},
        "not_a_product": {"lines": 1, "units": 3},
    }


def test_refused_lines_are_read_with_their_reason_and_document(days, lake, store):
    rows = read_quarantine(lake, [store], MARCH, date(2026, 3, 31)).to_pylist()
    assert [(row["order_id"], row["line_id"], row["reason"]) for row in rows] == [
        ("2", "1", "no_price"),
        ("2", "2", "not_a_product sku=POST"),
    ]
    assert read_quarantine(lake, [store], MARCH, date(2026, 3, 2)).num_rows == 0


def test_the_share_counts_errors_and_leaves_out_what_is_refused_by_rule(days):
    refuse_bad_month(MARCH, days, limit=1 / 9)
    with pytest.raises(QuarantineLimitError, match=r"1 of 9 order lines of merchant M1"):
        refuse_bad_month(MARCH, days, limit=1 / 9 - 0.001)


def test_a_large_merchant_does_not_hide_a_small_one(days):
    large = [replace(day, merchant_id="M2", lines=10_000, refused={}) for day in days]
    with pytest.raises(QuarantineLimitError, match="merchant M1"):
        refuse_bad_month(MARCH, [*large, *days], limit=0.05)


def test_a_month_without_lines_is_not_refused():
    refuse_bad_month(MARCH, [], limit=0.0)
