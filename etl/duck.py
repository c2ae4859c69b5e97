"""DuckDB with bounded memory, and its answers as parquet of a table's exact shape.

Rows are written in the order of the query, in groups of a fixed size, so that equal rows are equal
bytes whatever the number of threads.
"""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from etl.contracts import hold
from etl.errors import LakeError, SettingError
from etl.lake import Lake
from etl.settings import PREFIX, Settings
from etl.tables import Table

__all__ = ["Duck", "open_duck"]

_ROWS_AT_ONCE = 122_880
# A dictionary of what hardly repeats costs time and saves nothing.
_PARQUET: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": [
        *("merchant_id", "store_id", "product_id", "line_id", "month", "date", "status"),
        *("currency", "units_sold", "units_remainder", "units_ordered", "units_cancelled"),
    ],
}


class Duck:
    """One in-memory DuckDB and a folder for what it spills and writes.

    Its queries raise `LakeError` where a file is damaged, or the memory allowed does not suffice.
    """

    def __init__(self, connection: Any, folder: Path) -> None:
        self.connection = connection
        self._folder = folder

    def run(self, sql: str, **values: Any) -> list[Any]:
        """Execute `sql` with `$name` parameters; all its rows, so for few ones."""
        with _failure_in_words():
            rows: list[Any] = self.connection.execute(sql, values or None).fetchall()
        return rows

    def view(self, name: str, rows: pa.Table) -> None:
        """Let queries read `rows` as `name`."""
        self.connection.register(name, rows)

    def batches(self, sql: str, **values: Any) -> Iterator[pa.RecordBatch]:
        """The rows of `sql` in order, a batch at a time."""
        with _failure_in_words():
            yield from self.connection.sql(sql, params=values).to_arrow_reader(_ROWS_AT_ONCE)

    def file(self, rows: pa.Table) -> str:
        """A parquet file of `rows`, there as long as the connection is open."""
        with self.aside() as aside:
            for batch in rows.to_batches() or [pa.RecordBatch.from_pylist([], rows.schema)]:
                aside.put(batch)
            return aside.close()

    @contextmanager
    def aside(self) -> Iterator[Aside]:
        """A file to set rows aside in, there as long as the connection is open."""
        aside = Aside(self._folder / f"{uuid.uuid4().hex}.parquet")
        try:
            yield aside
        finally:
            aside.close()

    def copy(self, lake: Lake, path: str, sql: str, **values: Any) -> None:
        """Put the rows of `sql` at `path` as DuckDB itself writes them, with all its threads.

        For queries that keep the order of what they read, so that equal rows are equal bytes.
        """
        file = self._folder / "copy.parquet"
        target = str(file).replace("'", "''")
        self.run(f"COPY ({sql}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)", **values)
        lake.move_in(path, file)

    def write(self, lake: Lake, path: str, table: Table, batches: Iterable[pa.RecordBatch]) -> str:
        """Put the rows of `batches` at `path` as `table`; returns the hash of the file's bytes.

        Raises `TableError`, and leaves what is there, where a row breaks the table's contract.
        """
        file = self._folder / "rows.parquet"
        writer = pq.ParquetWriter(file, table.schema, **_PARQUET)
        with writer, ThreadPoolExecutor(1) as hand:
            written = hand.submit(lambda: None)
            for rows in _groups(batches, table):
                hold(table, rows)
                written.result()
                written = hand.submit(writer.write_table, rows)
            written.result()
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        lake.move_in(path, file)
        return digest


class Aside:
    """Rows set aside in a file, to be queried when they are all there."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writer: pq.ParquetWriter | None = None

    def put(self, rows: pa.RecordBatch) -> None:
        """Add rows; the first ones give the columns."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, rows.schema)
        self._writer.write_batch(rows)

    def close(self) -> str:
        """The file, complete."""
        if self._writer is not None:
            self._writer.close()
        return str(self._file)


def _groups(batches: Iterable[pa.RecordBatch], table: Table) -> Iterator[pa.Table]:
    """The rows of `batches` as `table`, in groups of one size, the last one smaller.

    Batches end where a thread happened to stop; groups do not.
    """
    rest = table.empty()
    for batch in batches:
        rows = pa.Table.from_batches([batch]).select(table.names).cast(table.schema)
        rest = pa.concat_tables([rest, rows])
        while rest.num_rows >= _ROWS_AT_ONCE:
            yield rest.slice(0, _ROWS_AT_ONCE).combine_chunks()
            rest = rest.slice(_ROWS_AT_ONCE)
    if rest.num_rows:
        yield rest.combine_chunks()


@contextmanager
def open_duck(settings: Settings) -> Iterator[Duck]:
    """A DuckDB that takes at most `duckdb_memory` and spills the rest to a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="storecast-") as folder:
        connection = _connection(folder, settings.duckdb_memory)
        try:
            yield Duck(connection, Path(folder))
        finally:
            connection.close()


def _connection(folder: str, memory: str) -> Any:
    """Raises `SettingError` where the memory is no amount."""
    try:
        return duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory,
                "temp_directory": f"{folder}/spill",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
    except duckdb.Error as error:
        raise SettingError(
            f"{PREFIX}DUCKDB_MEMORY must be an amount such as 192MB; found {memory!r}"
        ) from error


@contextmanager
def _failure_in_words() -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise LakeError(
            "DuckDB needs more memory, or more room in the temporary folder, than it may take: "
            f"{_first_line(error)}; raise {PREFIX}DUCKDB_MEMORY"
        ) from error
    except duckdb.Error as error:
        raise LakeError(
            f"DuckDB cannot read the lake: {_first_line(error)}; a damaged file is made anew by "
            "pulling its day, or building its month, again"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
