"""The caller of a request, as routes meet it: who it is, and the view that it may have.

Nothing is looked up until a route asks, so that routes run in worker threads and a store that
answers over a network holds nobody else up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.security import HTTPBearer

from api.audit import read_trail
from api.auth import Gate
from api.errors import (
    BadRequestError,
    ForbiddenError,
    NoRunError,
    NotFoundError,
    UnauthenticatedError,
)
from api.limits import RateLimit
from api.newcomers import Newcomers
from api.pages import PageCache
from api.publish import published_runs
from api.refresh.desk import RefreshDesk
from api.sessions import COOKIE
from api.store.documents import Edition, Scope
from api.store.protocol import ForecastStore
from api.tokens import Principal
from api.view import MerchantView
from etl.settings import Settings

__all__ = ["Caller", "Desk", "scope_for"]

_SAFE = ("GET", "HEAD", "OPTIONS")
_BEARER = HTTPBearer(
    auto_error=False,
    description="A Storecast token (`python -m api token issue`), or the marketplace's JWT.",
)


@dataclass(frozen=True)
class Desk:
    """What the API answers with: store, settings, gate, limits, pages it keeps, refreshes, and
    the stores that are newer than what is published."""

    store: ForecastStore
    settings: Settings
    gate: Gate
    limit: RateLimit
    pages: PageCache
    refreshing: RefreshDesk
    newcomers: Newcomers


def scope_for(principal: Principal, merchant_id: str | None) -> Scope:
    """What a principal reaches, of the merchant named in the request or of its own.

    Raises `BadRequestError` where a platform role names no merchant, and `NotFoundError` where a
    merchant's token names another.
    """
    if principal.of_platform:
        if not merchant_id:
            raise BadRequestError(
                f"a token of the role {principal.role} must name a merchant: ?merchant_id=…; "
                "GET /v1/merchants lists them"
            )
        return principal.scope_of(merchant_id)
    if principal.own_scope is None or merchant_id not in (None, principal.merchant_id):
        raise NotFoundError(f"there is no merchant {merchant_id!r} within reach of the token")
    return principal.own_scope


class Caller:
    """Who makes this request, and what they may see; a dependency of every route."""

    def __init__(
        self,
        request: Request,
        merchant_id: Annotated[
            str | None,
            Query(
                max_length=200,
                description="The merchant to read; needed by analysts and operators only.",
            ),
        ] = None,
        _: Annotated[object, Depends(_BEARER)] = None,
    ) -> None:
        self._request = request
        self._merchant_id = merchant_id
        self._principal: Principal | None = None
        self.desk: Desk = request.app.state.desk
        self.if_none_match = request.headers.get("if-none-match")

    @property
    def principal(self) -> Principal:
        """Who asks. Raises `UnauthenticatedError` or `TooManyRequestsError`."""
        if self._principal is None:
            self._principal = self._admitted()
            self._request.scope["storecast"].principal = self._principal
            self.desk.limit.take(self._principal.token_id)
        return self._principal

    @property
    def view(self) -> MerchantView:
        """What the caller may read. Raises as `scope_for` does."""
        scope = scope_for(self.principal, self._merchant_id)
        self._request.scope["storecast"].merchant_id = scope.merchant_id
        return MerchantView(self.desk.store, scope, newcomers=self.desk.newcomers)

    def merchants(self) -> list[str]:
        """Every merchant of the run that is served; for roles of the platform only."""
        return self.desk.store.merchants(self._served().load)

    def current_run(self) -> dict[str, Any]:
        """The run that is served. Raises `NoRunError` before the first."""
        _ = self.principal
        edition = self._served()
        return {"run_id": edition.run_id, "published_at": edition.published_at, **edition.details}

    def runs(self) -> list[dict[str, Any]]:
        """Published runs; for roles of the platform only."""
        return published_runs(self.desk.store)

    def trail(self, after: str, limit: int) -> dict[str, Any]:
        """The audit trail of all merchants; for roles of the platform only."""
        return read_trail(self.desk.store, after, limit)

    def require(self, *roles: str) -> Principal:
        """The principal, if it has one of the roles. Raises `ForbiddenError` otherwise."""
        if self.principal.role not in roles:
            raise ForbiddenError(
                f"this needs a token of the role {' or '.join(roles)}; "
                f"yours is {self.principal.role}"
            )
        return self.principal

    @property
    def session(self) -> str | None:
        """The secret of the session cookie, where one was sent."""
        return self._request.cookies.get(COOKIE)

    def _served(self) -> Edition:
        edition = self.desk.store.current()
        if edition is None:
            raise NoRunError("no run has been published yet; come back after the next publish")
        return edition

    def _admitted(self) -> Principal:
        header = self._request.headers.get("authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer" or not token:
                raise UnauthenticatedError(
                    "the header Authorization must be 'Bearer' and a token; "
                    f"found the scheme {scheme[:20]!r}"
                )
            return self.desk.gate.by_token(token.strip())
        if self.session is None:
            raise UnauthenticatedError("send the header 'Authorization: Bearer …' with a token")
        if self._request.method not in _SAFE:
            self.desk.gate.check_csrf(self.session, self._request.headers.get("x-csrf-token"))
        return self.desk.gate.by_session(self.session)
