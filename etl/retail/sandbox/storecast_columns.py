"""Orders in Storecast's own columns, those of `etl.tables.ORDER_LINES`, as the sample has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from etl.errors import InputError
from etl.retail.sandbox.columns import numbers, texts, times, titles, whole_numbers
from etl.retail.sandbox.history import OrderHistory, stable_number

__all__ = ["NEEDED", "OPTIONAL", "history"]

NEEDED = (
    "merchant_id",
    "store_id",
    "order_id",
    "product_id",
    "created_at",
    "units_ordered",
    "unit_price",
    "currency",
)
OPTIONAL = (
    "line_id",
    "listing_id",
    "product_name",
    "updated_at",
    "status",
    "units_cancelled",
    "list_price",
)
_STORE_KEY = ["merchant_id", "store_id"]
_LINE_KEY = [*_STORE_KEY, "order_id", "line_id"]


def history(rows: pd.DataFrame, file: Path, beside: dict[str, pd.DataFrame]) -> OrderHistory:
    """The history that rows in Storecast's columns tell, with the tables that lie `beside` them.

    Without `changes`, `units_cancelled` took effect at `updated_at`. Without `stores`, a store is
    in UTC, its region and country unknown.
    """
    keys = {name: texts(rows, name, file) for name in ("merchant_id", "store_id", "order_id")}
    stores = _stores(rows, file, beside.get("stores"))
    zones = _zones(keys, stores, file)
    lines = pd.DataFrame(
        {
            **keys,
            "line_id": _line_ids(rows, keys, file),
            "product_id": texts(rows, "product_id", file),
            "listing_id": _listing_ids(rows, keys, file),
            "title": titles(rows, "product_name") if "product_name" in rows else None,
            "created_ms": times(rows, "created_at", zones, file),
            "units": whole_numbers(rows, "units_ordered", file),
            "unit_price": numbers(rows, "unit_price", file),
        }
    )
    lines["list_price"] = lines["unit_price"]
    if "list_price" in rows:
        lines["list_price"] = numbers(rows, "list_price", file).fillna(lines["unit_price"])
    lines["is_return"] = lines["units"] < 0
    if "status" in rows:
        lines["is_return"] |= rows["status"].astype(str).to_numpy() == "return"
    return OrderHistory(
        lines,
        stores,
        _changes(rows, lines, zones, file, beside.get("changes")),
        beside.get("listings"),
        beside.get("stockouts"),
        beside.get("stock"),
    )


def _stores(rows: pd.DataFrame, file: Path, told: pd.DataFrame | None) -> pd.DataFrame:
    if told is not None:
        return told.astype(dict.fromkeys(told.columns.drop("opening_hour"), str)).astype(
            {"opening_hour": int}
        )
    found = rows[[*_STORE_KEY, "currency"]].astype(str).drop_duplicates()
    twice = found.duplicated(_STORE_KEY)
    if twice.any():
        raise InputError(
            f"{file}: store {found[twice]['store_id'].iloc[0]} sells in two currencies; "
            "make it two stores"
        )
    refs = [str(stable_number(f"{s.merchant_id}/{s.store_id}", 9)) for s in found.itertuples()]
    return found.assign(
        name=found["store_id"],
        region="unknown",
        country="ZZ",
        time_zone="UTC",
        opening_hour=9,
        source="mercadolibre",
        source_ref=refs,
    ).reset_index(drop=True)


def _zones(keys: dict[str, pd.Series], stores: pd.DataFrame, file: Path) -> pd.Series:
    zone_of = stores.set_index(_STORE_KEY)["time_zone"]
    pairs = pd.MultiIndex.from_arrays([keys["merchant_id"], keys["store_id"]])
    zones = zone_of.reindex(pairs)
    if zones.isna().any():
        merchant, store = pairs[zones.isna().to_numpy()][0]
        raise InputError(
            f"{file}: store {store} of {merchant} is not in the stores file beside it; add its row"
        )
    return pd.Series(zones.to_numpy(), index=keys["store_id"].index)


def _line_ids(rows: pd.DataFrame, keys: dict[str, pd.Series], file: Path) -> pd.Series:
    if "line_id" in rows:
        return texts(rows, "line_id", file)
    position = rows.groupby(list(keys.values()), observed=True).cumcount() + 1
    return position.astype(str).astype("category")


def _listing_ids(rows: pd.DataFrame, keys: dict[str, pd.Series], file: Path) -> pd.Series:
    if "listing_id" in rows:
        return texts(rows, "listing_id", file)
    names = keys["merchant_id"].astype(str) + "/" + keys["store_id"].astype(str)
    names += "/" + texts(rows, "product_id", file).astype(str)
    ids: dict[Any, str] = {name: f"ITEM{stable_number(name, 14):014d}" for name in names.unique()}
    return names.map(ids).astype("category")


def _changes(
    rows: pd.DataFrame,
    lines: pd.DataFrame,
    zones: pd.Series,
    file: Path,
    told: pd.DataFrame | None,
) -> pd.DataFrame:
    if told is not None:
        named = file.with_name("changes")
        when = pd.Series("UTC", index=told.index)
        return told.assign(
            **{name: texts(told, name, named) for name in (*_LINE_KEY, "kind")},
            changed_ms=times(told, "changed_at", when, named),
            units=whole_numbers(told, "units", named),
        )
    changes = lines[_LINE_KEY].assign(changed_ms=lines["created_ms"], kind="refunded", units=0)
    if "units_cancelled" in rows:
        changes["units"] = whole_numbers(rows, "units_cancelled", file)
    if "updated_at" in rows:
        changes["changed_ms"] = times(rows, "updated_at", zones, file)
    if "status" in rows:
        cancelled = rows["status"].astype(str).to_numpy() == "cancelled"
        changes["kind"] = changes["kind"].mask(cancelled, "cancelled")
    return changes[changes["units"] > 0]
