"""What the sandbox replays: everything that a marketplace would come to know, in plain frames."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import pandas as pd

from etl.errors import InputError

__all__ = ["LINE_COLUMNS", "OrderHistory", "numbered", "order_numbers", "stable_number"]

LINE_COLUMNS = (
    "merchant_id",
    "store_id",
    "order_id",
    "line_id",
    "product_id",  # equal to listing_id where the listing has no SKU
    "listing_id",
    "title",
    "created_ms",  # milliseconds since 1970 UTC
    "units",
    "unit_price",
    "list_price",
    "is_return",
)


@dataclass(frozen=True)
class OrderHistory:
    """Order lines as ordered, what changed later, and the stores; the rest where it is known.

    `lines` has `LINE_COLUMNS`; `stores` those of `etl.tables.STORES`. `changes` has
    `merchant_id, store_id, order_id, line_id, changed_ms, kind, units`, `kind` being `cancelled` or
    `refunded`. `listings`, `stockouts` and `stock` are those of the sample (`etl.sample.make`);
    None where the orders came without, and then listings are derived from the lines.
    """

    lines: pd.DataFrame
    stores: pd.DataFrame
    changes: pd.DataFrame
    listings: pd.DataFrame | None = None
    stockouts: pd.DataFrame | None = None
    stock: pd.DataFrame | None = None


def stable_number(text: str, digits: int) -> int:
    """A number of at most `digits` digits that is always the same for a text.

    >>> stable_number("uci/united-kingdom", 9) == stable_number("uci/united-kingdom", 9)
    True
    """
    most = 10**digits
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") % int(most)


def numbered(order_id: str) -> int:
    """An order's number: its own digits, a letter before them as two digits in front.

    >>> numbered("489434"), numbered("C489449")
    (489434, 67000000489449)

    Anything else is hashed to 18 digits.
    """
    head, tail = order_id[:1], order_id[1:]
    if order_id.isascii() and order_id.isdigit() and len(order_id) <= 18 and head != "0":
        return int(order_id)
    if head.isascii() and head.isupper() and tail.isascii() and tail.isdigit() and len(tail) <= 12:
        return ord(head) * 10**12 + int(tail)
    return 10**17 + stable_number(order_id, 17)


def order_numbers(order_ids: pd.Series) -> pd.Series:
    """The number of each order; two ids that come to the same number are refused."""
    distinct = order_ids.drop_duplicates()
    numbers = distinct.map(numbered)
    if numbers.duplicated().any():
        twice = distinct[numbers.duplicated(keep=False)].head(2).tolist()
        raise InputError(f"order ids {twice} come to the same number; rename one of them")
    return order_ids.map(dict(zip(distinct, numbers, strict=True))).astype("int64")
