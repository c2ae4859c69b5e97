"""The forecast store in MongoDB, or in Azure Cosmos DB for MongoDB, through pymongo.

Only what both have is used: string ids, unordered bulk upserts, compound indexes, `$group`. No
transaction is needed, since a load is invisible until one pointer document names it; that document
is written with `j=True`, so that a published run outlives the server's sudden end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pymongo import ASCENDING, DESCENDING, MongoClient, ReturnDocument, WriteConcern
from pymongo.collection import Collection
from pymongo.errors import ConfigurationError, DuplicateKeyError, PyMongoError

from api.store.documents import (
    Body,
    Edition,
    ForecastDocument,
    ListedProduct,
    ProductQuery,
    Scope,
    StoreDocument,
    SummaryDocument,
)
from api.store.mongo_daily import MongoDaily
from api.store.mongo_documents import (
    DESCENDING_SORTS,
    INDEXES,
    Document,
    document_of,
    edition_of,
    id_of,
    page_filter,
    page_order,
    record_of,
)
from api.store.mongo_forgetting import MongoForgetting
from api.store.mongo_limits import WRITE_PATIENCE, client_options, replace_all, within_limit
from api.store.mongo_refreshes import MongoRefreshes
from etl.errors import StoreError

__all__ = ["MongoStore"]

_ROWS = 1000
_DOCUMENTS = ("forecasts", "summaries", "stores")


class MongoStore:
    """A forecast store in the database that the URL names (`storecast` where it names none)."""

    embedded = False

    def __init__(self, url: str) -> None:
        self.url = url
        with self._errors("reached"):
            try:
                self._client: MongoClient[Document] = MongoClient(url, **client_options(url))
                self._database = self._client.get_default_database("storecast")
            except ConfigurationError as error:
                raise StoreError(f"the MongoDB URL cannot be used: {error}") from error
            self._durable = WriteConcern(w=1, j=True)
            self.daily = MongoDaily(self._durably("daily"), self._errors)
            self.forgetting = MongoForgetting(self._database, self._errors)
            self.refreshes = MongoRefreshes(
                self._durably("refreshes"),
                self._durably("leases"),
                self._durably("asked"),
                self._errors,
            )
            try:
                self._make_indexes()
            except PyMongoError:
                self._client.close()
                raise

    # loading

    def begin(self, run_id: str, digest: str) -> Edition:
        with self._errors("written"):
            counted = self._database["counters"].find_one_and_update(
                {"_id": "load"},
                {"$inc": {"value": 1}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
            load = int((counted or {})["value"])
            self._editions.insert_one(
                {
                    "_id": str(load),
                    "load": load,
                    "run_id": run_id,
                    "digest": digest,
                    "details": {},
                    "touched_at": _now(),
                    "published_at": None,
                    "before": None,
                }
            )
            return Edition(load, run_id, digest)

    def put_stores(self, load: int, documents: Sequence[StoreDocument]) -> None:
        self._put(load, "stores", documents, 2)

    def put_forecasts(self, load: int, documents: Sequence[ForecastDocument]) -> None:
        self._put(load, "forecasts", documents, 3)

    def put_summaries(self, load: int, documents: Sequence[SummaryDocument]) -> None:
        self._put(load, "summaries", documents, 4)

    def settle(self) -> None:
        """Nothing to do: the server keeps its own log."""

    def loaded(self, load: int) -> tuple[int, float]:
        with self._errors("counted"):
            found = self._database["forecasts"].aggregate(
                [
                    {"$match": {"load": load}},
                    {
                        "$group": {
                            "_id": None,
                            "count": {"$sum": 1},
                            "volume": {"$sum": "$volume"},
                        }
                    },
                ]
            )
            for group in found:
                return int(group["count"]), float(group["volume"])
            return 0, 0.0

    def publish(self, load: int, details: Mapping[str, Any], at: str) -> Edition:
        with self._errors("published"):
            before = self._pointer.find_one({"_id": "current"})
            self._editions.update_one(
                {"_id": str(load)},
                {
                    "$set": {
                        "details": dict(details),
                        "published_at": at,
                        "before": before["load"] if before else None,
                    }
                },
            )
            return self.point_to(load)

    def point_to(self, load: int) -> Edition:
        with self._errors("pointed to"):
            found = self._editions.find_one({"_id": str(load)})
            if found is None:
                raise StoreError(
                    f"the store holds no edition {load}; `python -m api runs` lists them"
                )
            self._pointer.replace_one(
                {"_id": "current"}, {"_id": "current", "load": load}, upsert=True
            )
            return edition_of(found)

    def editions(self) -> list[Edition]:
        with self._errors("read"):
            found = self._editions.find({"published_at": {"$ne": None}})
            return sorted((edition_of(document) for document in found), key=lambda e: e.load)

    def remove_all_but(self, loads: Sequence[int], abandoned_before: str) -> int:
        with self._errors("removed"):
            gone = [
                document["load"]
                for document in self._editions.find({"load": {"$nin": list(loads)}})
                if document["published_at"] or document["touched_at"] < abandoned_before
            ]
            for load in gone:
                for collection in _DOCUMENTS:
                    self._remove_in_steps(collection, load)
                self._editions.delete_one({"_id": str(load)})
            return len(gone)

    # reading

    def current(self) -> Edition | None:
        with self._errors("read"):
            pointer = self._found("pointer", "current")
            found = pointer and self._editions.find_one({"_id": str(pointer["load"])})
            return edition_of(found) if found else None

    def merchants(self, load: int) -> list[str]:
        with self._errors("read"):
            return sorted(self._database["stores"].distinct("merchant_id", {"load": load}))

    def stores(self, load: int, scope: Scope, region: str | None = None) -> list[StoreDocument]:
        wanted: Document = {"load": load, "merchant_id": scope.merchant_id}
        if region is not None:
            wanted["region"] = region
        with self._errors("read"):
            found = sorted(self._database["stores"].find(wanted), key=lambda d: d["store_id"])
        return [
            StoreDocument(d["merchant_id"], d["store_id"], d["region"], d["json"].encode())
            for d in found
            if scope.allows(d["store_id"])
        ]

    def forecast(self, load: int, scope: Scope, store_id: str, product_id: str) -> Body | None:
        if not scope.allows(store_id):
            return None
        return self._body("forecasts", load, scope.merchant_id, store_id, product_id)

    def served_forecast(self, scope: Scope, store_id: str, product_id: str) -> Body | None:
        pointer = self._found("pointer", "current")
        return self.forecast(pointer["load"], scope, store_id, product_id) if pointer else None

    def forecasts(
        self, load: int, scope: Scope, store_id: str, after: str, limit: int
    ) -> list[tuple[str, bytes]]:
        if not scope.allows(store_id):
            return []
        with self._errors("read"):
            found = within_limit(
                lambda: list(
                    self._database["forecasts"]
                    .find(
                        {
                            "load": load,
                            "merchant_id": scope.merchant_id,
                            "store_id": store_id,
                            "product_id": {"$gt": after},
                        },
                        {"product_id": 1, "json": 1},
                    )
                    .sort("product_id", ASCENDING)
                    .limit(limit)
                )
            )
            return [(d["product_id"], d["json"].encode()) for d in found]

    def products(self, load: int, scope: Scope, query: ProductQuery) -> list[ListedProduct]:
        order = page_order(query.sort)
        key = order[0][0]
        with self._errors("read"):
            found = within_limit(
                lambda: list(
                    self._database["forecasts"]
                    .find(
                        page_filter(load, scope, query, key),
                        {key: 1, "store_id": 1, "product_id": 1, "line": 1},
                    )
                    .sort(order)
                    .limit(query.limit)
                )
            )
            return [
                ListedProduct(d[key], d["store_id"], d["product_id"], d["line"].encode())
                for d in found
            ]

    def summary(
        self, load: int, scope: Scope, kind: str, store_id: str, category: str
    ) -> Body | None:
        if not (scope.allows(store_id) if store_id else scope.stores is None):
            return None
        return self._body("summaries", load, kind, scope.merchant_id, store_id, category)

    # records

    def put_record(
        self, kind: str, key: str, document: Mapping[str, Any], owner: tuple[str, str, str]
    ) -> None:
        with self._errors("written"):
            record = record_of(kind, key, document, owner)
            within_limit(
                lambda: self._records.replace_one({"_id": record["_id"]}, record, upsert=True)
            )

    def add_record(
        self, kind: str, key: str, document: Mapping[str, Any], owner: tuple[str, str, str]
    ) -> bool:
        with self._errors("written"):
            try:
                kept = record_of(kind, key, document, owner)
                within_limit(lambda: self._records.insert_one(kept))
            except DuplicateKeyError:
                return False
            return True

    def record(self, kind: str, key: str) -> dict[str, Any] | None:
        with self._errors("read"):
            found = within_limit(lambda: self._records.find_one({"_id": id_of(kind, key)}))
            return dict(json.loads(found["json"])) if found else None

    def records(
        self,
        kind: str,
        scope: Scope | None = None,
        store_id: str | None = None,
        product_id: str | None = None,
        *,
        after: str = "",
        limit: int = 1000,
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        terms: list[Document] = [{"kind": kind, "key": {"$gt": after}}]
        if scope is not None:
            terms.append({"merchant_id": scope.merchant_id})
        if scope is not None and scope.stores is not None:
            terms.append({"store_id": {"$in": sorted(scope.stores)}})
        if store_id is not None:
            terms.append({"store_id": store_id})
        if product_id is not None:
            terms.append({"product_id": product_id})
        with self._errors("read"):
            found = self._records.find({"$and": terms}).sort("key", ASCENDING).limit(limit)
            return iter([(d["key"], json.loads(d["json"])) for d in found])

    def delete_record(self, kind: str, key: str) -> bool:
        with self._errors("deleted"):
            return self._records.delete_one({"_id": id_of(kind, key)}).deleted_count == 1

    # operation

    def ping(self) -> None:
        with self._errors("reached"):
            self._client.admin.command("ping")

    def close(self) -> None:
        self._client.close()

    # inside

    @property
    def _editions(self) -> Collection[Document]:
        return self._durably("editions")

    @property
    def _pointer(self) -> Collection[Document]:
        return self._durably("pointer")

    @property
    def _records(self) -> Collection[Document]:
        return self._durably("records")

    def _durably(self, collection: str) -> Collection[Document]:
        return self._database[collection].with_options(write_concern=self._durable)

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except PyMongoError as error:
            raise StoreError(
                f"the MongoDB store cannot be {what}: {type(error).__name__}; "
                "see that the server of STORECAST_STORE_URL runs and accepts the user"
            ) from error

    def _found(self, collection: str, key: str) -> Document | None:
        with self._errors("read"):
            return within_limit(lambda: self._database[collection].find_one({"_id": key}))

    def _make_indexes(self) -> None:
        for collection, indexes in INDEXES.items():
            for columns in indexes:
                self._database[collection].create_index([(c, ASCENDING) for c in columns])
        for sort in DESCENDING_SORTS:
            self._database["forecasts"].create_index(
                [
                    ("load", ASCENDING),
                    ("merchant_id", ASCENDING),
                    (sort, DESCENDING),
                    ("store_id", ASCENDING),
                    ("product_id", ASCENDING),
                ]
            )

    def _put(
        self, load: int, collection: str, documents: Sequence[tuple[Any, ...]], keys: int
    ) -> None:
        durable = self._durably(collection)
        with self._errors("written"):
            for start in range(0, len(documents), _ROWS):
                step = documents[start : start + _ROWS]
                replace_all(durable, [document_of(load, values, keys) for values in step])
                self._editions.update_one({"_id": str(load)}, {"$set": {"touched_at": _now()}})

    def _body(self, collection: str, *key: int | str) -> Body | None:
        with self._errors("read"):
            found = within_limit(
                lambda: self._database[collection].find_one(
                    {"_id": id_of(*key)}, {"json": 1, "etag": 1}
                )
            )
            return Body(found["json"].encode(), found["etag"]) if found else None

    def _remove_in_steps(self, collection: str, load: int) -> None:
        documents = self._database[collection]
        while step := [d["_id"] for d in documents.find({"load": load}, {"_id": 1}).limit(_ROWS)]:
            within_limit(partial(documents.delete_many, {"_id": {"$in": step}}), WRITE_PATIENCE)


def _now() -> str:
    return datetime.now(UTC).isoformat()
