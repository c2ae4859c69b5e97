"""What a file of orders adds up to, by plain SQL over the file alone.

None of the sandbox's or the ETL's own code reads the orders here, so that the two can be held
against each other: sold − remainder + quarantined = source, to the unit.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pandas as pd

from etl.errors import InputError

__all__ = ["source_totals"]

_UCI = """
    SELECT 'uci' AS merchant_id,
           trim(regexp_replace(lower(Country), '[^a-z0-9]+', '-', 'g'), '-') AS store_id,
           CAST(StockCode AS VARCHAR) AS product_id,
           CAST(date_trunc('month', min(CAST(InvoiceDate AS TIMESTAMP))
                OVER (PARTITION BY Country, Invoice)) AS DATE) AS month,
           CAST(Quantity AS BIGINT) AS ordered,
           CAST(0 AS HUGEINT) AS cancelled
    FROM {orders}
    WHERE timezone('Europe/London', CAST(InvoiceDate AS TIMESTAMP)) <= {as_of}
"""

_STORECAST = """
    SELECT merchant_id, store_id, product_id,
           CAST(date_trunc('month', timezone({zone}, CAST(created_at AS TIMESTAMPTZ))) AS DATE)
               AS month,
           CAST(units_ordered AS BIGINT) AS ordered,
           coalesce({cancelled}, 0) AS cancelled
    FROM {orders} AS lines {stores}
    WHERE CAST(created_at AS TIMESTAMPTZ) <= {as_of}
"""

# Ids are texts, though a file may hold them as numbers.
_CHANGED_UNITS = """(
    SELECT sum(CAST(units AS BIGINT)) FROM {changes} AS changes
    WHERE changes.merchant_id = lines.merchant_id AND changes.store_id = lines.store_id
      AND CAST(changes.order_id AS VARCHAR) = CAST(lines.order_id AS VARCHAR)
      AND CAST(changes.line_id AS VARCHAR) = CAST(lines.line_id AS VARCHAR)
      AND CAST(changed_at AS TIMESTAMPTZ) <= {as_of})"""

_CANCELLED_UNITS = """
    CASE WHEN CAST({at} AS TIMESTAMPTZ) <= {as_of} THEN CAST(units_cancelled AS BIGINT) END"""

_ZONES = """
    JOIN (SELECT merchant_id, store_id, time_zone FROM {stores}) USING (merchant_id, store_id)"""


def source_totals(
    orders: str | Path, as_of: datetime | None = None, by_product: bool = False
) -> pd.DataFrame:
    """Units by store and local month, as a marketplace knew them at `as_of` (at the end without).

    One row per `merchant_id, store_id, month` (and `product_id`), with `lines`, `units_ordered`,
    `units_cancelled` of those, and their difference `units_net`. Takes what the sandbox takes, CSV
    or parquet. Raises `InputError` for another file, or an `as_of` without offset.
    """
    if as_of is not None and as_of.tzinfo is None:
        raise InputError(f"as_of needs its offset; found {as_of.isoformat()}")
    moment = f"TIMESTAMPTZ '{as_of.isoformat()}'" if as_of else "TIMESTAMPTZ 'infinity'"
    path = Path(orders)
    file = _table(path, "order_lines") if path.is_dir() else path
    if file is None or file.suffix not in (".parquet", ".csv"):
        raise InputError(f"totals are taken over order lines in CSV or parquet; found {path}")
    product = "product_id, " if by_product else ""
    with duckdb.connect() as connection:
        totals: pd.DataFrame = connection.sql(
            f"""
            SELECT merchant_id, store_id, {product}month, count(*) AS lines,
                   CAST(sum(ordered) AS BIGINT) AS units_ordered,
                   CAST(sum(cancelled) AS BIGINT) AS units_cancelled,
                   CAST(sum(ordered) - sum(cancelled) AS BIGINT) AS units_net
            FROM ({_lines(connection, file, moment)})
            GROUP BY ALL ORDER BY ALL
            """  # noqa: S608 - paths and a moment of our own
        ).df()
    return totals


def _lines(connection: duckdb.DuckDBPyConnection, file: Path, moment: str) -> str:
    """A query for one row per order line, in either column set."""
    source = _scan(file)
    found = connection.sql(f"SELECT * FROM {source} LIMIT 0").columns  # noqa: S608
    if "InvoiceDate" in found:
        return _UCI.format(orders=source, as_of=moment)
    beside = file.stem == "order_lines"
    changes = _table(file.parent, "changes") if beside else None
    stores = _table(file.parent, "stores") if beside else None
    cancelled = "0"
    if changes is not None:
        cancelled = _CHANGED_UNITS.format(changes=_scan(changes), as_of=moment)
    elif "units_cancelled" in found:
        at = "updated_at" if "updated_at" in found else "created_at"
        cancelled = _CANCELLED_UNITS.format(at=at, as_of=moment)
    return _STORECAST.format(
        orders=source,
        as_of=moment,
        cancelled=cancelled,
        zone="'UTC'" if stores is None else "time_zone",
        stores="" if stores is None else _ZONES.format(stores=_scan(stores)),
    )


def _table(folder: Path, name: str) -> Path | None:
    found = (folder / f"{name}{suffix}" for suffix in (".parquet", ".csv"))
    return next((file for file in found if file.is_file()), None)


def _scan(file: Path) -> str:
    quoted = str(file).replace("'", "''")
    if file.suffix == ".parquet":
        return f"read_parquet('{quoted}')"
    return f"read_csv('{quoted}', header = true, all_varchar = true)"
