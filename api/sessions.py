"""Sessions of the dashboard: a cookie that the page's scripts cannot read, and a CSRF token.

The cookie is random and kept as a hash, like a token. The CSRF token is derived from it, so that a
page of ours can be told it and another site's cannot guess it; every request that changes something
under a cookie must carry it in the header `X-CSRF-Token`.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from api.store.protocol import ForecastStore
from api.tokens import Principal, hash_of

__all__ = ["COOKIE", "csrf_token", "end_session", "find_session", "start_session"]

COOKIE = "storecast_session"
_SECONDS = 12 * 3600


def start_session(
    store: ForecastStore, principal: Principal, credential_hash: str | None, now: float
) -> tuple[str, float]:
    """The secret of a new session and when it ends, at the latest with the principal's token.

    `credential_hash` is the hash of the token that signed in, so that its revocation ends the
    session; None for a token that the marketplace signed.
    """
    secret = secrets.token_urlsafe(32)
    ends = min(now + _SECONDS, principal.expires_at or float("inf"))
    document = {
        "credential": credential_hash,
        "token_id": principal.token_id,
        "role": principal.role,
        "merchant_id": principal.merchant_id,
        "stores": sorted(principal.stores) if principal.stores is not None else None,
        "expires_at": ends,
    }
    store.put_record("session", hash_of(secret), document, (principal.merchant_id or "", "", ""))
    return secret, ends


def find_session(store: ForecastStore, secret: str, now: float) -> Mapping[str, Any] | None:
    """The session of that secret; None where it is unknown or over."""
    found = store.record("session", hash_of(secret))
    return found if found is not None and found["expires_at"] > now else None


def end_session(store: ForecastStore, secret: str) -> None:
    """Sign out."""
    store.delete_record("session", hash_of(secret))


def csrf_token(secret: str) -> str:
    """The CSRF token of a session."""
    return hmac.new(secret.encode(), b"storecast csrf", "sha256").hexdigest()
