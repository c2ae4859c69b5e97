"""A history of orders behind a clock, a limit and faults, and who may see what of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from etl.retail.sandbox.book import Seller, index_orders
from etl.retail.sandbox.clock import Clock, milliseconds
from etl.retail.sandbox.documents import OrderWriter
from etl.retail.sandbox.faults import Faults, RateLimit
from etl.retail.sandbox.history import Ints, OrderHistory
from etl.retail.sandbox.shop import open_shop
from etl.retail.sandbox.tokens import sandbox_tokens

__all__ = ["Behaviour", "Marketplace", "RefusalError"]


@dataclass(frozen=True)
class Behaviour:
    """How the sandbox behaves: its moment (by default the last of the history), limits, faults."""

    now: str | None = None
    rate: float = 400.0
    fault_share: float = 0.002
    seed: int = 7


class RefusalError(Exception):
    """A request that is answered with an error in the marketplace's shape."""

    def __init__(self, status: int, error: str, message: str, wait: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.wait = wait


class Marketplace:
    """A history behind its clock, with the tokens of its merchants."""

    def __init__(self, history: OrderHistory, behaviour: Behaviour) -> None:
        self.book = index_orders(history)
        self.shop = open_shop(history, self.book)
        categories = {x.listing_id: x.category_id for x in self.shop.listings.values()}
        self.writer = OrderWriter(self.book, categories)
        start = behaviour.now
        self.clock = Clock(milliseconds(start) if start else self.book.last_moment)
        self.rate = RateLimit(behaviour.rate)
        self.faults = Faults(behaviour.fault_share, behaviour.seed)
        merchants = sorted({seller.merchant_id for seller in self.book.sellers.values()})
        self._merchant_of = {
            token: merchant for merchant, token in sandbox_tokens(merchants, behaviour.seed).items()
        }
        self.last_updated: Callable[[int], Ints] = lru_cache(maxsize=1)(self.book.last_updated)

    def merchant(self, authorization: str) -> str:
        """The merchant whose token is in the header `Authorization`."""
        scheme, _, token = authorization.partition(" ")
        merchant = self._merchant_of.get(token.strip())
        if scheme.lower() != "bearer" or merchant is None:
            raise RefusalError(401, "unauthorized", "invalid access token")
        return merchant

    def seller(self, text: str | None, merchant: str) -> Seller:
        """The seller of that id, if it is the merchant's."""
        if text is None:
            raise RefusalError(400, "bad_request", "the parameter seller is needed")
        seller = self.book.sellers.get(int(text)) if text.isdigit() else None
        # A seller that does not exist is answered like another's: nobody may probe.
        if seller is None or seller.merchant_id != merchant:
            raise RefusalError(403, "forbidden", f"the token does not give access to seller {text}")
        return seller
