"""Refreshes and leases in MongoDB: each is one document, changed by one conditional update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from api.store.mongo_documents import Document, id_of
from api.store.refreshes import ACTIVE, Lease, RefreshRow, row_from

__all__ = ["MongoRefreshes"]


class MongoRefreshes:
    """The collections `refreshes` and `leases`; fulfils `RefreshQueue`."""

    def __init__(
        self,
        refreshes: Collection[Document],
        leases: Collection[Document],
        errors: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._refreshes = refreshes
        self._leases = leases
        self._errors = errors

    def add(self, refresh: RefreshRow) -> bool:
        active = refresh.active and refresh.parts is None
        with self._errors("written"):
            try:
                self._refreshes.insert_one(
                    {**asdict(refresh), "_id": id_of(refresh.id), "active": active}
                )
            except DuplicateKeyError:
                return False
            return True

    def get(self, refresh_id: str) -> RefreshRow | None:
        with self._errors("read"):
            found = self._refreshes.find_one({"_id": id_of(refresh_id)})
            return row_from(found) if found else None

    def latest(self, merchant_id: str, store_id: str, limit: int = 20) -> list[RefreshRow]:
        with self._errors("read"):
            found = (
                self._refreshes.find({"merchant_id": merchant_id, "store_id": store_id})
                .sort([("requested_at", DESCENDING), ("_id", DESCENDING)])
                .limit(limit)
            )
            return [row_from(document) for document in found]

    def active(self) -> list[RefreshRow]:
        with self._errors("read"):
            found = self._refreshes.find({"active": True}).sort(
                [("requested_at", ASCENDING), ("_id", ASCENDING)]
            )
            return [row_from(document) for document in found]

    def asked_since(self, merchant_id: str, since: str) -> list[str]:
        wanted = {"merchant_id": merchant_id, "asked": 1, "requested_at": {"$gte": since}}
        with self._errors("read"):
            found = self._refreshes.find(wanted, {"requested_at": 1})
            return sorted(document["requested_at"] for document in found)

    def change(self, refresh_id: str, changes: dict[str, Any], holder: str | None = None) -> bool:
        wanted: Document = {"_id": id_of(refresh_id)}
        if holder is not None:
            wanted["holder"] = holder
        new = dict(changes)
        if "state" in new:
            new["active"] = new["state"] in ACTIVE
        with self._errors("written"):
            return self._refreshes.update_one(wanted, {"$set": new}).matched_count == 1

    def remove_asked_before(self, requested_at: str) -> int:
        wanted = {"active": False, "requested_at": {"$lt": requested_at}}
        with self._errors("removed"):
            return self._refreshes.delete_many(wanted).deleted_count

    def take_lease(
        self, merchant_id: str, store_id: str, holder: str, now: float, until: float
    ) -> bool:
        name = id_of(merchant_id, store_id)
        with self._errors("written"):
            renewed = self._leases.update_one(
                {"_id": name, "holder": holder, "until": {"$gt": now}}, {"$set": {"until": until}}
            )
            if renewed.matched_count:
                return True
            lease = Lease(merchant_id, store_id, holder, until, now)._asdict()
            taken = self._leases.update_one(
                {"_id": name, "$or": [{"until": {"$lte": now}}, {"holder": holder}]},
                {"$set": lease},
            )
            if taken.matched_count:
                return True
            try:
                self._leases.insert_one({"_id": name, **lease})
            except DuplicateKeyError:
                return False
            return True

    def end_lease(self, merchant_id: str, store_id: str, holder: str, now: float) -> None:
        with self._errors("written"):
            self._leases.update_one(
                {"_id": id_of(merchant_id, store_id), "holder": holder, "until": {"$gt": now}},
                {"$set": {"until": now}},
            )

    def leases(self, merchants: Sequence[str]) -> list[Lease]:
        with self._errors("read"):
            found = self._leases.find({"merchant_id": {"$in": list(merchants)}})
            return [Lease(*(document[name] for name in Lease._fields)) for document in found]
