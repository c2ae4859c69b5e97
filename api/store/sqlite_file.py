"""One SQLite file as threads share it: a connection each, transactions, and errors that say what.

Readers and one writer at a time share the file through its write-ahead log.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from etl.errors import StoreError

__all__ = ["SqliteFile"]

_PAGE_BYTES = 16384
"""A forecast takes some 2.5 kB: of the usual 4 kB pages nearly half would stay empty."""

_CHECKPOINT_PAGES = 4096
"""Pages (64 MB) that the log may grow to before it is put into the file.

After every transaction of a load, as by default, each page of an index is written again and again.
"""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS editions (
    load INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, digest TEXT NOT NULL,
    details TEXT NOT NULL DEFAULT '{}', touched_at TEXT NOT NULL, published_at TEXT,
    before INTEGER);
CREATE TABLE IF NOT EXISTS pointer (one INTEGER PRIMARY KEY CHECK (one = 1), load INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS stores (
    load INTEGER, merchant_id TEXT, store_id TEXT, region TEXT, json BLOB,
    UNIQUE (load, merchant_id, store_id));
CREATE TABLE IF NOT EXISTS forecasts (
    load INTEGER, merchant_id TEXT, store_id TEXT, product_id TEXT, category TEXT, confidence TEXT,
    volume REAL, growth REAL, decline REAL, risk REAL, attention REAL, search TEXT, line BLOB,
    etag TEXT, json BLOB, UNIQUE (load, merchant_id, store_id, product_id));
CREATE INDEX IF NOT EXISTS listing ON forecasts (
    load, merchant_id, store_id, volume DESC, product_id, category, confidence, growth, decline,
    risk, attention, search);
CREATE TABLE IF NOT EXISTS summaries (
    load INTEGER, kind TEXT, merchant_id TEXT, store_id TEXT, category TEXT, etag TEXT, json BLOB,
    UNIQUE (load, kind, merchant_id, store_id, category));
CREATE TABLE IF NOT EXISTS records (
    kind TEXT, key TEXT, merchant_id TEXT, store_id TEXT, product_id TEXT, json TEXT,
    UNIQUE (kind, key));
CREATE INDEX IF NOT EXISTS records_owner ON records (
    kind, merchant_id, store_id, product_id, key);
CREATE TABLE IF NOT EXISTS daily (
    merchant_id TEXT, store_id TEXT, product_id TEXT, category TEXT, volume REAL, search TEXT,
    stamp TEXT, sums BLOB, json BLOB, UNIQUE (merchant_id, store_id, product_id));
CREATE TABLE IF NOT EXISTS refreshes (
    id TEXT PRIMARY KEY, merchant_id TEXT, store_id TEXT, active INTEGER, asked INTEGER,
    requested_at TEXT, json TEXT);
CREATE INDEX IF NOT EXISTS refreshes_of_store ON refreshes (
    merchant_id, store_id, requested_at);
CREATE INDEX IF NOT EXISTS refreshes_active ON refreshes (requested_at) WHERE active = 1;
CREATE TABLE IF NOT EXISTS leases (
    merchant_id TEXT, store_id TEXT, holder TEXT, until REAL, taken_at REAL,
    UNIQUE (merchant_id, store_id));
"""


class SqliteFile:
    """The tables of a forecast store in the file at `path`, which is made where it is missing."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        with self.errors("opened"):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"{self.path} cannot be made: {error.strerror}") from error
            self.connection().executescript(_SCHEMA)

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
            self._local = threading.local()

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, opened at its first use."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self.path, isolation_level=None, timeout=30, check_same_thread=False
            )
            connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            connection.execute("PRAGMA cache_size = -32000")
            connection.execute("PRAGMA mmap_size = 17179869184")
            self._local.connection = connection
            with self._lock:
                self._opened.append(connection)
        return connection

    def put_log_away(self) -> None:
        """Put the write-ahead log into the file, as far as readers let it: they read it quicker."""
        with self.errors("written"):
            self.connection().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def errors(self, what: str) -> _Errors:
        """A block in which what SQLite raises becomes a `StoreError` that says what failed."""
        return _Errors(self.path, what)

    @contextmanager
    def transaction(self, what: str, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction; a durable one has reached the disk when it ends."""
        with self.errors(what):
            connection = self.connection()
            if durable:
                connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            finally:
                connection.execute("PRAGMA synchronous = NORMAL")


class _Errors:
    """Turns what SQLite raises inside into a `StoreError` that says what could not be done.

    A class, because a read spends a tenth of its time in a generator's context manager.
    """

    __slots__ = ("_path", "_what")

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise StoreError(
                f"{self._path} cannot be {self._what}: {error}; see that the file is there, "
                "writable and on a disk with room"
            ) from error
