"""Refreshes and leases in the embedded store.

A refresh is kept as JSON beside the few columns that it is looked up by. Every change is one
transaction, so that of several processes each sees the other's or goes first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from api.store.refreshes import ACTIVE, AskedTooOftenError, Lease, Limit, RefreshRow, row_from
from api.store.sqlite_file import SqliteFile
from api.store.sqlite_listing import marks

__all__ = ["SqliteRefreshes"]


class SqliteRefreshes:
    """The tables `refreshes` and `leases` of the file; fulfils `RefreshQueue`."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def add(self, refresh: RefreshRow, limit: Limit | None = None) -> bool:
        with self._file.transaction("written") as connection:
            if limit is not None and self._is_beyond(refresh, limit):
                raise AskedTooOftenError
            cursor = connection.execute(
                "INSERT OR IGNORE INTO refreshes VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    refresh.id,
                    refresh.merchant_id,
                    refresh.store_id,
                    _worked_on(refresh),
                    refresh.asked,
                    refresh.requested_at,
                    json.dumps(asdict(refresh)),
                ),
            )
            return cursor.rowcount == 1

    def get(self, refresh_id: str) -> RefreshRow | None:
        found = self._rows("WHERE id = ?", (refresh_id,))
        return found[0] if found else None

    def latest(self, merchant_id: str, store_id: str, limit: int = 20) -> list[RefreshRow]:
        return self._rows(
            "WHERE merchant_id = ? AND store_id = ? ORDER BY requested_at DESC, id DESC LIMIT ?",
            (merchant_id, store_id, limit),
        )

    def active(self) -> list[RefreshRow]:
        return self._rows("WHERE active = 1 ORDER BY requested_at, id")

    def asked_since(self, merchant_id: str, since: str) -> list[str]:
        with self._file.errors("read"):
            rows = self._file.connection().execute(
                "SELECT requested_at FROM refreshes "
                "WHERE merchant_id = ? AND asked = 1 AND requested_at >= ? ORDER BY requested_at",
                (merchant_id, since),
            )
            return [row[0] for row in rows]

    def change(self, refresh_id: str, changes: dict[str, Any], holder: str | None = None) -> bool:
        with self._file.transaction("written") as connection:
            row = connection.execute(
                "SELECT json FROM refreshes WHERE id = ?", (refresh_id,)
            ).fetchone()
            if row is None:
                return False
            document = {**json.loads(row[0]), **changes}
            refresh = row_from(document)
            if holder is not None and json.loads(row[0])["holder"] != holder:
                return False
            connection.execute(
                "UPDATE refreshes SET active = ?, json = ? WHERE id = ?",
                (_worked_on(refresh), json.dumps(asdict(refresh)), refresh_id),
            )
            return True

    def remove_asked_before(self, requested_at: str) -> int:
        with self._file.transaction("removed") as connection:
            cursor = connection.execute(
                "DELETE FROM refreshes WHERE active = 0 AND requested_at < ?", (requested_at,)
            )
            return cursor.rowcount

    def take_lease(
        self, merchant_id: str, store_id: str, holder: str, now: float, until: float
    ) -> bool:
        with self._file.transaction("written") as connection:
            cursor = connection.execute(
                "INSERT INTO leases VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (merchant_id, store_id) DO UPDATE SET "
                "taken_at = CASE WHEN holder = excluded.holder AND until > ? THEN taken_at "
                "ELSE excluded.taken_at END, holder = excluded.holder, until = excluded.until "
                "WHERE holder = excluded.holder OR until <= ?",
                (merchant_id, store_id, holder, until, now, now, now),
            )
            return cursor.rowcount == 1

    def end_lease(self, merchant_id: str, store_id: str, holder: str, now: float) -> None:
        with self._file.transaction("written") as connection:
            connection.execute(
                "UPDATE leases SET until = ? "
                "WHERE merchant_id = ? AND store_id = ? AND holder = ? AND until > ?",
                (now, merchant_id, store_id, holder, now),
            )

    def leases(self, merchants: Sequence[str]) -> list[Lease]:
        with self._file.errors("read"):
            rows = self._file.connection().execute(
                f"SELECT * FROM leases WHERE merchant_id IN ({marks(merchants)})",  # noqa: S608
                tuple(merchants),
            )
            return [Lease(*row) for row in rows]

    def _is_beyond(self, refresh: RefreshRow, limit: Limit) -> bool:
        """Whether the limit has no room for a new refresh; one that is kept needs none."""
        if self.get(refresh.id) is not None:
            return False
        return len(self.asked_since(refresh.merchant_id, limit.since)) >= limit.most

    def _rows(self, terms: str, values: Sequence[Any] = ()) -> list[RefreshRow]:
        with self._file.errors("read"):
            rows = self._file.connection().execute(f"SELECT json FROM refreshes {terms}", values)  # noqa: S608
            return [row_from(json.loads(row[0])) for row in rows]


def _worked_on(refresh: RefreshRow) -> int:
    """Whether a worker is to take it: one that stands for several is not worked on itself."""
    return int(refresh.state in ACTIVE and refresh.parts is None)
