"""The histories that people bring as a file: CSV or parquet, one row a series and month.

The file is checked whole before anything is forecast, then read series by series, in the order of
their keys, by DuckDB within stated memory: a file of any length passes. Months missing inside a
history are zeros.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from etl.errors import InputError
from etl.tables import SERIES_KEY
from forecasting.forecaster import Series, Vector, add_months
from forecasting.series import sold_within_a_year

__all__ = ["NEEDED", "History", "open_history", "reader_of", "starts_of_series"]

NEEDED = (*SERIES_KEY, "month", "units_sold")
"""The columns that a history must have."""

_OPTIONAL = ("category", "country", "days_out_of_stock")
_MEMORY = "512MB"
_ROWS_AT_ONCE = 100_000
_YEAR_ONE = date(1, 1, 1)

_LOAD = """
    CREATE TABLE history AS
    SELECT row, merchant_id, store_id, product_id,
        TRY_CAST(CASE WHEN length(month) = 7 THEN month || '-01' ELSE month END AS TIMESTAMP)
            AS month,
        TRY_CAST(units_sold AS DOUBLE) AS units,
        category::VARCHAR AS category, country::VARCHAR AS country,
        CASE WHEN nullif(days_out_of_stock::VARCHAR, '') IS NOT NULL
            THEN coalesce(TRY_CAST(days_out_of_stock AS DOUBLE), -1) END AS days
    FROM source
"""

_BAD_ROW = """
    SELECT row, rule, CASE split_part(rule, ' ', 1)
        WHEN 'month' THEN source.month
        WHEN 'merchant_id' THEN coalesce(source.merchant_id, '')
        WHEN 'units_sold' THEN source.units_sold::VARCHAR
        WHEN 'days_out_of_stock' THEN source.days_out_of_stock::VARCHAR
        ELSE '' END
    FROM (
        SELECT row, CASE
            WHEN coalesce(merchant_id, '') = '' THEN 'merchant_id may not be empty'
            WHEN merchant_id LIKE '%|%' OR merchant_id LIKE '=%'
                THEN 'merchant_id may not hold | or begin with =, which keep merchants apart'
            WHEN coalesce(store_id, '') = '' THEN 'store_id may not be empty'
            WHEN coalesce(product_id, '') = '' THEN 'product_id may not be empty'
            WHEN month IS NULL OR month <> date_trunc('month', month)
                OR month < '1900-01-01' OR month >= '2200-01-01'
                THEN 'month must be the first day of a month, or YYYY-MM'
            WHEN units IS NULL OR NOT isfinite(units) OR units < 0
                THEN 'units_sold must be a number, not negative'
            WHEN units > 1e15 THEN 'units_sold may be 1e15 at most, which is counted exactly'
            WHEN NOT isnan(days) AND NOT days BETWEEN 0 AND 31
                THEN 'days_out_of_stock must be 0 to 31, or empty where nobody tells'
            END AS rule
        FROM history
    )
    JOIN source USING (row)
    WHERE rule IS NOT NULL ORDER BY row LIMIT 1
"""

_REPEATED_MONTH = """
    SELECT min(row), max(row), merchant_id, store_id, product_id, month FROM history
    GROUP BY ALL HAVING count(*) > 1 ORDER BY 1 LIMIT 1
"""

_COUNT = "SELECT count(*) FROM (SELECT DISTINCT merchant_id, store_id, product_id FROM history)"

_IN_ORDER = """
    SELECT merchant_id, store_id, product_id, (year(month) * 12 + month(month))::BIGINT AS month,
        units, days, category, country
    FROM history ORDER BY merchant_id, store_id, product_id, month
"""


@dataclass(frozen=True)
class History:
    """The series of one file, `count` of them; iterate to read them, as often as needed."""

    count: int
    cutoff_month: date | None
    _rows: duckdb.DuckDBPyConnection

    def __iter__(self) -> Iterator[Series]:
        for rows in _by_series(_batches(self._rows)):
            yield _series(rows, self.cutoff_month)


@contextmanager
def open_history(path: Path, cutoff_month: date | None = None) -> Iterator[History]:
    """The series of the file at `path`, each up to its own last month or all up to the cutoff.

    With a cutoff, months missing before it are zeros and later months are left out. Raises
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
        _refuse_bad_row(rows, path)
        _refuse_repeated_month(rows, path)
        yield History(_count(rows, path), cutoff_month, rows)


def _load(rows: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Put the file's columns of interest into a table, with the number of each row."""
    reader = reader_of(path)
    found = rows.sql(f"SELECT * FROM {reader}").columns  # noqa: S608 - the path is quoted
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise InputError(
            f"{path} needs the columns {', '.join(NEEDED)}; it lacks {', '.join(missing)} and has "
            f"{', '.join(found)}"
        )
    texts = ", ".join(f"{name}::VARCHAR AS {name}" for name in (*SERIES_KEY, "month"))
    optional = ", ".join(name if name in found else f"NULL AS {name}" for name in _OPTIONAL)
    rows.execute(
        f"CREATE VIEW source AS SELECT row_number() OVER () AS row, {texts}, "  # noqa: S608
        f"units_sold, {optional} FROM {reader}"
    )
    rows.execute(_LOAD)


def reader_of(path: Path) -> str:
    """How DuckDB reads the file at `path`. Raises `InputError` where it is none, or unknown."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    quoted = "'" + str(path).replace("'", "''") + "'"
    match path.suffix.lower():
        case ".parquet":
            return f"read_parquet({quoted})"
        case ".csv":
            return f"read_csv({quoted}, header = true, all_varchar = true, delim = ',')"
    raise InputError(f"{path} must end in .parquet or .csv, which says how to read it")


def _refuse_bad_row(rows: duckdb.DuckDBPyConnection, path: Path) -> None:
    bad = rows.execute(_BAD_ROW).fetchone()
    if bad:
        row, rule, found = bad
        raise InputError(f"{path}, row {row}: {rule}; found {found!r}")


def _refuse_repeated_month(rows: duckdb.DuckDBPyConnection, path: Path) -> None:
    repeated = rows.execute(_REPEATED_MONTH).fetchone()
    if repeated:
        first, last, *key, month = repeated
        raise InputError(
            f"{path}, rows {first} and {last}: ({', '.join(key)}) may have one row for a month; "
            f"both are for {month:%Y-%m}"
        )


def _count(rows: duckdb.DuckDBPyConnection, path: Path) -> int:
    found = rows.execute(_COUNT).fetchone()
    if not found or not found[0]:
        raise InputError(f"{path} has no rows; a history has one for each series and month")
    return int(found[0])


def _batches(rows: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    """The rows in order of series and month, a bounded number at a time."""
    reader: Any = rows.cursor().sql(_IN_ORDER).to_arrow_reader(_ROWS_AT_ONCE)
    for batch in reader:
        yield pa.Table.from_batches([batch])


def _by_series(batches: Iterator[pa.Table]) -> Iterator[_Rows]:
    """Ordered rows cut where the series changes, whatever the batches were cut by."""
    pending: pa.Table | None = None
    for batch in batches:
        table = pa.concat_tables([pending, batch]) if pending is not None else batch
        starts = starts_of_series(table)
        yield from _slices(table, starts)
        pending = table.slice(starts[-1])
    if pending is not None:
        yield from _slices(pending, [0, pending.num_rows])


def starts_of_series(table: pa.Table) -> list[int]:
    """The rows at which a series begins, in rows ordered by series."""
    changes = np.zeros(table.num_rows, dtype=bool)
    changes[0] = True
    for name in SERIES_KEY:
        codes = table.column(name).combine_chunks().dictionary_encode().indices.to_numpy()
        changes[1:] |= codes[1:] != codes[:-1]
    return [int(start) for start in np.flatnonzero(changes)]


@dataclass(frozen=True)
class _Rows:
    """The rows of one series: columns by name, months ascending and counted from year 0."""

    key: tuple[str, str, str]
    months: NDArray[np.int64]
    units: Vector
    days: Vector
    category: str
    country: str


def _slices(table: pa.Table, edges: list[int]) -> Iterator[_Rows]:
    """The rows between each edge and the next."""
    places = np.array(edges)
    firsts, lasts = table.take(places[:-1]), table.take(places[1:] - 1)
    keys = zip(*(firsts.column(name).to_pylist() for name in SERIES_KEY), strict=True)
    labels = zip(*(lasts.column(name).to_pylist() for name in ("category", "country")), strict=True)
    months, units, days = (table.column(name).to_numpy() for name in ("month", "units", "days"))
    for key, (category, country), (start, end) in zip(keys, labels, pairwise(edges), strict=True):
        yield _Rows(
            key,
            months[start:end],
            units[start:end],
            days[start:end],
            category or "unknown",
            country or "",
        )


def _series(rows: _Rows, cutoff_month: date | None) -> Series:
    """The gap-free history of one series up to the cutoff; zero months where all rows are later."""
    end = _number(cutoff_month) if cutoff_month else int(rows.months[-1])
    kept = rows.months <= end
    first = int(rows.months[0]) if kept.any() else end + 1
    places = rows.months[kept] - first
    units, days = np.zeros(end - first + 1), np.full(end - first + 1, np.nan)
    units[places], days[places] = rows.units[kept], rows.days[kept]
    return Series(
        *rows.key,
        add_months(_YEAR_ONE, first - _number(_YEAR_ONE)),
        units,
        rows.category,
        rows.country,
        None if np.isnan(days).all() else days,
        sold_within_a_year(units),
    )


def _number(month: date) -> int:
    """Months since year 0, as the query counts them."""
    return month.year * 12 + month.month
