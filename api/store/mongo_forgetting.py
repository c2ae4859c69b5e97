"""Forgetting a merchant in MongoDB."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database

from api.store.mongo_documents import Document
from api.store.mongo_limits import WRITE_PATIENCE, within_limit

__all__ = ["MongoForgetting"]

_AT_ONCE = 1000


class MongoForgetting:
    """Every collection of the database; fulfils `Forgetting`."""

    def __init__(
        self, database: Database[Document], errors: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        self._database = database
        self._errors = errors

    def forget(self, merchant_id: str) -> dict[str, int]:
        with self._errors("removed"):
            return {name: self._remove(name, merchant_id) for name in self._collections()}

    def amend(self, load: int, digest: str | None, details: Mapping[str, Any]) -> None:
        changed: Document = {"details": dict(details)}
        if digest is not None:
            changed["digest"] = digest
        with self._errors("amended"):
            self._database["editions"].update_one({"_id": str(load)}, {"$set": changed})

    def traces(self, merchant_id: str) -> dict[str, int]:
        named = re.escape(json.dumps(merchant_id))
        told = {"$or": [{"merchant_id": merchant_id}, {"json": {"$regex": _FIELD + named}}]}
        with self._errors("read"):
            found = {
                name: self._database[name].count_documents(told) for name in self._collections()
            }
        return {name: count for name, count in found.items() if count}

    def scrub(self) -> None:
        """Nothing: how a server keeps its files, and for how long its log, is its own affair."""

    def _collections(self) -> list[str]:
        return sorted(self._database.list_collection_names())

    def _remove(self, name: str, merchant_id: str) -> int:
        collection, total = self._database[name], 0
        while True:
            step = collection.find({"merchant_id": merchant_id}, {"_id": 1}).limit(_AT_ONCE)
            ids = [document["_id"] for document in step]
            if not ids:
                return total
            total += _delete(collection, ids)


def _delete(collection: Collection[Document], ids: list[Any]) -> int:
    gone = within_limit(lambda: collection.delete_many({"_id": {"$in": ids}}), WRITE_PATIENCE)
    return gone.deleted_count


_FIELD = '"merchant_id": ?'
