"""Forgetting a merchant in the embedded store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from api.store.sqlite_file import SqliteFile

__all__ = ["SqliteForgetting"]

_ROWS = 5000
_CHUNK = 1 << 22


class SqliteForgetting:
    """Every table of the file that has a column `merchant_id`; fulfils `Forgetting`."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def forget(self, merchant_id: str) -> dict[str, int]:
        return {table: self._remove(table, merchant_id) for table in self._tables()}

    def amend(self, load: int, digest: str | None, details: Mapping[str, Any]) -> None:
        with self._file.transaction("amended", durable=True) as connection:
            connection.execute(
                "UPDATE editions SET details = ?, digest = coalesce(?, digest) WHERE load = ?",
                (json.dumps(dict(details)), digest, load),
            )

    def traces(self, merchant_id: str) -> dict[str, int]:
        found = {table: self._count(table, merchant_id) for table in self._tables()}
        found["file"] = sum(self._in_file(text) for text in _as_json(merchant_id))
        return {table: count for table, count in found.items() if count}

    def scrub(self) -> None:
        with self._file.errors("compacted"):
            connection = self._file.connection()
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _tables(self) -> list[str]:
        with self._file.errors("read"):
            found = self._file.connection().execute(
                "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c "
                "WHERE m.type = 'table' AND c.name = 'merchant_id' ORDER BY m.name"
            )
            return [name for (name,) in found]

    def _remove(self, table: str, merchant_id: str) -> int:
        statement = (
            f"DELETE FROM {table} WHERE rowid IN "  # noqa: S608 - a name of our own schema
            f"(SELECT rowid FROM {table} WHERE merchant_id = ? LIMIT {_ROWS})"
        )
        total = 0
        while True:
            with self._file.transaction("removed", durable=True) as connection:
                removed = connection.execute(statement, (merchant_id,)).rowcount
            total += removed
            if not removed:
                return total

    def _count(self, table: str, merchant_id: str) -> int:
        statement = f"SELECT count(*) FROM {table} WHERE merchant_id = ?"  # noqa: S608
        with self._file.errors("read"):
            (count,) = self._file.connection().execute(statement, (merchant_id,)).fetchone()
            return int(count)

    def _in_file(self, text: bytes) -> int:
        """How often the text stands in the bytes of the file and of its log, freed pages too."""
        log = self._file.path.with_name(f"{self._file.path.name}-wal")
        return sum(_occurrences(file, text) for file in (self._file.path, log) if file.exists())


def _as_json(merchant_id: str) -> Iterator[bytes]:
    """How JSON says that something is the merchant's, as both writers of the store put it."""
    quoted = json.dumps(merchant_id)
    yield f'"merchant_id":{quoted}'.encode()
    yield f'"merchant_id": {quoted}'.encode()


def _occurrences(file: Path, text: bytes) -> int:
    count, before = 0, b""
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            count += (before + chunk).count(text)
            before = chunk[-(len(text) - 1) :]
    return count
