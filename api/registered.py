"""What the registry knows of the stores and products of a run, as published with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

import orjson

from api.render import Listing
from api.store.documents import StoreDocument
from api.totals import Totals
from etl.lake import Lake
from etl.registry import Store, products_path, read_stores

__all__ = ["Listings", "store_document", "store_documents"]

_STORES_HELD = 32
_COLUMNS = ["product_id", "name", "price", "status", "stock_on_hand"]
_SHOWN = (
    "merchant_id",
    "store_id",
    "name",
    "region",
    "country",
    "time_zone",
    "currency",
    "opening_hour",
)


class Listings:
    """The products of the registry, read store by store; the last few stores are held."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._held: dict[tuple[str, str], dict[str, Listing]] = {}

    def of(self, keys: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], Listing]:
        """The listing of each series that has one."""
        found = {}
        for merchant_id, store_id, product_id in keys:
            listing = self._of_store(merchant_id, store_id).get(product_id)
            if listing is not None:
                found[merchant_id, store_id, product_id] = listing
        return found

    def _of_store(self, merchant_id: str, store_id: str) -> dict[str, Listing]:
        store = (merchant_id, store_id)
        if store not in self._held:
            while len(self._held) >= _STORES_HELD:
                self._held.pop(next(iter(self._held)))
            self._held[store] = self._read(products_path(*store))
        return self._held[store]

    def _read(self, path: str) -> dict[str, Listing]:
        if not self._lake.exists(path):
            return {}
        return {
            row["product_id"]: Listing(
                row["name"],
                None if row["price"] is None else float(row["price"]),
                row["status"],
                row["stock_on_hand"],
            )
            for row in self._lake.read_table(path, _COLUMNS).to_pylist()
        }


def store_documents(lake: Lake, totals: Totals) -> Iterator[StoreDocument]:
    """Every registered store, with how many series the run holds for it."""
    for store in read_stores(lake):
        yield store_document(store, totals.series_of(store.merchant_id, store.store_id))


def store_document(store: Store, series: int = 0) -> StoreDocument:
    """A store as callers are told of it; `series` are those that the run holds for it."""
    known = asdict(store)
    shown = {name: known[name] for name in _SHOWN} | {"series": series}
    return StoreDocument(store.merchant_id, store.store_id, store.region, orjson.dumps(shown))
