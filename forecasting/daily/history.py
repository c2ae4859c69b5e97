"""The daily histories that people bring as a file: CSV or parquet, one row a series and day.

The file is checked whole before anything is forecast, then read series by series, in the order of
their keys, by DuckDB within stated memory. Days missing inside a history are zeros; days on which
a store sold none of its products, against its custom, are days on which it was closed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from etl.daily import CLOSED, ON_SALE
from etl.daily_closed import closed_days
from etl.errors import InputError
from etl.tables import SERIES_KEY
from forecasting.daily.series import DailySeries, States
from forecasting.forecaster import Vector
from forecasting.history import reader_of, starts_of_series

__all__ = ["DAILY_NEEDED", "DailyFile", "open_daily_history"]

DAILY_NEEDED = (*SERIES_KEY, "date", "units_sold")
"""The columns that a daily history must have."""

_OPTIONAL = ("category", "country")
_MEMORY = "512MB"
_ROWS_AT_ONCE = 100_000
_EPOCH = date(1970, 1, 1)
MOST_DAYS = 20_000
"""Days that one history may span; more is a mistyped year."""

_LOAD = """
    CREATE TABLE history AS
    SELECT row, merchant_id, store_id, product_id, TRY_CAST(date AS TIMESTAMP) AS date,
        TRY_CAST(units_sold AS DOUBLE) AS units,
        category::VARCHAR AS category, country::VARCHAR AS country
    FROM source
"""

_BAD_ROW = """
    SELECT row, rule, CASE split_part(rule, ' ', 1)
        WHEN 'date' THEN source.date
        WHEN 'units_sold' THEN source.units_sold::VARCHAR
        ELSE '' END
    FROM (
        SELECT row, CASE
            WHEN coalesce(merchant_id, '') = '' THEN 'merchant_id may not be empty'
            WHEN coalesce(store_id, '') = '' THEN 'store_id may not be empty'
            WHEN coalesce(product_id, '') = '' THEN 'product_id may not be empty'
            WHEN date IS NULL OR date <> date_trunc('day', date)
                OR date < '1900-01-01' OR date >= '2200-01-01'
                THEN 'date must be a calendar day, as in 2026-03-31'
            WHEN units IS NULL OR NOT isfinite(units) OR units < 0
                THEN 'units_sold must be a number, not negative'
            END AS rule
        FROM history
    )
    JOIN source USING (row)
    WHERE rule IS NOT NULL ORDER BY row LIMIT 1
"""

_REPEATED_DAY = """
    SELECT min(row), max(row), merchant_id, store_id, product_id, date FROM history
    GROUP BY ALL HAVING count(*) > 1 ORDER BY 1 LIMIT 1
"""

_LONG = """
    SELECT merchant_id, store_id, product_id, min(date), max(date) FROM history
    GROUP BY ALL HAVING date_diff('day', min(date), max(date)) >= $most LIMIT 1
"""

_COUNT = "SELECT count(*) FROM (SELECT DISTINCT merchant_id, store_id, product_id FROM history)"

_IN_ORDER = """
    SELECT merchant_id, store_id, product_id,
        date_diff('day', TIMESTAMP '1970-01-01', date)::BIGINT AS day, units, category, country
    FROM history ORDER BY merchant_id, store_id, product_id, day
"""

_STORE_DAYS = """
    SELECT date_diff('day', TIMESTAMP '1970-01-01', date)::BIGINT, count(*) FILTER (units > 0)
    FROM history WHERE merchant_id = $merchant AND store_id = $store GROUP BY date ORDER BY 1
"""


@dataclass(frozen=True)
class DailyFile:
    """The series of one file, `count` of them; iterate to read them, as often as needed."""

    count: int
    cutoff_date: date | None
    _rows: duckdb.DuckDBPyConnection

    def __iter__(self) -> Iterator[DailySeries]:
        store: tuple[str, str] = ("", "")
        closed: dict[int, bool] = {}
        for rows in _by_series(_batches(self._rows)):
            if rows.key[:2] != store:
                store = (rows.key[0], rows.key[1])
                closed = _closed(self._rows, *store, self.cutoff_date)
            yield _series(rows, self.cutoff_date, closed)


@contextmanager
def open_daily_history(path: Path, cutoff_date: date | None = None) -> Iterator[DailyFile]:
    """The series of the file at `path`, each up to its own last day or all up to the cutoff.

    With a cutoff, days missing before it are zeros and later days are left out. Raises
    `InputError` naming file, row and rule for what cannot be read as a history.
    """
    with (
        tempfile.TemporaryDirectory(prefix="storecast-") as spill,
        duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": spill}) as rows,
    ):
        try:
            _load(rows, path)
        except duckdb.Error as error:
            raise InputError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
        _refuse(rows, path)
        yield DailyFile(_count(rows, path), cutoff_date, rows)


def _load(rows: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Put the file's columns of interest into a table, with the number of each row."""
    reader = reader_of(path)
    found = rows.sql(f"SELECT * FROM {reader}").columns  # noqa: S608 - the path is quoted
    missing = [name for name in DAILY_NEEDED if name not in found]
    if missing:
        raise InputError(
            f"{path} needs the columns {', '.join(DAILY_NEEDED)}; it lacks {', '.join(missing)} "
            f"and has {', '.join(found)}"
        )
    texts = ", ".join(f"{name}::VARCHAR AS {name}" for name in (*SERIES_KEY, "date"))
    optional = ", ".join(name if name in found else f"NULL AS {name}" for name in _OPTIONAL)
    rows.execute(
        f"CREATE VIEW source AS SELECT row_number() OVER () AS row, {texts}, "  # noqa: S608
        f"units_sold, {optional} FROM {reader}"
    )
    rows.execute(_LOAD)


def _refuse(rows: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Raise `InputError` for the first row that breaks a rule."""
    bad = rows.execute(_BAD_ROW).fetchone()
    if bad:
        row, rule, found = bad
        raise InputError(f"{path}, row {row}: {rule}; found {found!r}")
    repeated = rows.execute(_REPEATED_DAY).fetchone()
    if repeated:
        first, last, *key, day = repeated
        raise InputError(
            f"{path}, rows {first} and {last}: ({', '.join(key)}) may have one row for a day; "
            f"both are for {day:%Y-%m-%d}"
        )
    long = rows.execute(_LONG, {"most": MOST_DAYS}).fetchone()
    if long:
        *key, first, last = long
        raise InputError(
            f"{path}: ({', '.join(key)}) runs from {first:%Y-%m-%d} to {last:%Y-%m-%d}; a daily "
            f"history spans at most {MOST_DAYS} days"
        )


def _count(rows: duckdb.DuckDBPyConnection, path: Path) -> int:
    found = rows.execute(_COUNT).fetchone()
    if not found or not found[0]:
        raise InputError(f"{path} has no rows; a history has one for each series and day")
    return int(found[0])


def _batches(rows: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    """The rows in order of series and day, a bounded number at a time."""
    reader: Any = rows.cursor().sql(_IN_ORDER).to_arrow_reader(_ROWS_AT_ONCE)
    for batch in reader:
        yield pa.Table.from_batches([batch])


@dataclass(frozen=True)
class _Rows:
    """The rows of one series: days ascending, counted from 1970-01-01."""

    key: tuple[str, str, str]
    days: np.ndarray
    units: Vector
    category: str
    country: str


def _by_series(batches: Iterator[pa.Table]) -> Iterator[_Rows]:
    """Ordered rows cut where the series changes, whatever the batches were cut by."""
    pending: pa.Table | None = None
    for batch in batches:
        table = pa.concat_tables([pending, batch]) if pending is not None else batch
        starts = starts_of_series(table)
        yield from (_rows(table, *edges) for edges in pairwise(starts))
        pending = table.slice(starts[-1])
    if pending is not None:
        yield _rows(pending, 0, pending.num_rows)


def _rows(table: pa.Table, start: int, end: int) -> _Rows:
    part = table.slice(start, end - start)
    first, last = part.slice(0, 1).to_pylist()[0], part.slice(part.num_rows - 1).to_pylist()[0]
    return _Rows(
        (first["merchant_id"], first["store_id"], first["product_id"]),
        part.column("day").to_numpy(),
        part.column("units").to_numpy(),
        last["category"] or "unknown",
        last["country"] or "",
    )


def _closed(
    rows: duckdb.DuckDBPyConnection, merchant: str, store: str, cutoff: date | None
) -> dict[int, bool]:
    """Which days, counted from 1970-01-01, a store was closed."""
    told = rows.cursor().execute(_STORE_DAYS, {"merchant": merchant, "store": store}).fetchall()
    last = _number(cutoff) if cutoff else told[-1][0]
    first = min(told[0][0], last)
    sold = np.zeros(last - first + 1)
    for day, products in told:
        if day <= last:
            sold[day - first] = products
    return dict(enumerate(closed_days(sold).tolist(), start=first))


def _series(rows: _Rows, cutoff: date | None, closed: dict[int, bool]) -> DailySeries:
    """The gap-free history of one series up to the cutoff; none where all rows are later."""
    end = _number(cutoff) if cutoff else int(rows.days[-1])
    kept = rows.days <= end
    first = int(rows.days[0]) if kept.any() else end + 1
    units = np.zeros(end - first + 1)
    units[rows.days[kept] - first] = rows.units[kept]
    shut = np.array([closed.get(day, False) for day in range(first, end + 1)], dtype=bool)
    state: States = np.where(shut & (units == 0), CLOSED, ON_SALE).astype(np.int8)
    day = _EPOCH + timedelta(days=first)
    return DailySeries(*rows.key, day, units, state, rows.category, rows.country)


def _number(day: date) -> int:
    return (day - _EPOCH).days
