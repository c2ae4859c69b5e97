"""Clean order lines of a month: each in its latest state, net of cancellations and refunds.

A line that was pulled twice counts once, in the state that changed last; where two states changed
at the same instant, the later business day wins, then the one with more units cancelled. Store-days
are replaced whole, so hardly any line is there twice: the repeated ones are found by a hash of
their key, and only those are compared. The others pass in the order of their files, unsorted, which
keeps memory and time down and the bytes the same.
"""

from __future__ import annotations

from datetime import date

from etl.duck import Duck
from etl.lake import Lake
from etl.tables import SALES

__all__ = ["sales_path", "write_sales"]

_FIND_REPEATED = """
    CREATE OR REPLACE TEMP TABLE repeated AS
    SELECT hash(merchant_id, store_id, order_id, line_id) AS line
    FROM read_parquet($files, hive_partitioning = false)
    GROUP BY line HAVING count(*) > 1
"""

_COLUMNS = """
    SELECT merchant_id, store_id, order_id, line_id, product_id, $month AS month, date,
           updated_at, status, units_ordered, units_cancelled,
           units_ordered - units_cancelled AS units_net,
           CAST((units_ordered - units_cancelled) * unit_price AS DECIMAL(18, 2)) AS revenue_net,
           currency
    FROM read_parquet($files, hive_partitioning = false) AS lines
"""

_SINGLE = (
    _COLUMNS
    + """
    ANTI JOIN repeated
    ON hash(lines.merchant_id, lines.store_id, lines.order_id, lines.line_id) = repeated.line
"""
)

_LATEST = (
    _COLUMNS
    + """
    SEMI JOIN repeated
    ON hash(lines.merchant_id, lines.store_id, lines.order_id, lines.line_id) = repeated.line
    QUALIFY row_number() OVER (
        PARTITION BY merchant_id, store_id, order_id, line_id
        ORDER BY updated_at DESC, date DESC, units_cancelled DESC, product_id, unit_price
    ) = 1
    ORDER BY merchant_id, store_id, order_id, line_id
"""
)


def sales_path(month: date) -> str:
    """Where the SALES of `month` are."""
    return f"sales/month={month:%Y-%m}/part.parquet"


def write_sales(lake: Lake, duck: Duck, month: date, line_files: list[str]) -> None:
    """Put the SALES of `month`, made from files of ORDER_LINES, into the lake."""
    path = sales_path(month)
    if not line_files:
        lake.write_table(path, SALES.empty(), SALES)
        return
    duck.run(_FIND_REPEATED, files=line_files)
    repeated = duck.run("SELECT line FROM repeated LIMIT 1")
    queries = (_SINGLE, _LATEST) if repeated else (_COLUMNS,)
    duck.write(lake, path, SALES, *queries, month=month, files=line_files)
