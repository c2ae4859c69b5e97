"""The registry: which stores and products there are, kept from what the marketplaces tell.

`registry/stores.parquet` holds a row of STORES for every store that was onboarded, and
`registry/products/…` the rows of PRODUCTS of one store, as last seen.

>>> import tempfile
>>> lake = Lake(tempfile.mkdtemp())
>>> add_store(
...     lake, Store("M1", "S1", "Centro", "AMBA", "AR", "America/Buenos_Aires", "ARS", 9, "x", "7")
... )
>>> [store.name for store in read_stores(lake)]
['Centro']
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa

from etl.errors import InputError
from etl.lake import Lake
from etl.tables import PRODUCTS, STORES

if TYPE_CHECKING:
    from etl.retail.source import Listing, RetailSource

__all__ = [
    "Store",
    "add_store",
    "as_asked",
    "ask_for_daily",
    "pick_stores",
    "products_path",
    "read_products",
    "read_stores",
    "refresh_products",
    "remove_stores",
]

_STORES_PATH = "registry/stores.parquet"


@dataclass(frozen=True)
class Store:
    """One store of one merchant: a row of STORES."""

    merchant_id: str
    store_id: str
    name: str
    region: str
    country: str
    time_zone: str
    currency: str
    opening_hour: int
    source: str
    source_ref: str
    daily_forecasts: bool = False

    @cached_property
    def zone(self) -> ZoneInfo:
        """The store's time zone. Raises `InputError` where its name is not an IANA one."""
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise InputError(
                f"store {self.store_id} of {self.merchant_id} has the time zone "
                f"{self.time_zone!r}, which is no IANA name such as Europe/Madrid; "
                "add the store again with the right one"
            ) from error


def read_stores(lake: Lake) -> list[Store]:
    """Every registered store, by merchant and store; none before the first is added."""
    if not lake.exists(_STORES_PATH):
        return []
    return [Store(**row) for row in lake.read_table(_STORES_PATH).to_pylist()]


def add_store(lake: Lake, store: Store) -> None:
    """Register `store`; one already known under its merchant and id is replaced.

    Raises `InputError` where its time zone, currency, identifier or opening hour cannot be used.
    """
    _refuse_unusable(store)
    stores = {(known.merchant_id, known.store_id): known for known in read_stores(lake)}
    stores[store.merchant_id, store.store_id] = store
    rows = [asdict(stores[key]) for key in sorted(stores)]
    lake.write_table(_STORES_PATH, pa.Table.from_pylist(rows, STORES.schema), STORES)


def ask_for_daily(lake: Lake, stores: list[Store], wanted: bool) -> None:
    """Let these stores have daily forecasts made before they open, or no longer."""
    for store in stores:
        add_store(lake, replace(store, daily_forecasts=wanted))


def as_asked(lake: Lake, store: Store) -> Store:
    """`store` as its marketplace tells it, with what was asked for it here before."""
    key = (store.merchant_id, store.store_id)
    asked = {(one.merchant_id, one.store_id): one.daily_forecasts for one in read_stores(lake)}
    return replace(store, daily_forecasts=asked.get(key, store.daily_forecasts))


def remove_stores(lake: Lake, merchant_id: str) -> None:
    """Take the merchant's stores out of the registry, and their products with them."""
    stores = [store for store in read_stores(lake) if store.merchant_id != merchant_id]
    if lake.exists(_STORES_PATH):
        rows = [asdict(store) for store in stores]
        lake.write_table(_STORES_PATH, pa.Table.from_pylist(rows, STORES.schema), STORES)
    lake.delete_folder(f"registry/products/merchant_id={merchant_id}")


def pick_stores(
    stores: list[Store], merchant_id: str | None = None, store_id: str | None = None
) -> list[Store]:
    """The stores of a merchant, or one store, or all. Raises `InputError` where none fits."""
    picked = [
        store
        for store in stores
        if merchant_id in (None, store.merchant_id) and store_id in (None, store.store_id)
    ]
    if not picked:
        known = ", ".join(f"{store.merchant_id}/{store.store_id}" for store in stores) or "none"
        raise InputError(
            f"no registered store fits merchant {merchant_id or 'any'}, store "
            f"{store_id or 'any'}; known: {known}. Add it with `python -m etl store add`, or read "
            "a merchant's stores from its marketplace with `python -m etl store sync`"
        )
    return picked


def products_path(merchant_id: str, store_id: str) -> str:
    """Where the PRODUCTS of a store are."""
    return f"registry/products/merchant_id={merchant_id}/store_id={store_id}.parquet"


def read_products(lake: Lake, store: Store) -> pa.Table:
    """The PRODUCTS of `store` as last seen; no rows before the first refresh."""
    path = products_path(store.merchant_id, store.store_id)
    return lake.read_table(path) if lake.exists(path) else PRODUCTS.empty()


def refresh_products(
    lake: Lake, store: Store, source: RetailSource, seen_on: date | None = None
) -> int:
    """Read the store's listings and keep them as PRODUCTS; returns how many products there are.

    `seen_on` is the local day of the look: an active listing was on sale then. Where the source
    does not tell a listing's last day on sale, that of an earlier look stays. A product that the
    source no longer lists stays, closed. Where several listings share a SKU, the active one that
    was listed last speaks for the product.
    """
    before = {row["product_id"]: row for row in read_products(lake, store).to_pylist()}
    rows: dict[str, dict[str, Any]] = {}
    for listing in sorted(source.listings(store), key=_precedence):
        seen_before = before.get(listing.product_id, {}).get("last_listed_on")
        rows[listing.product_id] = _product(store, listing, seen_on, seen_before)
    for product, known in before.items():
        rows.setdefault(product, known | {"status": "closed"})
    ordered = [rows[product] for product in sorted(rows)]
    table = pa.Table.from_pylist(ordered, PRODUCTS.schema)
    lake.write_table(products_path(store.merchant_id, store.store_id), table, PRODUCTS)
    return len(ordered)


def _refuse_unusable(store: Store) -> None:
    _ = store.zone
    for name in (store.merchant_id, store.store_id, store.source):
        if not name or name != name.strip() or any(sign in name for sign in "/\\=.:|[\n"):
            raise InputError(
                f"{name!r} cannot name a folder of the lake; merchant, store and source are "
                "non-empty and hold none of / \\ = . : | ["
            )
    if not re.fullmatch("[A-Z]{3}", store.currency):
        raise InputError(
            f"a currency is an ISO 4217 code such as EUR; found {store.currency!r}, in which no "
            "order line would count"
        )
    if not 0 <= store.opening_hour <= 23:
        raise InputError(f"opening_hour is 0 to 23; found {store.opening_hour}")


def _precedence(listing: Listing) -> tuple[bool, date, str]:
    return (listing.status == "active", listing.listed_on or date.min, listing.listing_id)


def _product(
    store: Store, listing: Listing, seen_on: date | None, seen_before: date | None
) -> dict[str, Any]:
    last_listed = seen_on if listing.status == "active" else listing.last_listed_on
    return asdict(listing) | {
        "merchant_id": store.merchant_id,
        "store_id": store.store_id,
        "last_listed_on": last_listed or seen_before,
    }
