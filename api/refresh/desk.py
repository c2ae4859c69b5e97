"""Refreshes as the API's callers ask for them: within their view, noted in the trail, limited."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from api.errors import BadRequestError, NotFoundError
from api.refresh.asking import Asked, Asking
from api.refresh.scope import RefreshScope
from api.refresh.words import describe, describe_parts
from api.store.refreshes import RefreshRow
from api.tokens import Principal
from api.view import MerchantView

__all__ = ["Answer", "RefreshDesk"]


@dataclass(frozen=True)
class Answer:
    """What the caller is told; `status` is 202 where a refresh runs, 200 where none need."""

    document: dict[str, Any]
    status: int
    location: str | None


@dataclass(frozen=True)
class RefreshDesk:
    """Takes callers' requests for refreshes, and tells how far they are."""

    asking: Asking

    @property
    def now(self) -> datetime:
        """The present, or the rehearsal's instant."""
        return self.asking.clock()

    def ask_store(
        self,
        view: MerchantView,
        by: Principal,
        store_id: str,
        products: Sequence[str] | None,
        category: str | None,
    ) -> Answer:
        """Ask for one store, or for some products or a category of it.

        Raises `NotFoundError` for what is not in view, `BadRequestError` for products and a
        category at once, `TooManyRequestsError` beyond the merchant's limit.
        """
        if products is not None and category is not None:
            raise BadRequestError("name products or a category, not both")
        view.require_store(store_id)
        for product_id in products or ():
            view.require_daily_product(store_id, product_id)
        scope = RefreshScope.of_products(view.merchant_id, store_id, products)
        asked = self._ask(view, by, [replace(scope, category=category)])[0]
        return _answer(asked.outcome, describe(asked.row))

    def ask_stores(
        self,
        view: MerchantView,
        by: Principal,
        region: str | None,
        stores: Sequence[str] | None,
    ) -> Answer:
        """Ask for the stores of a region, or for those named; raises as `ask_store`."""
        if (region is None) == (stores is None):
            raise BadRequestError("name a region or stores, and not both")
        for store_id in stores or ():
            view.require_store(store_id)
        named = stores if stores is not None else [one.store_id for one in view.stores(region)]
        if not named:
            raise NotFoundError(f"there is no store in a region {region!r}")
        scopes = [RefreshScope(view.merchant_id, store_id) for store_id in sorted({*named})]
        asked = self._ask(view, by, scopes)
        running = [one.row for one in asked if one.outcome != "present"]
        if not running:
            nobodys = RefreshRow("", view.merchant_id, "", "", region=region)
            return _answer("present", describe_parts(nobodys, [one.row for one in asked]))
        together = self._together(view.merchant_id, by, region, running)
        outcome = "started" if any(one.outcome == "started" for one in asked) else "joined"
        return _answer(outcome, describe_parts(together, running))

    def status(self, view: MerchantView, refresh_id: str) -> dict[str, Any]:
        """How far a refresh is. Raises `NotFoundError` where it is not in view."""
        row, parts = view.refresh(refresh_id)
        return describe(row) if row.parts is None else describe_parts(row, parts)

    def _ask(
        self, view: MerchantView, by: Principal, scopes: Sequence[RefreshScope]
    ) -> list[Asked]:
        """Look at all, then start those that must be: the limit counts a request once, and what
        goes beyond it starts nothing."""
        looked = [(scope, self.asking.look(scope)) for scope in scopes]
        answers = []
        counted = False
        for scope, found in looked:
            asked = found
            if asked is None:
                asked = self.asking.start(scope, by.token_id, asked=not counted)
                counted = True
                self._note(view, by, asked)
            elif asked.outcome == "joined":
                self.asking.handed_over(asked.row)
            answers.append(asked)
        return answers

    def _note(self, view: MerchantView, by: Principal, asked: Asked) -> None:
        row = asked.row
        if asked.outcome == "started":
            about = {
                "store_id": row.store_id,
                "refresh_id": row.id,
                "category": row.category,
                "products": None if row.products is None else len(row.products),
            }
            view.note_change("refresh started", by, about, (row.merchant_id, row.store_id, ""))

    def _together(
        self, merchant_id: str, by: Principal, region: str | None, parts: Sequence[RefreshRow]
    ) -> RefreshRow:
        """One id for several refreshes: the same for whoever asks for the same."""
        names = sorted(part.id for part in parts)
        row = RefreshRow(
            f"g{hashlib.sha256(' '.join(names).encode()).hexdigest()[:16]}",
            merchant_id,
            "",
            datetime.now(UTC).isoformat(timespec="milliseconds"),
            requested_by=by.token_id,
            asked=0,
            region=region,
            parts=tuple(names),
        )
        store = self.asking.store.refreshes
        return row if store.add(row) else store.get(row.id) or row


def _answer(outcome: str, told: dict[str, Any]) -> Answer:
    document = {**told, "outcome": outcome}
    if outcome == "present":
        return Answer(document, 200, None)
    return Answer(document, 202, f"/v1/refreshes/{told['id']}")
