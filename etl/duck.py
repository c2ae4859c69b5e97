"""DuckDB with bounded memory, and its answers as parquet of a table's exact shape.

Rows are written in the order of the query, in groups of a fixed size, so that equal rows are equal
bytes whatever the number of threads.
"""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from etl.contracts import hold
from etl.lake import Lake
from etl.settings import Settings
from etl.tables import Table

__all__ = ["Duck", "open_duck"]

_ROWS_AT_ONCE = 122_880


class Duck:
    """One in-memory DuckDB and a folder for what it spills and writes."""

    def __init__(self, connection: Any, folder: Path) -> None:
        self.connection = connection
        self._folder = folder

    def run(self, sql: str, **values: Any) -> list[Any]:
        """Execute `sql` with `$name` parameters; all its rows, so for few ones."""
        rows: list[Any] = self.connection.execute(sql, values or None).fetchall()
        return rows

    def view(self, name: str, rows: pa.Table) -> None:
        """Let queries read `rows` as `name`."""
        self.connection.register(name, rows)

    def batches(self, sql: str, **values: Any) -> Iterator[pa.RecordBatch]:
        """The rows of `sql` in order, a batch at a time."""
        yield from self.connection.sql(sql, params=values).to_arrow_reader(_ROWS_AT_ONCE)

    def file(self, rows: pa.Table) -> str:
        """A parquet file of `rows`, there as long as the connection is open."""
        file = self._folder / f"{uuid.uuid4().hex}.parquet"
        pq.write_table(rows, file)
        return str(file)

    def write(self, lake: Lake, path: str, table: Table, *queries: str, **values: Any) -> str:
        """Put the rows of the queries, one after the other, at `path` as `table`.

        Returns the hash of the file's bytes.
        Raises `TableError`, and leaves what is there, where a row breaks the table's contract.
        """
        file = self._folder / "rows.parquet"
        with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
            for batch in chain.from_iterable(self.batches(sql, **values) for sql in queries):
                rows = pa.Table.from_batches([batch]).select(table.names)
                hold(table, rows)
                writer.write_table(rows.cast(table.schema))
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        lake.move_in(path, file)
        return digest


@contextmanager
def open_duck(settings: Settings) -> Iterator[Duck]:
    """A DuckDB that takes at most `duckdb_memory` and spills the rest to a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="storecast-") as folder:
        connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": settings.duckdb_memory,
                "temp_directory": f"{folder}/spill",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        try:
            yield Duck(connection, Path(folder))
        finally:
            connection.close()
