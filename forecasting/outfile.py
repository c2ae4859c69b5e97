"""A table written for a person, CSV or parquet by its name, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from etl.errors import InputError

__all__ = ["outfile"]


@contextmanager
def outfile(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """A function that appends rows of `schema` to the file at `path`.

    The file appears when the block ends; where it ends by an error or Ctrl-C there is none, and
    what was there before stays.
    """
    kind = path.suffix.lower()
    if kind not in {".parquet", ".csv"}:
        raise InputError(f"{path} must end in .parquet or .csv, which says how to write it")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _writer(unfinished, kind, schema) as writer:
            yield writer.write_table
        unfinished.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _writer(path: Path, kind: str, schema: pa.Schema) -> pq.ParquetWriter | csv.CSVWriter:
    if kind == ".csv":
        return csv.CSVWriter(path, schema)
    return pq.ParquetWriter(path, schema, compression="zstd")
