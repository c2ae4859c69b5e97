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
from api.store.refreshes import ACTIVE, AskedTooOftenError, Lease, Limit, RefreshRow, row_from

__all__ = ["MongoRefreshes"]


class MongoRefreshes:
    """The collections `refreshes`, `leases` and `asked`; fulfils `RefreshQueue`.

    `asked` has a document a merchant and limit: when the last so many refreshes were asked for.
    """

    def __init__(
        self,
        refreshes: Collection[Document],
        leases: Collection[Document],
        asked: Collection[Document],
        errors: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._refreshes = refreshes
        self._leases = leases
        self._asked = asked
        self._errors = errors

    def add(self, refresh: RefreshRow, limit: Limit | None = None) -> bool:
        active = refresh.active and refresh.parts is None
        kept = {**asdict(refresh), "_id": id_of(refresh.id), "active": active}
        if limit is not None:
            if self.get(refresh.id) is not None:
                return False
            self._count(refresh, limit)
        with self._errors("written"):
            try:
                within_limit(lambda: self._refreshes.insert_one(kept))
            except DuplicateKeyError:
                if limit is not None:
                    self._uncount(refresh, limit)
                return False
            return True

    def _count(self, refresh: RefreshRow, limit: Limit) -> None:
        """Note that it was asked for, where the limit has room: the oldest noted is before it."""
        if limit.most < 1:
            raise AskedTooOftenError
        name = _limit_name(refresh, limit)
        room: Document = {
            "_id": name,
            "$or": [{f"times.{limit.most - 1}": None}, {"times.0": {"$lt": limit.since}}],
        }
        times = {"$each": [refresh.requested_at], "$slice": -limit.most}
        first = {"_id": name, "merchant_id": refresh.merchant_id, "times": [refresh.requested_at]}
        with self._errors("written"):
            for _ in range(2):
                done = within_limit(
                    lambda: self._asked.update_one(room, {"$push": {"times": times}})
                )
                if done.matched_count:
                    return
                try:
                    within_limit(lambda: self._asked.insert_one(first))
                    return
                except DuplicateKeyError:
                    continue  # full, or made by another process just now: look once more
        raise AskedTooOftenError

    def _uncount(self, refresh: RefreshRow, limit: Limit) -> None:
        """Take the note back: another process kept the same refresh first."""
        name = _limit_name(refresh, limit)
        taken = {"$pull": {"times": refresh.requested_at}}
        within_limit(lambda: self._asked.update_one({"_id": name}, taken))

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


def _limit_name(refresh: RefreshRow, limit: Limit) -> str:
    """A changed limit counts anew."""
    return id_of(refresh.merchant_id, str(limit.most))
