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
from api.store.mongo_limits import within_limit
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
        kept = {**asdict(refresh), "_id": id_of(refresh.id), "active": active}
        with self._errors("written"):
            try:
                within_limit(lambda: self._refreshes.insert_one(kept))
            except DuplicateKeyError:
                return False
            return True

    def get(self, refresh_id: str) -> RefreshRow | None:
        with self._errors("read"):
            found = within_limit(lambda: self._refreshes.find_one({"_id": id_of(refresh_id)}))
            return row_from(found) if found else None

    def latest(self, merchant_id: str, store_id: str, limit: int = 20) -> list[RefreshRow]:
        wanted = {"merchant_id": merchant_id, "store_id": store_id}
        return self._rows(wanted, DESCENDING, limit)

    def active(self) -> list[RefreshRow]:
        return self._rows({"active": True}, ASCENDING)

    def asked_since(self, merchant_id: str, since: str) -> list[str]:
        wanted = {"merchant_id": merchant_id, "asked": 1, "requested_at": {"$gte": since}}
        with self._errors("read"):
            found = within_limit(lambda: list(self._refreshes.find(wanted, {"requested_at": 1})))
            return sorted(document["requested_at"] for document in found)

    def change(self, refresh_id: str, changes: dict[str, Any], holder: str | None = None) -> bool:
        wanted: Document = {"_id": id_of(refresh_id)}
        if holder is not None:
            wanted["holder"] = holder
        new = dict(changes)
        if "state" in new:
            new["active"] = new["state"] in ACTIVE
        with self._errors("written"):
            done = within_limit(lambda: self._refreshes.update_one(wanted, {"$set": new}))
            return done.matched_count == 1

    def remove_asked_before(self, requested_at: str) -> int:
        wanted = {"active": False, "requested_at": {"$lt": requested_at}}
        with self._errors("removed"):
            return within_limit(lambda: self._refreshes.delete_many(wanted)).deleted_count

    def take_lease(
        self, merchant_id: str, store_id: str, holder: str, now: float, until: float
    ) -> bool:
        name = id_of(merchant_id, store_id)
        lease = Lease(merchant_id, store_id, holder, until, now)._asdict()
        own: Document = {"_id": name, "holder": holder, "until": {"$gt": now}}
        free: Document = {"_id": name, "$or": [{"until": {"$lte": now}}, {"holder": holder}]}
        with self._errors("written"):
            if self._set_lease(own, {"until": until}) or self._set_lease(free, lease):
                return True
            try:
                within_limit(lambda: self._leases.insert_one({"_id": name, **lease}))
            except DuplicateKeyError:
                return False
            return True

    def end_lease(self, merchant_id: str, store_id: str, holder: str, now: float) -> None:
        with self._errors("written"):
            name = id_of(merchant_id, store_id)
            self._set_lease({"_id": name, "holder": holder, "until": {"$gt": now}}, {"until": now})

    def leases(self, merchants: Sequence[str]) -> list[Lease]:
        with self._errors("read"):
            wanted = {"merchant_id": {"$in": list(merchants)}}
            found = within_limit(lambda: list(self._leases.find(wanted)))
            return [Lease(*(document[name] for name in Lease._fields)) for document in found]

    def _set_lease(self, wanted: Document, new: Document) -> bool:
        """Change the lease where it is as wanted; whether it was."""
        found = within_limit(lambda: self._leases.update_one(wanted, {"$set": new}))
        return found.matched_count == 1

    def _rows(self, wanted: Document, direction: int, limit: int = 0) -> list[RefreshRow]:
        """Refreshes in the order in which they were asked for; 0 for all of them."""
        order = [("requested_at", direction), ("_id", direction)]
        with self._errors("read"):
            found = within_limit(
                lambda: list(self._refreshes.find(wanted).sort(order).limit(limit))
            )
            return [row_from(document) for document in found]
