"""Clean order lines of a month: each in its latest state, net of cancellations and refunds.

A line that was pulled twice counts once, in the state that changed last; where two states changed
at the same instant, the later business day wins, then the one with more units cancelled.
"""

from __future__ import annotations

from datetime import date

from etl.duck import Duck
from etl.lake import Lake
from etl.tables import SALES

__all__ = ["sales_path", "write_sales"]

_LATEST_STATE = """
    SELECT merchant_id, store_id, order_id, line_id, product_id, $month AS month, date,
           updated_at, status, units_ordered, units_cancelled,
           units_ordered - units_cancelled AS units_net,
           CAST((units_ordered - units_cancelled) * unit_price AS DECIMAL(18, 2)) AS revenue_net,
           currency
    FROM read_parquet($files, hive_partitioning = false)
    QUALIFY row_number() OVER (
        PARTITION BY merchant_id, store_id, order_id, line_id
        ORDER BY updated_at DESC, date DESC, units_cancelled DESC, product_id, unit_price
    ) = 1
    ORDER BY merchant_id, store_id, order_id, line_id
"""


def sales_path(month: date) -> str:
    """Where the SALES of `month` are."""
    return f"sales/month={month:%Y-%m}/part.parquet"


def write_sales(lake: Lake, duck: Duck, month: date, line_files: list[str]) -> str:
    """Put the SALES of `month`, made from files of ORDER_LINES, into the lake; returns a hash."""
    path = sales_path(month)
    if not line_files:
        lake.write_table(path, SALES.empty(), SALES)
        return "empty"
    return duck.write(lake, path, SALES, _LATEST_STATE, month=month, files=line_files)
