"""The order book: an `OrderHistory` indexed so that a page of any seller's orders is found at once.

Orders lie sorted by seller, time and number in numpy arrays; an order's lines and changes are
slices. Texts that repeat are kept once and named by position.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from etl.errors import InputError
from etl.retail.sandbox.history import Ints, OrderHistory, order_numbers

__all__ = ["CANCELLED", "REFUNDED", "Floats", "OrderBook", "Seller", "index_orders"]

CANCELLED, REFUNDED = 0, 1
_STORE_KEY = ["merchant_id", "store_id"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Seller:
    """One store as the marketplace knows it, and where its orders lie in the book."""

    seller_id: int
    merchant_id: str
    store_id: str
    name: str
    region: str
    country: str
    zone: ZoneInfo
    currency: str
    opening_hour: int
    orders: slice


@dataclass(frozen=True)
class OrderBook:
    """All orders. `first_line[i]:first_line[i + 1]` are the lines of order i, likewise changes."""

    sellers: dict[int, Seller]
    number: Ints
    created: Ints
    is_return: npt.NDArray[np.bool_]
    first_line: Ints
    item: Ints  # row of `items`
    units: Ints
    unit_price: Floats
    list_price: Floats
    first_change: Ints
    change_at: Ints
    change_line: Ints  # position of the line within its order
    change_kind: Ints
    change_units: Ints
    items: (
        pd.DataFrame
    )  # seller_id, listing_id, product_id, title: what a line shows of its listing

    @property
    def last_moment(self) -> int:
        """When the last order or change happened, in milliseconds."""
        last = int(self.created.max(initial=0))
        return max(last, int(self.change_at.max(initial=0)))

    def last_updated(self, now: int) -> Ints:
        """When each order last changed, as of `now`."""
        updated = self.created.copy()
        order = np.repeat(np.arange(len(self.number)), np.diff(self.first_change))
        happened = self.change_at <= now
        np.maximum.at(updated, order[happened], self.change_at[happened])
        return updated


def index_orders(history: OrderHistory) -> OrderBook:
    """The book of a history. Raises `InputError` where a listing or an order is not unique."""
    lines = history.lines
    stores = history.stores.reset_index(drop=True)
    seller = _position(lines, stores)
    numbers = order_numbers(lines["order_id"])
    order_keys = pd.DataFrame({"seller": seller, "number": numbers})
    created = lines["created_ms"].groupby([seller, numbers]).transform("min").to_numpy()
    by_time = np.lexsort((np.arange(len(lines)), numbers, created, seller))
    sorted_keys = order_keys.to_numpy()[by_time]
    starts = np.flatnonzero(np.append(True, (np.diff(sorted_keys, axis=0) != 0).any(axis=1)))
    first_line = np.append(starts, len(lines))
    item, items = _items(lines, stores, seller)
    changes = _changes(history, by_time, first_line)
    return OrderBook(
        sellers=_sellers(stores, sorted_keys[starts, 0]),
        number=sorted_keys[starts, 1],
        created=created[by_time][starts],
        is_return=lines["is_return"].to_numpy(bool)[by_time][starts],
        first_line=first_line,
        item=item[by_time],
        units=lines["units"].to_numpy()[by_time],
        unit_price=lines["unit_price"].to_numpy()[by_time],
        list_price=lines["list_price"].to_numpy()[by_time],
        first_change=np.searchsorted(changes["order"], np.arange(len(starts) + 1)),
        change_at=changes["changed_ms"].to_numpy(),
        change_line=changes["line"].to_numpy(),
        change_kind=np.where(changes["kind"] == "cancelled", CANCELLED, REFUNDED),
        change_units=changes["units"].to_numpy(),
        items=items,
    )


def _position(lines: pd.DataFrame, stores: pd.DataFrame) -> Ints:
    """The store of each line, as a row of `stores`."""
    keys = pd.MultiIndex.from_frame(stores[_STORE_KEY])
    pairs = lines[_STORE_KEY].drop_duplicates()
    found = keys.get_indexer(pd.MultiIndex.from_frame(pairs))
    if (found < 0).any():
        raise InputError(f"orders name a store without a row in stores: {pairs[found < 0].iloc[0]}")
    group = lines.groupby(_STORE_KEY, observed=True, sort=False).ngroup().to_numpy()
    return np.asarray(found[group], dtype=np.int64)


def _items(lines: pd.DataFrame, stores: pd.DataFrame, seller: Ints) -> tuple[Ints, pd.DataFrame]:
    """For each line the row of what it shows of its listing, and those rows."""
    shown = lines[["listing_id", "product_id", "title"]].assign(seller=seller)
    columns = ["seller", "listing_id", "product_id", "title"]
    group = shown.groupby(columns, observed=True, sort=False, dropna=False).ngroup().to_numpy()
    items = shown[columns].drop_duplicates(ignore_index=True)
    listed = items[["seller", "listing_id"]].drop_duplicates()
    merchant = listed["seller"].map(stores["merchant_id"])
    twice = pd.DataFrame({"m": merchant, "l": listed["listing_id"].astype(str)}).duplicated()
    if twice.any():
        raise InputError(
            f"listing {listed['listing_id'][twice].iloc[0]} sells in two stores; a listing belongs "
            "to one: rename it, or leave the column listing_id out to have ids made"
        )
    items["seller_id"] = items["seller"].map(stores["source_ref"].astype("int64"))
    texts = ["listing_id", "product_id", "title"]
    items[texts] = items[texts].astype(object)
    return group.astype(np.int64), items.drop(columns="seller")


def _sellers(stores: pd.DataFrame, seller_of_order: Ints) -> dict[int, Seller]:
    sellers = {}
    for place, row in enumerate(stores.to_dict("records")):
        first, end = np.searchsorted(seller_of_order, [place, place + 1])
        sellers[int(row["source_ref"])] = Seller(
            seller_id=int(row["source_ref"]),
            merchant_id=row["merchant_id"],
            store_id=row["store_id"],
            name=row["name"],
            region=row["region"],
            country=row["country"],
            zone=ZoneInfo(row["time_zone"]),
            currency=row["currency"],
            opening_hour=int(row["opening_hour"]),
            orders=slice(int(first), int(end)),
        )
    return sellers


def _changes(history: OrderHistory, by_time: Ints, first_line: Ints) -> pd.DataFrame:
    """Changes with the order and the line that they befall, by order and time."""
    changes = history.changes
    if changes.empty:
        return pd.DataFrame(
            {
                name: pd.Series([], dtype="int64")
                for name in ("order", "changed_ms", "line", "units")
            }
            | {"kind": pd.Series([], dtype=object)}
        )
    key = [*_STORE_KEY, "order_id", "line_id"]
    place = np.empty(len(by_time), dtype=np.int64)
    place[by_time] = np.arange(len(by_time))
    changed = history.lines["order_id"].isin(changes["order_id"].unique()).to_numpy()
    lines = history.lines.loc[changed, key].astype(str).assign(place=place[changed])
    found = changes.assign(**changes[key].astype(str)).merge(
        lines, on=key, how="left", validate="m:1"
    )
    if found["place"].isna().any():
        lost = found[found["place"].isna()].iloc[0]
        raise InputError(
            f"a change befalls line {lost['line_id']} of {lost['order_id']}: no such line"
        )
    at = found["place"].to_numpy(dtype=np.int64)
    order = np.searchsorted(first_line, at, side="right") - 1
    found = found.assign(order=order, line=at - first_line[order])
    return found.sort_values(["order", "changed_ms", "line"], ignore_index=True)
