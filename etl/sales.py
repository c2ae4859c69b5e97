"""Clean order lines of a month: each in its latest state, net of cancellations and refunds.

A line that was pulled twice counts once, in the state that changed last; where two states changed
at the same instant, the later business day wins, then the one with more units cancelled. Store-days
are replaced whole, so a line is there twice only where its order moved to another day, as after a
store's time zone was put right: repeated ones are told by a hash of their key, set aside and
compared, while all others pass in the order of their files, unsorted. That keeps time and memory
down, and the bytes the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from etl.duck import Duck
from etl.lake import Lake
from etl.tables import SALES

__all__ = ["LATEST_STATE", "sales_path", "write_sales"]

LATEST_STATE = """
    row_number() OVER (
        PARTITION BY merchant_id, store_id, order_id, line_id
        ORDER BY updated_at DESC, date DESC, units_cancelled DESC, product_id, unit_price
    ) = 1
"""
"""Which of the pulls of a line counts: SQL for `QUALIFY` over rows of ORDER_LINES."""

_REPEATED = """
    SELECT hash(merchant_id, store_id, order_id, line_id) AS line
    FROM read_parquet($files, hive_partitioning = false)
    GROUP BY line HAVING count(*) > 1
"""

# The product of any two decimals has 128 bits, which takes five times as long as 64; those that
# fit into 64, nearly all, are multiplied there. The results are the same.
_LINES = """
    SELECT merchant_id, store_id, order_id, line_id, product_id, $month AS month, date,
           updated_at, status, units_ordered, units_cancelled,
           units_ordered - units_cancelled AS units_net,
           CASE WHEN unit_price < 10000000 AND abs(units_ordered - units_cancelled) < 1000000
                THEN CAST(CAST(unit_price AS DECIMAL(12, 4))
                          * CAST(units_ordered - units_cancelled AS DECIMAL(6, 0))
                          AS DECIMAL(18, 2))
                ELSE CAST((units_ordered - units_cancelled) * unit_price AS DECIMAL(18, 2))
           END AS revenue_net,
           currency{more}
    FROM read_parquet($files, hive_partitioning = false)
"""
_SINGLE = _LINES.format(more="")
_TO_COMPARE = _LINES.format(
    more=", unit_price, hash(merchant_id, store_id, order_id, line_id) AS line"
)

_LATEST = f"""
    FROM read_parquet($files, hive_partitioning = false)
    QUALIFY {LATEST_STATE}
    ORDER BY merchant_id, store_id, order_id, line_id
"""


def sales_path(month: date) -> str:
    """Where the SALES of `month` are."""
    return f"sales/month={month:%Y-%m}/part.parquet"


def write_sales(lake: Lake, duck: Duck, month: date, line_files: list[str]) -> None:
    """Put the SALES of `month`, made from files of ORDER_LINES, into the lake."""
    path = sales_path(month)
    if not line_files:
        lake.write_table(path, SALES.empty(), SALES)
        return
    found = [batch.column("line").to_numpy() for batch in duck.batches(_REPEATED, files=line_files)]
    repeated = np.sort(np.concatenate(found)) if found else np.empty(0, np.uint64)
    if len(repeated):
        duck.write(lake, path, SALES, _latest_states(duck, month, line_files, repeated))
    else:
        duck.copy(lake, path, _SINGLE, month=month, files=line_files)


def _latest_states(
    duck: Duck, month: date, line_files: list[str], repeated: npt.NDArray[np.uint64]
) -> Iterator[pa.RecordBatch]:
    """Lines that are there once, as they stand in their files, then the others' latest states."""
    lines = duck.batches(_TO_COMPARE, month=month, files=line_files)
    with duck.aside() as aside:
        for batch in lines:
            again = _among(batch.column("line").to_numpy(), repeated)
            aside.put(batch.take(np.flatnonzero(again)))
            yield batch.filter(pa.array(~again))
        yield from duck.batches(_LATEST, files=aside.close())


def _among(
    hashes: npt.NDArray[np.uint64], repeated: npt.NDArray[np.uint64]
) -> npt.NDArray[np.bool_]:
    """Which of the hashes are among the sorted `repeated`.

    >>> _among(np.array([5, 1, 9], np.uint64), np.array([1, 5], np.uint64)).tolist()
    [True, True, False]
    """
    places = np.searchsorted(repeated, hashes)
    found: npt.NDArray[np.bool_] = repeated[np.minimum(places, len(repeated) - 1)] == hashes
    return found
