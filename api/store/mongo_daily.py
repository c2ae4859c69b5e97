"""Daily forecasts in MongoDB."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection

from api.store.daily import DailyDocument, DailyQuery, ListedDaily
from api.store.documents import Scope
from api.store.mongo_documents import Document, id_of
from api.store.mongo_limits import replace_all, within_limit

__all__ = ["MongoDaily"]


class MongoDaily:
    """The collection `daily`; fulfils `DailyShelf`."""

    def __init__(
        self,
        daily: Collection[Document],
        errors: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._daily = daily
        self._errors = errors

    def put(self, documents: Sequence[DailyDocument]) -> None:
        if not documents:
            return
        kept = [_kept(document) for document in documents]
        with self._errors("written"):
            replace_all(self._daily, kept)

    def one(self, scope: Scope, store_id: str, product_id: str) -> bytes | None:
        if not scope.allows(store_id):
            return None
        with self._errors("read"):
            name = id_of(scope.merchant_id, store_id, product_id)
            found = within_limit(lambda: self._daily.find_one({"_id": name}, {"json": 1}))
            return found["json"].encode() if found else None

    def page(self, scope: Scope, query: DailyQuery) -> list[ListedDaily]:
        if not scope.allows(query.store_id):
            return []
        by_name = query.sort == "name"
        key, direction = ("search", ASCENDING) if by_name else ("volume", DESCENDING)
        terms: list[Document] = [_of_store(scope.merchant_id, query.store_id)]
        for column, accepted in (("product_id", query.products), ("category", query.categories)):
            if accepted:
                terms.append({column: {"$in": list(accepted)}})
        if query.text:
            terms.append({"search": {"$regex": re.escape(query.text)}})
        if query.after is not None:
            value, product_id = query.after
            beyond: Document = {key: {"$gt" if by_name else "$lt": value}}
            terms.append({"$or": [beyond, {key: value, "product_id": {"$gt": product_id}}]})
        with self._errors("read"):
            found = within_limit(
                lambda: list(
                    self._daily.find({"$and": terms}, {key: 1, "product_id": 1, "json": 1})
                    .sort([(key, direction), ("product_id", ASCENDING)])
                    .limit(query.limit)
                )
            )
            return [ListedDaily(d[key], d["product_id"], d["json"].encode()) for d in found]

    def sums(self, scope: Scope, store_id: str, categories: Sequence[str] = ()) -> list[bytes]:
        if not scope.allows(store_id):
            return []
        wanted = _of_store(scope.merchant_id, store_id)
        if categories:
            wanted["category"] = {"$in": list(categories)}
        with self._errors("read"):
            found = within_limit(lambda: list(self._daily.find(wanted, {"sums": 1})))
            return [d["sums"].encode() for d in found]

    def stamps(self, merchant_id: str, store_id: str) -> dict[str, str]:
        with self._errors("read"):
            of_store = _of_store(merchant_id, store_id)
            found = within_limit(
                lambda: list(self._daily.find(of_store, {"product_id": 1, "stamp": 1}))
            )
            return {d["product_id"]: d["stamp"] for d in found}

    def remove_others(self, merchant_id: str, store_id: str, stamp: str) -> int:
        with self._errors("removed"):
            wanted = {**_of_store(merchant_id, store_id), "stamp": {"$ne": stamp}}
            return within_limit(lambda: self._daily.delete_many(wanted)).deleted_count


def _of_store(merchant_id: str, store_id: str) -> Document:
    return {"merchant_id": merchant_id, "store_id": store_id}


def _kept(document: DailyDocument) -> Document:
    values = {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in document._asdict().items()
    }
    return {"_id": id_of(*document[:3]), **values}
