"""Who asks: a token or a session becomes a `Principal`, checked once and remembered briefly.

What was found is remembered for `STORECAST_TOKEN_CACHE_SECONDS`, under the hash of the credential;
a revoked token is refused after that time at the latest.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable

from api.errors import ForbiddenError, UnauthenticatedError
from api.sessions import csrf_token, find_session
from api.signon import SignOn
from api.store.protocol import ForecastStore
from api.tokens import Principal, find_token, hash_of
from etl.settings import Settings

__all__ = ["Gate"]

_REMEMBERED = 20_000


class Gate:
    """Admits callers by what they carry."""

    def __init__(
        self, store: ForecastStore, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._seconds = settings.token_cache_seconds
        self._clock = clock
        self._sign_on = SignOn(settings, clock)
        self._known: dict[str, tuple[Principal, float]] = {}

    def by_token(self, token: str) -> Principal:
        """Who a bearer token stands for. Raises `UnauthenticatedError` where it stands for none."""
        return self._remembered(token, self._read_token)

    def by_session(self, secret: str) -> Principal:
        """Who a session's cookie stands for. Raises `UnauthenticatedError` when it is over."""
        return self._remembered(secret, self._read_session)

    def check_csrf(self, secret: str, presented: str | None) -> None:
        """Raise `ForbiddenError` unless a change under a cookie carries the session's token."""
        if not hmac.compare_digest(csrf_token(secret).encode(), (presented or "").encode()):
            raise ForbiddenError(
                "a change made with the session cookie needs the header X-CSRF-Token; "
                "GET /v1/session tells it"
            )

    def forget(self, credential: str) -> None:
        """Check this credential anew at its next use."""
        self._known.pop(hash_of(credential), None)

    def _remembered(self, credential: str, read: Callable[[str, float], Principal]) -> Principal:
        now = self._clock()
        key = hash_of(credential)
        known = self._known.get(key)
        if known is not None and known[1] > now:
            return known[0]
        self._known.pop(key, None)
        principal = read(credential, now)
        while len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(self._known)), None)
        until = min(now + self._seconds, principal.expires_at or float("inf"))
        self._known[key] = (principal, until)
        return principal

    def _read_token(self, token: str, now: float) -> Principal:
        if token.count(".") == 2:
            return self._sign_on.principal(token)
        principal = find_token(self._store, hash_of(token), now)
        if principal is None:
            raise UnauthenticatedError("the token is unknown, expired or revoked")
        return principal

    def _read_session(self, secret: str, now: float) -> Principal:
        session = find_session(self._store, secret, now)
        if session is None:
            raise UnauthenticatedError("the session is over; sign in again")
        if session["credential"] is not None:
            principal = find_token(self._store, session["credential"], now)
            if principal is None:
                raise UnauthenticatedError("the token that signed in is expired or revoked")
            return principal
        stores = session["stores"]
        return Principal(
            session["token_id"],
            session["role"],
            session["merchant_id"],
            None if stores is None else frozenset(stores),
            session["expires_at"],
        )
