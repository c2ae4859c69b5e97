"""The lake: files under one URL, a local folder or a container on Azure Blob Storage.

Paths inside the lake are relative, with `/`, as in ``monthly_sales/month=2026-10/part.parquet``.
A write is atomic in both homes: a reader sees the old file or the new one. What consists of several
files is made visible by its manifest, which is written last and names them.

>>> import tempfile
>>> lake = Lake(tempfile.mkdtemp())
>>> lake.write_json("runs/2026-10.1/manifest.json", {"series": 3})
>>> lake.read_json("runs/2026-10.1/manifest.json")
{'series': 3}
>>> lake.paths("runs")
['runs/2026-10.1/manifest.json']
"""

from __future__ import annotations

import io
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from etl.errors import LakeError, SettingError
from etl.tables import Table

__all__ = ["Lake"]

_UNFINISHED = ".tmp"


class Lake:
    """Files under `url`, a folder or ``az://container/path``."""

    def __init__(self, url: str | Path) -> None:
        self.url = str(url)
        scheme, separator, _ = self.url.partition("://")
        if separator and scheme != "az":
            raise SettingError(
                f"STORECAST_LAKE_URL must be a folder or az://container/path; found {self.url!r}"
            )
        if separator:
            raise SettingError("an az:// lake cannot be read yet; give a folder")
        self._folder = Path(self.url)

    def uri(self, path: str) -> str:
        """Where `path` is, in the form that pyarrow and DuckDB read."""
        return str(self._local(path))

    def exists(self, path: str) -> bool:
        """Whether there is a file at `path`."""
        return self._local(path).is_file()

    def paths(self, prefix: str, suffix: str = "") -> list[str]:
        """Paths of the files below the folder `prefix` that end in `suffix`, sorted."""
        top = self._local(prefix)
        root = self._local("")
        found = (
            os.path.join(folder, name)
            for folder, _, names in os.walk(top)
            for name in names
            if name.endswith(suffix) and not name.endswith(_UNFINISHED)
        )
        return sorted(PurePosixPath(os.path.relpath(path, root)).as_posix() for path in found)

    def read_bytes(self, path: str) -> bytes:
        """The bytes of the file at `path`. Raises `LakeError` where there is none."""
        try:
            return self._local(path).read_bytes()
        except OSError as error:
            raise LakeError(f"{self.url}/{path} cannot be read: {error.strerror}") from error

    def write_bytes(self, path: str, content: bytes) -> None:
        """Put `content` at `path`, whole or not at all."""
        target = self._local(path)
        unfinished = target.with_name(f"{target.name}.{uuid.uuid4().hex}{_UNFINISHED}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(content)
            unfinished.replace(target)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise LakeError(f"{self.url}/{path} cannot be written: {error.strerror}") from error

    def move_in(self, path: str, file: Path) -> None:
        """Put the local `file` at `path`, whole or not at all; the file is gone afterwards."""
        target = self._local(path)
        unfinished = target.with_name(f"{target.name}.{uuid.uuid4().hex}{_UNFINISHED}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(file, unfinished)
            unfinished.replace(target)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise LakeError(f"{self.url}/{path} cannot be written: {error.strerror}") from error

    @contextmanager
    def local_files(self, paths: Sequence[str]) -> Iterator[list[str]]:
        """The files at `paths` as local ones, in the same order, for engines that read files."""
        yield [self.uri(path) for path in paths]

    def delete(self, path: str) -> None:
        """Remove the file at `path`; nothing happens where there is none."""
        self._local(path).unlink(missing_ok=True)

    def read_json(self, path: str) -> Any:
        """The JSON document at `path`."""
        try:
            return json.loads(self.read_bytes(path))
        except ValueError as error:
            raise LakeError(f"{self.url}/{path} is not JSON: {error}") from error

    def write_json(self, path: str, document: Any) -> None:
        """Put `document` at `path` as JSON, keys sorted, so that equal content is equal bytes."""
        text = json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False)
        self.write_bytes(path, text.encode() + b"\n")

    def read_table(self, path: str, columns: list[str] | None = None) -> pa.Table:
        """The parquet file at `path`, whole or only `columns`."""
        try:
            return pq.read_table(io.BytesIO(self.read_bytes(path)), columns=columns)
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            raise LakeError(f"{self.url}/{path} is not readable parquet: {error}") from error

    def write_table(self, path: str, rows: pd.DataFrame | pa.Table, table: Table) -> None:
        """Put `rows`, conformed to `table`, at `path` as parquet; equal rows are equal bytes."""
        sink = io.BytesIO()
        pq.write_table(table.conform(rows), sink, compression="zstd")
        self.write_bytes(path, sink.getvalue())

    def _local(self, path: str) -> Path:
        parts = PurePosixPath(path).parts
        if path.startswith("/") or ".." in parts:
            raise LakeError(f"a path of the lake is relative and stays below it; found {path!r}")
        return self._folder.joinpath(*parts)
