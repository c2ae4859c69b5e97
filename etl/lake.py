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

import importlib
import io
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from etl.errors import LakeError, SettingError
from etl.tables import Table

__all__ = ["Home", "Lake"]

_UNFINISHED = ".tmp"
_DOWNLOADS = 8


class Home(Protocol):
    """Where the files of a lake live; paths are relative and were checked. Raises `LakeError`."""

    def exists(self, path: str) -> bool:
        """Whether there is a file at `path`."""

    def names(self, prefix: str) -> Iterator[str]:
        """Paths of the files below the folder `prefix`, in any order."""

    def versions(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Those paths, each with a text that changes when the file is replaced."""

    def folders(self, prefix: str) -> Iterator[str]:
        """Names of the folders directly below the folder `prefix`, in any order."""

    def read(self, path: str) -> bytes:
        """The bytes of the file at `path`."""

    def write(self, path: str, content: bytes) -> None:
        """Put `content` at `path`, whole or not at all."""

    def move_in(self, path: str, file: Path) -> None:
        """Put the local `file` at `path`, whole or not at all; the file is gone afterwards."""

    def delete(self, path: str) -> None:
        """Remove the file at `path`; nothing happens where there is none."""

    def delete_folder(self, prefix: str) -> int:
        """Remove the files below the folder `prefix`, and the folder; how many files there were."""

    def delete_unfinished(self, before: float) -> int:
        """Remove what writers that were killed left behind, if older than that instant."""

    def local(self, path: str) -> Path | None:
        """The file at `path` on this machine; None where it lives elsewhere."""


class Lake:
    """Files under `url`, a folder or ``az://container/path``."""

    def __init__(self, url: str | Path) -> None:
        self.url = str(url)
        self._home = _home(self.url)

    def __reduce__(self) -> tuple[type[Lake], tuple[str]]:
        """Another process opens the lake anew: connections do not travel."""
        return Lake, (self.url,)

    def uri(self, path: str) -> str:
        """Where `path` is on this machine, as pyarrow and DuckDB read it.

        Raises `LakeError` where the lake is elsewhere; `local_files` serves both.
        """
        local = self._home.local(_checked(path))
        if local is None:
            raise LakeError(f"{self.url}/{path} is not on this machine; read it with local_files")
        return str(local)

    def exists(self, path: str) -> bool:
        """Whether there is a file at `path`."""
        return self._home.exists(_checked(path))

    def paths(self, prefix: str, suffix: str = "") -> list[str]:
        """Paths of the files below the folder `prefix` that end in `suffix`, sorted."""
        return sorted(name for name in self._home.names(_checked(prefix)) if name.endswith(suffix))

    def versions(self, prefix: str, suffix: str = "") -> dict[str, str]:
        """The same paths, each with a text that changes when its file is replaced."""
        found = self._home.versions(_checked(prefix))
        return dict(sorted(one for one in found if one[0].endswith(suffix)))

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders directly below the folder `prefix`, sorted; not what is in them."""
        return sorted(self._home.folders(_checked(prefix)))

    def read_bytes(self, path: str) -> bytes:
        """The bytes of the file at `path`. Raises `LakeError` where there is none."""
        return self._home.read(_checked(path))

    def write_bytes(self, path: str, content: bytes) -> None:
        """Put `content` at `path`, whole or not at all."""
        self._home.write(_checked(path), content)

    def move_in(self, path: str, file: Path) -> None:
        """Put the local `file` at `path`, whole or not at all; the file is gone afterwards."""
        self._home.move_in(_checked(path), file)

    @contextmanager
    def local_files(self, paths: Sequence[str]) -> Iterator[list[str]]:
        """The files at `paths` as local ones, in the same order, for engines that read files.

        Where the lake is elsewhere they are fetched, and gone when the `with` block ends.
        """
        local = [self._home.local(_checked(path)) for path in paths]
        if None not in local:
            yield [str(file) for file in local]
            return
        with tempfile.TemporaryDirectory(prefix="storecast-") as folder:
            with ThreadPoolExecutor(_DOWNLOADS) as downloads:
                files = downloads.map(lambda one: self._fetch(Path(folder), *one), enumerate(paths))
                fetched = list(files)
            yield fetched

    def delete(self, path: str) -> None:
        """Remove the file at `path`; nothing happens where there is none."""
        self._home.delete(_checked(path))

    def delete_folder(self, prefix: str) -> int:
        """Remove everything below the folder `prefix`, and its name; how many files there were."""
        if not _checked(prefix):
            raise LakeError("a lake is not removed whole; name a folder of it")
        return self._home.delete_folder(_checked(prefix))

    def delete_unfinished(self, before: datetime) -> int:
        """Remove what writers that were killed before then left behind; how many files."""
        return self._home.delete_unfinished(before.timestamp())

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

    def _fetch(self, folder: Path, number: int, path: str) -> str:
        file = folder / f"{number}-{PurePosixPath(path).name}"
        file.write_bytes(self.read_bytes(path))
        return str(file)


def _home(url: str) -> Home:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _Folder(Path(url))
    if scheme != "az" or not rest:
        raise SettingError(
            f"STORECAST_LAKE_URL must be a folder or az://container/path; found {url!r}"
        )
    # Imported where it is used: the SDK takes a second, and most lakes are folders.
    return cast("Home", importlib.import_module("etl.blobs").open_container(url))


def _checked(path: str) -> str:
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts:
        raise LakeError(f"a path of the lake is relative and stays below it; found {path!r}")
    return "/".join(parts)


def _older(file: Path, before: float) -> bool:
    try:
        return file.stat().st_mtime < before
    except FileNotFoundError:
        return False


class _Folder:
    """A lake in a folder; a file is written beside its place and moved there."""

    def __init__(self, top: Path) -> None:
        self._top = top

    def exists(self, path: str) -> bool:
        return self.local(path).is_file()

    def names(self, prefix: str) -> Iterator[str]:
        for folder, _, names in os.walk(self.local(prefix)):
            inside = Path(os.path.relpath(folder, self._top)).as_posix()
            for name in names:
                if not name.endswith(_UNFINISHED):
                    yield name if inside == "." else f"{inside}/{name}"

    def versions(self, prefix: str) -> Iterator[tuple[str, str]]:
        for path in self.names(prefix):
            found = self.local(path).stat()
            yield path, f"{found.st_ino}-{found.st_mtime_ns}"

    def folders(self, prefix: str) -> Iterator[str]:
        top = self.local(prefix)
        if top.is_dir():
            with os.scandir(top) as entries:
                yield from (entry.name for entry in entries if entry.is_dir())

    def read(self, path: str) -> bytes:
        try:
            return self.local(path).read_bytes()
        except OSError as error:
            raise LakeError(f"{self._top}/{path} cannot be read: {error.strerror}") from error

    def write(self, path: str, content: bytes) -> None:
        with self._in_place_of(path) as unfinished:
            unfinished.write_bytes(content)

    def move_in(self, path: str, file: Path) -> None:
        with self._in_place_of(path) as unfinished:
            shutil.move(file, unfinished)

    def delete(self, path: str) -> None:
        self.local(path).unlink(missing_ok=True)

    def delete_folder(self, prefix: str) -> int:
        found = len(list(self.names(prefix)))
        try:
            shutil.rmtree(self.local(prefix))
        except FileNotFoundError:
            return found
        except OSError as error:
            raise LakeError(f"{self._top}/{prefix} cannot be removed: {error.strerror}") from error
        return found

    def delete_unfinished(self, before: float) -> int:
        left = [file for file in self._top.rglob(f"*{_UNFINISHED}") if _older(file, before)]
        for file in left:
            file.unlink(missing_ok=True)
        return len(left)

    def local(self, path: str) -> Path:
        return self._top / path

    @contextmanager
    def _in_place_of(self, path: str) -> Iterator[Path]:
        """A file to be filled, which then takes the place of `path` at once."""
        target = self.local(path)
        unfinished = target.with_name(f"{target.name}.{uuid.uuid4().hex}{_UNFINISHED}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            yield unfinished
            unfinished.replace(target)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise LakeError(f"{self._top}/{path} cannot be written: {error.strerror}") from error
