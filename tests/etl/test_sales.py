from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

import pyarrow as pa
import pytest

from etl.duck import open_duck
from etl.sales import sales_path, write_sales
from etl.tables import ORDER_LINES

MARCH = date(2026, 3, 1)


@pytest.fixture
def latest(lake, settings):
    """(order, line, cancelled, product) of the sales made from files of these lines."""

    def run(*files):
        paths = []
        for number, rows in enumerate(files):
            paths.append(f"lines-{number}.parquet")
            lake.write_table(paths[-1], pa.Table.from_pylist(rows, ORDER_LINES.schema), ORDER_LINES)
        with open_duck(settings) as duck:
            write_sales(lake, duck, MARCH, [lake.uri(path) for path in paths])
        sales = lake.read_table(sales_path(MARCH)).to_pylist()
        return [
            (s["order_id"], s["line_id"], s["units_cancelled"], s["revenue_net"]) for s in sales
        ]

    return run


def _line(order, line, hour, cancelled=0, day=2, price="1.005"):
    return {
        "merchant_id": "M1",
        "store_id": "S1",
        "order_id": order,
        "line_id": line,
        "product_id": "A",
        "listing_id": "L",
        "product_name": "",
        "created_at": datetime(2026, 3, 2, tzinfo=UTC),
        "updated_at": datetime(2026, 3, 2, hour, tzinfo=UTC),
        "date": date(2026, 3, day),
        "status": "paid",
        "units_ordered": 3,
        "units_cancelled": cancelled,
        "unit_price": Decimal(price),
        "currency": "ARS",
    }


def test_the_state_that_changed_last_counts(latest):
    assert latest([_line("1", "1", 9, 2)], [_line("1", "1", 8, 0)]) == [
        ("1", "1", 2, Decimal("1.01"))
    ]


@pytest.mark.parametrize("swap", [False, True])
def test_ties_do_not_depend_on_the_order_of_the_files(latest, swap):
    files = [[_line("1", "1", 9, 1, day=2)], [_line("1", "1", 9, 0, day=3)]]
    assert latest(*(reversed(files) if swap else files)) == [("1", "1", 0, Decimal("3.02"))]


def test_lines_of_one_order_stay_apart(latest):
    lines = [_line("2", "1", 9), _line("1", "2", 9), _line("1", "1", 9)]
    assert [row[:2] for row in latest(lines)] == [("2", "1"), ("1", "2"), ("1", "1")]


def test_a_repeated_line_does_not_disturb_the_others(latest):
    first = [_line("2", "1", 9), _line("1", "1", 9), _line("3", "1", 9)]
    assert [row[:3] for row in latest(first, [_line("1", "1", 10, 1)])] == [
        ("2", "1", 0),
        ("3", "1", 0),
        ("1", "1", 1),
    ]


def test_revenue_is_exact_to_the_cent_whatever_the_amounts(latest):
    sales = [
        (units, price)
        for units in (1, 3, 7, -1, -3, 999_999, 1_000_000, -1_000_001)
        for price in ("0.0001", "0.0050", "1.0050", "33.3333", "9999999.9999", "10000000.0051")
    ]
    lines = [
        _line(str(n), "1", 9, price=price) | {"units_ordered": units}
        for n, (units, price) in enumerate(sales)
    ]
    expected = [
        (units * Decimal(price)).quantize(Decimal("0.01"), ROUND_HALF_UP) for units, price in sales
    ]
    assert [row[3] for row in latest(lines)] == expected
