"""What a forecast store can do, whatever its home; one contract test runs over all homes.

Three groups of methods: *loading* writes an edition and moves the pointer to it, *reading* looks up
documents of one edition within a `Scope`, *records* keep small JSON documents that live longer than
an edition (tokens, sessions, feedback, adjustments, the audit trail). Beside them stand the *daily*
forecasts, and the *refreshes* that make them.

Every method raises `StoreError` where the store cannot be reached or refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from api.store.daily import DailyShelf
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
from api.store.forgetting import Forgetting
from api.store.refreshes import RefreshQueue

__all__ = ["ForecastStore"]


class ForecastStore(Protocol):
    """A home for forecasts, safe to use from several threads and several processes."""

    @property
    def url(self) -> str:
        """Where the store is, as `open_store` takes it. May hold a password."""

    @property
    def embedded(self) -> bool:
        """Whether a look-up takes microseconds in this process, so that none need wait for it."""

    @property
    def daily(self) -> DailyShelf:
        """The forecasts of the next seven days."""

    @property
    def refreshes(self) -> RefreshQueue:
        """Refreshes that were asked for, and the leases of those who work on them."""

    @property
    def forgetting(self) -> Forgetting:
        """What is done when a merchant is forgotten."""

    # loading
    def begin(self, run_id: str, digest: str) -> Edition:
        """A new, invisible edition of the run, with a number of its own."""

    def put_stores(self, load: int, documents: Sequence[StoreDocument]) -> None:
        """Write documents of that edition, replacing those of the same key."""

    def put_forecasts(self, load: int, documents: Sequence[ForecastDocument]) -> None:
        """Write documents of that edition, replacing those of the same key."""

    def put_summaries(self, load: int, documents: Sequence[SummaryDocument]) -> None:
        """Write documents of that edition, replacing those of the same key."""

    def settle(self) -> None:
        """Put what was written where it is to stay, as far as readers let it.

        It waits for the disk: a load of several processes does it where none of them has to.
        """

    def loaded(self, load: int) -> tuple[int, float]:
        """Forecast documents of the edition and the sum of their volumes, counted in the store."""

    def publish(self, load: int, details: Mapping[str, Any], at: str) -> Edition:
        """Make the edition the one that readers see, durably and all at once."""

    def point_to(self, load: int) -> Edition:
        """Show readers an edition that was published before."""

    def editions(self) -> list[Edition]:
        """Published editions, the oldest first."""

    def remove_all_but(self, loads: Sequence[int], abandoned_before: str) -> int:
        """Remove other published editions, and loads never published and untouched since then.

        Works in small steps, beside readers; answers how many editions went.
        """

    # reading
    def current(self) -> Edition | None:
        """The edition that readers see; None before the first is published."""

    def merchants(self, load: int) -> list[str]:
        """Merchants with a store in the edition."""

    def stores(self, load: int, scope: Scope, region: str | None = None) -> list[StoreDocument]:
        """Stores of the scope, by store id."""

    def forecast(self, load: int, scope: Scope, store_id: str, product_id: str) -> Body | None:
        """One product's forecast; None where the scope holds no such product."""

    def served_forecast(self, scope: Scope, store_id: str, product_id: str) -> Body | None:
        """The same of the edition that readers see, found in one look-up."""

    def forecasts(
        self, load: int, scope: Scope, store_id: str, after: str, limit: int
    ) -> list[tuple[str, bytes]]:
        """Product id and forecast of a store's products after that id, in order."""

    def products(self, load: int, scope: Scope, query: ProductQuery) -> list[ListedProduct]:
        """The page of products that the query asks for."""

    def summary(
        self, load: int, scope: Scope, kind: str, store_id: str, category: str
    ) -> Body | None:
        """Totals or accuracy of the scope's merchant (store_id ''), a store, or a category."""

    # records
    def put_record(
        self, kind: str, key: str, document: Mapping[str, Any], owner: tuple[str, str, str]
    ) -> None:
        """Keep a JSON document under (kind, key), replacing what was there.

        `owner` is the merchant, store and product that it belongs to, '' where it has none.
        """

    def add_record(
        self, kind: str, key: str, document: Mapping[str, Any], owner: tuple[str, str, str]
    ) -> bool:
        """The same, only where (kind, key) is free; answers whether it was."""

    def record(self, kind: str, key: str) -> dict[str, Any] | None:
        """The document under (kind, key)."""

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
        """Key and document of records of that kind by key, of a scope (None: of everyone)."""

    def delete_record(self, kind: str, key: str) -> bool:
        """Remove the record; answers whether there was one."""

    # operation
    def ping(self) -> None:
        """Raise `StoreError` unless the store answers."""

    def close(self) -> None:
        """Let go of every connection."""
