"""Daily forecasts in the embedded store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.store.daily import DailyDocument, DailyQuery, ListedDaily
from api.store.documents import Scope
from api.store.sqlite_file import SqliteFile
from api.store.sqlite_listing import marks

__all__ = ["SqliteDaily"]

_OF_STORE = "FROM daily WHERE merchant_id = ? AND store_id = ?"


class SqliteDaily:
    """The table `daily` of the file; fulfils `DailyShelf`."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def put(self, documents: Sequence[DailyDocument]) -> None:
        if not documents:
            return
        with self._file.transaction("written") as connection:
            connection.executemany(
                f"REPLACE INTO daily VALUES ({marks(DailyDocument._fields)})",  # noqa: S608
                documents,
            )

    def one(self, scope: Scope, store_id: str, product_id: str) -> bytes | None:
        if not scope.allows(store_id):
            return None
        rows = self._read(
            f"SELECT json {_OF_STORE} AND product_id = ?",
            (scope.merchant_id, store_id, product_id),
        )
        return rows[0][0] if rows else None

    def page(self, scope: Scope, query: DailyQuery) -> list[ListedDaily]:
        if not scope.allows(query.store_id):
            return []
        key, direction, beyond = (
            ("search", "", ">") if query.sort == "name" else ("volume", "DESC", "<")
        )
        terms: list[str] = []
        values: list[Any] = [scope.merchant_id, query.store_id]
        for column, accepted in (("product_id", query.products), ("category", query.categories)):
            if accepted:
                terms.append(f"AND {column} IN ({marks(accepted)})")
                values += accepted
        if query.text:
            terms.append("AND instr(search, ?) > 0")
            values.append(query.text)
        if query.after is not None:
            terms.append(f"AND ({key} {beyond} ? OR ({key} = ? AND product_id > ?))")
            values += [query.after[0], *query.after]
        rows = self._read(
            f"SELECT {key}, product_id, json {_OF_STORE} {' '.join(terms)} "
            f"ORDER BY {key} {direction}, product_id LIMIT ?",
            (*values, query.limit),
        )
        return [ListedDaily(*row) for row in rows]

    def sums(self, scope: Scope, store_id: str, categories: Sequence[str] = ()) -> list[bytes]:
        if not scope.allows(store_id):
            return []
        among = f" AND category IN ({marks(categories)})" if categories else ""
        values = (scope.merchant_id, store_id, *categories)
        return [row[0] for row in self._read(f"SELECT sums {_OF_STORE}{among}", values)]

    def stamps(self, merchant_id: str, store_id: str) -> dict[str, str]:
        return dict(self._read(f"SELECT product_id, stamp {_OF_STORE}", (merchant_id, store_id)))

    def remove_others(self, merchant_id: str, store_id: str, stamp: str) -> int:
        with self._file.transaction("removed") as connection:
            cursor = connection.execute(
                f"DELETE {_OF_STORE} AND stamp <> ?",
                (merchant_id, store_id, stamp),
            )
            return cursor.rowcount

    def _read(self, statement: str, values: Sequence[Any]) -> list[Any]:
        with self._file.errors("read"):
            return self._file.connection().execute(statement, values).fetchall()
