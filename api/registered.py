"""What the registry knows of the stores and products of a run, as published with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import orjson

from api.render import Listing
from api.store.documents import StoreDocument
from api.totals import Totals
from etl.lake import Lake
from etl.registry import Store, products_path, read_stores

__all__ = ["Listings", "store_document", "store_documents"]

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
    """The products of the registry, read store by store; those last asked for are held."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._held: dict[tuple[str, str], dict[str, Listing]] = {}

    def of(self, keys: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], Listing]:
        """The listing of each series that has one."""
        keys = list(keys)
        self._held = {
            store: self._held[store] if store in self._held else self._read(products_path(*store))
            for store in {key[:2] for key in keys}
        }
        found = {}
        for key in keys:
            listing = self._held[key[:2]].get(key[2])
            if listing is not None:
                found[key] = listing
        return found

    def _read(self, path: str) -> dict[str, Listing]:
        if not self._lake.exists(path):
            return {}
        rows = self._lake.read_table(path, _COLUMNS)
        columns: list[list[Any]] = [rows[name].to_pylist() for name in _COLUMNS]
        return {
            product_id: Listing(name, None if price is None else float(price), *more)
            for product_id, name, price, *more in zip(*columns, strict=True)
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
