"""The marketplace's own sign-on: its JWTs become principals, if its keys signed them.

Only RS256 and ES256 are taken, by the key that the token names in the marketplace's JWKS; audience
and expiry are required, times are allowed the stated skew. The claim `merchant_id` says whose data
it reaches; `stores`, where there is one, narrows it; `role` may be merchant or planner. Analysts
and operators use Storecast's own tokens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import orjson

from api.errors import UnauthenticatedError
from api.tokens import Principal
from etl.errors import SettingError, StoreError
from etl.settings import Settings

__all__ = ["SignOn"]

_ALGORITHMS = {"RS256": "RSA", "ES256": "EC"}
_ROLES = ("merchant", "planner")
_KEYS_LAST = 600.0
_ASK_AGAIN = 10.0


class SignOn:
    """Checks the marketplace's tokens; keys are read when they are first needed, and anew when a
    token names one that is not known."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def principal(self, token: str) -> Principal:
        """Who the token stands for. Raises `UnauthenticatedError` where it cannot be believed."""
        if not self._settings.jwt_keys:
            raise UnauthenticatedError("the token is unknown, expired or revoked")
        try:
            claims = self._claims(token)
        except jwt.PyJWTError as error:
            raise UnauthenticatedError(f"the marketplace's token is refused: {error}") from error
        return _principal_of(claims)

    def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in _ALGORITHMS:
            raise jwt.InvalidAlgorithmError("only RS256 and ES256 are accepted")
        key = self._key(str(header.get("kid", "")))
        if key.key_type != _ALGORITHMS[algorithm]:
            raise jwt.InvalidAlgorithmError("its algorithm is not that of its key")
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=self._settings.jwt_audience,
            issuer=self._settings.jwt_issuer or None,
            leeway=self._settings.jwt_leeway_seconds,
            options={"require": ["exp", "aud", "merchant_id"]},
        )

    def _key(self, key_id: str) -> jwt.PyJWK:
        with self._lock:
            age = self._clock() - self._read_at
            if age > _KEYS_LAST or (key_id not in self._keys and age > _ASK_AGAIN):
                self._keys = _read_keys(self._settings.jwt_keys)
                self._read_at = self._clock()
            if key_id not in self._keys:
                raise jwt.InvalidKeyError("no key of the marketplace has its key id")
            return self._keys[key_id]


def _principal_of(claims: dict[str, Any]) -> Principal:
    merchant_id, role = claims["merchant_id"], claims.get("role", "merchant")
    stores = claims.get("stores")
    if not isinstance(merchant_id, str) or not merchant_id:
        raise UnauthenticatedError("the marketplace's token names no merchant_id")
    if role not in _ROLES:
        raise UnauthenticatedError(
            f"the marketplace's token may have the role {' or '.join(_ROLES)}; found {role!r}"
        )
    if stores is not None and not (
        isinstance(stores, list) and all(isinstance(store, str) for store in stores)
    ):
        raise UnauthenticatedError("the claim stores must be a list of store ids")
    return Principal(
        f"jwt:{str(claims.get('sub', merchant_id))[:64]}",
        role,
        merchant_id,
        None if stores is None else frozenset(stores),
        float(claims["exp"]),
    )


def _read_keys(place: str) -> dict[str, jwt.PyJWK]:
    """The keys of a JWKS by their id. Raises `SettingError` or `StoreError` where unreadable."""
    if place.startswith("https://") or place.startswith("http://127.0.0.1"):
        try:
            content = httpx.get(place, timeout=5).raise_for_status().content
        except httpx.HTTPError as error:
            raise StoreError(
                f"the marketplace's keys cannot be read: {type(error).__name__}; "
                "see STORECAST_JWT_KEYS"
            ) from error
    else:
        try:
            content = Path(place).read_bytes()
        except OSError as error:
            raise SettingError(
                f"STORECAST_JWT_KEYS must be a JWKS file or an https URL: {error}"
            ) from error
    try:
        keys = jwt.PyJWKSet.from_dict(orjson.loads(content)).keys
    except (ValueError, TypeError, AttributeError, jwt.PyJWTError) as error:
        raise SettingError(f"STORECAST_JWT_KEYS is not a JWKS: {error}") from error
    return {key.key_id: key for key in keys if key.key_id}
