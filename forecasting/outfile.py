"""Tables in files of people's own, CSV or parquet by their name; written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from etl.errors import InputError, TableError
from etl.tables import Table

__all__ = ["infile", "outfile"]


def infile(path: Path, table: Table) -> pa.Table:
    """The rows of the file at `path` as `table`. Raises `InputError` where they are none."""
    types = {column.name: column.type for column in table.columns}
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    try:
        if _kind(path) == ".csv":
            return table.conform(csv.read_csv(path, convert_options=options))
        return table.conform(pq.read_table(path))
    except (OSError, pa.ArrowInvalid, TableError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


@contextmanager
def outfile(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """A function that appends rows of `schema` to the file at `path`.

    The file appears when the block ends; where it ends by an error or Ctrl-C there is none, and
    what was there before stays.
    """
    kind = _kind(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _writable(path):
            writer = _writer(unfinished, kind, schema)

        def append(rows: pa.Table) -> None:
            with _writable(path):
                writer.write_table(rows)

        with writer:
            yield append
        with _writable(path):
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    """What the operating system refuses is told as the person's file that cannot be written."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def _writer(path: Path, kind: str, schema: pa.Schema) -> pq.ParquetWriter | csv.CSVWriter:
    if kind == ".csv":
        return csv.CSVWriter(path, schema)
    return pq.ParquetWriter(path, schema, compression="zstd")


def _kind(path: Path) -> str:
    kind = path.suffix.lower()
    if kind not in {".parquet", ".csv"}:
        raise InputError(f"{path} must end in .parquet or .csv, which says what is in it")
    return kind
