"""What a refresh is about: a store, or of a store some products or a category."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from api.store.refreshes import RefreshRow

__all__ = ["RefreshScope", "flight_of", "scope_of_row"]


@dataclass(frozen=True)
class RefreshScope:
    """A store of a merchant; `products` (sorted) or `category` narrow it.

    >>> whole = RefreshScope("M1", "S1")
    >>> mug = RefreshScope.of_products("M1", "S1", ["MUG", "MUG"])
    >>> whole.covers(mug), mug.covers(whole)
    (True, False)
    """

    merchant_id: str
    store_id: str
    products: tuple[str, ...] | None = None
    category: str | None = None

    @classmethod
    def of_products(
        cls, merchant_id: str, store_id: str, products: Sequence[str] | None
    ) -> RefreshScope:
        """The products of the store, each once and in order; None for all."""
        return cls(merchant_id, store_id, None if products is None else tuple(sorted({*products})))

    @property
    def whole(self) -> bool:
        """Whether it is about all products of the store."""
        return self.products is None and self.category is None

    def covers(self, other: RefreshScope) -> bool:
        """Whether a refresh of this makes all that a refresh of the other would."""
        if (self.merchant_id, self.store_id) != (other.merchant_id, other.store_id):
            return False
        if self.whole or self == other:
            return True
        return (
            self.products is not None
            and other.products is not None
            and {*other.products} <= {*self.products}
        )


def scope_of_row(row: RefreshRow) -> RefreshScope:
    """What a kept refresh of one store is about."""
    return RefreshScope(row.merchant_id, row.store_id, row.products, row.category)


def flight_of(scope: RefreshScope, watermark: str, awaited: str, configuration: str) -> str:
    """The single-flight key: equal for equal scope, data, day awaited and configuration."""
    parts = [
        scope.merchant_id,
        scope.store_id,
        scope.products,
        scope.category,
        watermark,
        awaited,
        configuration,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
