"""Storecast's own tokens: random, shown once, kept only as a hash, scoped, expiring, revocable.

A token is 32 random bytes, so a plain SHA-256 is as good a hash as a slow one: there is nothing to
guess. Its id is the beginning of that hash and stands in lists, logs and the audit trail.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from api.store.documents import Scope
from api.store.protocol import ForecastStore
from etl.errors import InputError

__all__ = [
    "ROLES",
    "Principal",
    "find_token",
    "hash_of",
    "issue_token",
    "list_tokens",
    "revoke_token",
]

ROLES = ("merchant", "planner", "analyst", "operator")
"""A merchant and their planners see one merchant; analysts and operators name one per request."""

_OF_ONE_MERCHANT = ("merchant", "planner")
_ID_LENGTH = 12


@dataclass(frozen=True)
class Principal:
    """Who asks: the token's id, its role, the merchant and stores that it reaches, its end.

    `expires_at` is in seconds since 1970.
    """

    token_id: str
    role: str
    merchant_id: str | None
    stores: frozenset[str] | None = None
    expires_at: float | None = None

    @property
    def of_platform(self) -> bool:
        """Whether the role belongs to no merchant."""
        return self.role not in _OF_ONE_MERCHANT

    @cached_property
    def own_scope(self) -> Scope | None:
        """What a token of one merchant reaches; None for the platform's roles."""
        return Scope(self.merchant_id, self.stores) if self.merchant_id else None

    def scope_of(self, merchant_id: str) -> Scope:
        """The part of that merchant's data that the token reaches."""
        return Scope(merchant_id, self.stores)


def issue_token(
    store: ForecastStore,
    role: str,
    merchant_id: str | None,
    stores: Iterable[str],
    issued_at: datetime,
    expires_at: datetime | None,
) -> str:
    """A new token, which is not kept and cannot be shown again.

    Raises `InputError` where role, merchant and stores do not go together.
    """
    stores = sorted(set(stores))
    _refuse_mismatch(role, merchant_id, stores)
    token = f"sc_{secrets.token_urlsafe(32)}"
    key = hash_of(token)
    document = {
        "token_id": key[:_ID_LENGTH],
        "role": role,
        "merchant_id": merchant_id,
        "stores": stores or None,
        "issued_at": issued_at.isoformat(timespec="seconds"),
        "expires_at": expires_at.isoformat(timespec="seconds") if expires_at else None,
        "revoked_at": None,
    }
    store.put_record("token", key, document, (merchant_id or "", "", ""))
    return token


def find_token(store: ForecastStore, token_hash: str, now: float) -> Principal | None:
    """Who a token stands for; None where it is unknown, expired or revoked."""
    found = store.record("token", token_hash)
    if found is None or found["revoked_at"]:
        return None
    end = found["expires_at"]
    expires_at = datetime.fromisoformat(end).timestamp() if end else None
    if expires_at is not None and expires_at <= now:
        return None
    stores = frozenset(found["stores"]) if found["stores"] else None
    return Principal(found["token_id"], found["role"], found["merchant_id"], stores, expires_at)


def list_tokens(store: ForecastStore) -> list[dict[str, Any]]:
    """Every token ever issued, without its secret, the oldest first."""
    found, after = [], ""
    while page := list(store.records("token", after=after, limit=1000)):
        found += [document for _, document in page]
        after = page[-1][0]
    return sorted(found, key=lambda document: str(document["issued_at"]))


def revoke_token(store: ForecastStore, token_id: str, at: datetime) -> dict[str, Any]:
    """Revoke the token of that id. Raises `InputError` where there is none."""
    after = ""
    while page := list(store.records("token", after=after, limit=1000)):
        for key, document in page:
            if document["token_id"] == token_id:
                revoked = {**document, "revoked_at": at.isoformat(timespec="seconds")}
                store.put_record("token", key, revoked, (document["merchant_id"] or "", "", ""))
                return revoked
        after = page[-1][0]
    raise InputError(f"there is no token {token_id!r}; `python -m api token list` shows all")


def hash_of(token: str) -> str:
    """The hash that a token is kept and looked up by."""
    return hashlib.sha256(token.encode()).hexdigest()


def _refuse_mismatch(role: str, merchant_id: str | None, stores: list[str]) -> None:
    if role not in ROLES:
        raise InputError(f"a role is one of {', '.join(ROLES)}; found {role!r}")
    if role in _OF_ONE_MERCHANT and not merchant_id:
        raise InputError(f"a {role} token needs --merchant")
    if role not in _OF_ONE_MERCHANT and (merchant_id or stores):
        raise InputError(
            f"an {role} token belongs to no merchant and no store; leave out --merchant and "
            "--store, and pass ?merchant_id= with each request"
        )
