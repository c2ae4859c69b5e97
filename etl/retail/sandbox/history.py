"""What the sandbox replays: everything that a marketplace would come to know, in plain frames."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pandas as pd

from etl.errors import InputError

__all__ = ["LINE_COLUMNS", "Ints", "OrderHistory", "numbered", "order_numbers", "stable_number"]

Ints = npt.NDArray[np.int64]

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


def order_numbers(order_ids: pd.Series) -> Ints:
    """The number of each order of a categorical column.

    Two ids that come to the same number are refused.
    """
    ids = order_ids.cat.categories
    numbers = np.array([numbered(str(order_id)) for order_id in ids], dtype=np.int64)
    distinct, times = np.unique(numbers, return_counts=True)
    if (times > 1).any():
        twice = ids[np.isin(numbers, distinct[times > 1])].tolist()[:2]
        raise InputError(f"order ids {twice} come to the same number; rename one of them")
    return np.asarray(numbers[order_ids.cat.codes])
