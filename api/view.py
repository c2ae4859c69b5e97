"""The only way to query: everything that one caller may read of one edition, and nothing else.

A route never meets the store. It asks for a `MerchantView`, which is bound to the merchant and
stores of the caller's token and to the edition served when the request came in, so that no route
can forget the check and no answer mixes two runs. What lies outside is "not found".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.audit import note_change
from api.errors import BadRequestError, ForbiddenError, NoRunError, NotFoundError
from api.newcomers import Newcomers
from api.store.daily import DailyQuery, ListedDaily
from api.store.documents import Body, Edition, ListedProduct, ProductQuery, Scope, StoreDocument
from api.store.protocol import ForecastStore
from api.store.refreshes import RefreshRow
from api.tokens import Principal

__all__ = ["MerchantView"]


class MerchantView:
    """One merchant's part of one edition of the store, and its stores that are newer than that."""

    def __init__(
        self,
        store: ForecastStore,
        scope: Scope,
        edition: Edition | None = None,
        newcomers: Newcomers | None = None,
    ) -> None:
        edition = edition or store.current()
        if edition is None:
            raise NoRunError("no run has been published yet; come back after the next publish")
        self._store = store
        self.scope = scope
        self.edition: Edition = edition
        self._newcomers = newcomers

    @property
    def merchant_id(self) -> str:
        """The merchant whose data this is."""
        return self.scope.merchant_id

    def at(self, load: int) -> MerchantView:
        """The same view of an earlier edition. Raises `BadRequestError` where it is gone."""
        if load == self.edition.load:
            return self
        for edition in self._store.editions():
            if edition.load == load:
                return MerchantView(self._store, self.scope, edition, self._newcomers)
        raise BadRequestError("the run that this cursor began in is no longer kept; start anew")

    def stores(self, region: str | None = None) -> list[StoreDocument]:
        """The stores in view, of one region or of all, by their ids."""
        published = self._store.stores(self.edition.load, self.scope)
        known = {store.store_id for store in published}
        stores = [*published, *(one for one in self._new_stores() if one.store_id not in known)]
        wanted = (store for store in stores if region in (None, store.region))
        return sorted(wanted, key=lambda store: store.store_id)

    def require_store(self, store_id: str) -> StoreDocument:
        """That store. Raises `NotFoundError` where it is not in view."""
        published = self._store.stores(self.edition.load, self.scope)
        found = next((store for store in published if store.store_id == store_id), None)
        found = found or next((s for s in self._new_stores() if s.store_id == store_id), None)
        if found is None:
            raise NotFoundError(f"there is no store {store_id!r}; GET /v1/stores lists yours")
        return found

    def _new_stores(self) -> list[StoreDocument]:
        """Stores of the registry, those that the edition knows among them."""
        return self._newcomers.of(self.scope) if self._newcomers else []

    def forecast(self, store_id: str, product_id: str) -> Body:
        """One product's forecast. Raises `NotFoundError` where it is not in view."""
        found = self._store.forecast(self.edition.load, self.scope, store_id, product_id)
        if found is None:
            raise NotFoundError(
                f"there is no product {product_id!r} in a store {store_id!r}; "
                f"GET /v1/stores/{store_id}/products lists what there is"
            )
        return found

    def forecasts(self, store_id: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        """Forecasts of a store's products after that product id, in order."""
        self.require_store(store_id)
        return self._store.forecasts(self.edition.load, self.scope, store_id, after, limit)

    def products(self, query: ProductQuery) -> list[ListedProduct]:
        """The lines of products that the query asks for; stores out of view are not found."""
        for store_id in query.stores or ():
            self.require_store(store_id)
        return self._store.products(self.edition.load, self.scope, query)

    def totals(self, store_id: str, category: str) -> Body:
        """Totals of the merchant (store_id ''), of a store, or of a category within either."""
        return self._summary("totals", store_id, category)

    def accuracy(self, store_id: str, category: str) -> Body:
        """How earlier forecasts did, for the same parts."""
        return self._summary("accuracy", store_id, category)

    def daily(self, store_id: str, product_id: str) -> bytes:
        """The next days of one product. Raises `NotFoundError` where it has no daily forecast."""
        found = self._store.daily.one(self.scope, store_id, product_id)
        if found is None:
            raise NotFoundError(
                f"there is no daily forecast of a product {product_id!r} in a store {store_id!r}; "
                f"POST /v1/stores/{store_id}/refresh makes one where it has sales"
            )
        return found

    def require_daily_product(self, store_id: str, product_id: str) -> None:
        """Raise `NotFoundError` unless that product is known in a store in view."""
        if self._store.daily.one(self.scope, store_id, product_id) is None:
            self.forecast(store_id, product_id)

    def daily_page(self, query: DailyQuery) -> list[ListedDaily]:
        """The next days of the products that the query asks for."""
        return self._store.daily.page(self.scope, query)

    def daily_sums(self, store_id: str, categories: Sequence[str]) -> list[bytes]:
        """What a store's daily totals are added up from."""
        return self._store.daily.sums(self.scope, store_id, categories)

    def refreshes_of(self, store_id: str) -> list[RefreshRow]:
        """The latest refreshes of a store in view, the newest first."""
        self.require_store(store_id)
        return self._store.refreshes.latest(self.merchant_id, store_id)

    def refresh(self, refresh_id: str) -> tuple[RefreshRow, list[RefreshRow]]:
        """A refresh and its parts. Raises `NotFoundError` unless all of it is in view."""
        row = self._store.refreshes.get(refresh_id)
        if row is not None:
            parts = [self._store.refreshes.get(part) for part in row.parts or ()]
            kept = [part for part in parts if part is not None]
            about = kept if row.parts is not None else [row]
            if row.merchant_id == self.merchant_id and all(
                self.scope.allows(one.store_id) for one in about
            ):
                return row, kept
        raise NotFoundError(f"there is no refresh {refresh_id!r}; ask for one anew")

    def require_product(self, store_id: str, product_id: str) -> tuple[str, str, str]:
        """The owner of records about that product. Raises `NotFoundError` where it is not there."""
        self.forecast(store_id, product_id)
        return self.scope.merchant_id, store_id, product_id

    def records(
        self, kind: str, store_id: str | None = None, product_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Records of that kind in view, by their key."""
        found: list[dict[str, Any]] = []
        after = ""
        while page := list(
            self._store.records(kind, self.scope, store_id, product_id, after=after)
        ):
            found += [document for _, document in page]
            after = page[-1][0]
        return found

    def note_change(
        self, action: str, by: Principal, about: Mapping[str, Any], owner: tuple[str, str, str]
    ) -> None:
        """Add a line to the audit trail of this merchant."""
        note_change(self._store, action, by.token_id, about, owner)

    def put_record(
        self, kind: str, key: str, document: Mapping[str, Any], owner: tuple[str, str, str]
    ) -> None:
        """Keep a record of this merchant."""
        self._store.put_record(kind, self._own(key), document, owner)

    def record(self, kind: str, key: str) -> dict[str, Any] | None:
        """A record of this merchant."""
        return self._store.record(kind, self._own(key))

    def delete_record(self, kind: str, key: str) -> bool:
        """Remove a record of this merchant."""
        return self._store.delete_record(kind, self._own(key))

    def _own(self, key: str) -> str:
        """The merchant stands in the key of each of its records."""
        return f"{self.scope.merchant_id}/{key}"

    def _summary(self, kind: str, store_id: str, category: str) -> Body:
        if not store_id and self.scope.stores is not None:
            raise ForbiddenError(
                "the token reaches only some stores, so it cannot see the merchant's totals; "
                "ask for each store: GET /v1/stores lists yours"
            )
        found = self._store.summary(self.edition.load, self.scope, kind, store_id, category)
        if found is None:
            part = f"category {category!r}" if category else f"store {store_id!r}"
            raise NotFoundError(f"there is no {kind} of a {part}; GET /v1/stores lists your stores")
        return found
