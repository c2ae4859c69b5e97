from datetime import date
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from etl.contracts import hold, promises
from etl.errors import TableError
from etl.tables import (
    MONTHLY_SALES,
    ORDER_LINES,
    PREDICTIONS,
    SALES,
    SHARDS,
    STORES,
    TABLES,
)

MARCH = date(2026, 3, 1)
FORECAST = {
    "cutoff_month": MARCH,
    "month": date(2026, 4, 1),
    "horizon": 1,
    "units_forecast": 5.0,
    **{"lo95": 1.0, "lo80": 2.0, "lo50": 3.0, "hi50": 6.0, "hi80": 7.0, "hi95": 8.0},
}
SERIES = {
    "first_month": date(2026, 1, 1),
    "cutoff_month": MARCH,
    "units_sold": [1, 2, 3],
    "revenue": [1.0, 2.0, 3.0],
    "days_out_of_stock": [None, 0, 1],
    "share_zeros": 0.0,
}
MONTH = {"month": MARCH, "units_sold": 3, "units_remainder": 0, "days_out_of_stock": None}
LINE = {"status": "paid", "units_ordered": 3, "units_cancelled": 1, "unit_price": Decimal(2)}
SALE = {"month": MARCH, "units_ordered": 3, "units_cancelled": 1, "units_net": 2}
RETURN = {"status": "return", "units_ordered": -3, "units_cancelled": 0, "unit_price": Decimal(2)}


WRITTEN_BY_THE_ETL = [
    "stores",
    "products",
    "stockouts",
    "order_lines",
    "quarantine",
    "sales",
    "monthly_sales",
    "shards",
]


@pytest.mark.parametrize("name", WRITTEN_BY_THE_ETL)
def test_every_table_of_the_etl_has_a_contract(name):
    assert promises(TABLES[name])


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_contract_is_about_columns_that_its_table_has(table):
    hold(table, table.empty())


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (MONTHLY_SALES, MONTH),
        (MONTHLY_SALES, MONTH | {"units_sold": 0, "units_remainder": 4, "days_out_of_stock": 31}),
        (ORDER_LINES, LINE),
        (ORDER_LINES, RETURN),
        (SALES, SALE),
        (SHARDS, SERIES),
        (PREDICTIONS, FORECAST),
    ],
)
def test_good_rows_hold(table, row):
    hold(table, pd.DataFrame([row, row]))
    hold(table, pa.Table.from_pylist([row]))


@pytest.mark.parametrize(
    ("table", "row", "rule"),
    [
        (MONTHLY_SALES, MONTH | {"units_sold": -1}, "units_sold is not negative"),
        (MONTHLY_SALES, MONTH | {"units_remainder": 1}, "units or a remainder, not both"),
        (MONTHLY_SALES, MONTH | {"month": date(2026, 3, 2)}, "first day of a month"),
        (MONTHLY_SALES, MONTH | {"days_out_of_stock": 32}, "0 to 31 where told"),
        (ORDER_LINES, LINE | {"status": "lost"}, "status is paid, cancelled or return"),
        (ORDER_LINES, LINE | {"units_ordered": 0, "units_cancelled": 0}, "a line moves units"),
        (ORDER_LINES, LINE | {"units_cancelled": 4}, "between 0 and units_ordered"),
        (ORDER_LINES, RETURN | {"units_cancelled": 1}, "between 0 and units_ordered"),
        (ORDER_LINES, LINE | {"unit_price": Decimal(0)}, "a unit has a price"),
        (SALES, SALE | {"units_net": 3}, "units_net is what was ordered"),
        (SHARDS, SERIES | {"revenue": [1.0]}, "vectors of a series are equally long"),
        (SHARDS, SERIES | {"first_month": MARCH}, "a value for each month up to its cutoff"),
        (SHARDS, SERIES | {"share_zeros": 1.5}, "share_zeros is 0 to 1"),
        (PREDICTIONS, FORECAST | {"lo50": 6.5}, "bounds of a forecast do not cross"),
        (PREDICTIONS, FORECAST | {"units_forecast": -0.1}, "units_forecast is not negative"),
        (PREDICTIONS, FORECAST | {"horizon": 0}, "horizon counts from 1"),
        (STORES, {"opening_hour": 24}, "opening_hour is 0 to 23"),
    ],
)
def test_a_row_that_breaks_a_rule_is_counted_and_shown(table, row, rule):
    good = {SHARDS: SERIES, PREDICTIONS: FORECAST, STORES: {"opening_hour": 9}}
    others = {MONTHLY_SALES: MONTH, ORDER_LINES: LINE, SALES: SALE}
    rows = pd.DataFrame([(good | others)[table], row])
    with pytest.raises(TableError, match=rf"{table.name} breaks its contract: .*{rule}.*; 1 of 2"):
        hold(table, rows)
