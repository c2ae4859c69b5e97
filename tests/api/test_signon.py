"""The marketplace's JWTs: believed only when its key signed them, for us, and in time."""

from __future__ import annotations

import base64
import hmac
import json
import time
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.errors import UnauthenticatedError
from api.signon import SignOn
from etl.errors import SettingError

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def sign_on(tmp_path, settings):
    """The sign-on with an RSA key named r and an EC key named e."""
    keys = []
    for name, algorithm, key in (
        ("r", jwt.algorithms.RSAAlgorithm, RSA_KEY),
        ("e", jwt.algorithms.ECAlgorithm, EC_KEY),
    ):
        keys.append({**json.loads(algorithm.to_jwk(key.public_key())), "kid": name})
    place = tmp_path / "jwks.json"
    place.write_text(json.dumps({"keys": keys}))
    return SignOn(replace(settings, jwt_keys=str(place), jwt_issuer="market"))


def a_token(key=RSA_KEY, algorithm="RS256", kid="r", **claims):
    claims = {
        "sub": "u7",
        "aud": "storecast",
        "iss": "market",
        "exp": time.time() + 300,
        "merchant_id": "M1",
        **claims,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm, headers={"kid": kid})


def test_both_algorithms_become_the_merchants_principal(sign_on):
    principal = sign_on.principal(a_token())
    assert (principal.token_id, principal.role, principal.merchant_id) == (
        "jwt:u7",
        "merchant",
        "M1",
    )
    assert principal.stores is None

    narrowed = sign_on.principal(a_token(EC_KEY, "ES256", "e", stores=["S1"], role="planner"))
    assert (narrowed.role, narrowed.stores) == ("planner", frozenset({"S1"}))


def test_expiry_is_allowed_the_stated_skew_only(sign_on):
    assert sign_on.principal(a_token(exp=time.time() - 20)).merchant_id == "M1"
    with pytest.raises(UnauthenticatedError, match="Signature has expired"):
        sign_on.principal(a_token(exp=time.time() - 40))


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"aud": "other"}, "Audience"),
        ({"aud": None}, "aud"),
        ({"iss": "stranger"}, "[Ii]ssuer"),
        ({"exp": None}, "exp"),
        ({"nbf": time.time() + 600}, "not yet valid"),
        ({"merchant_id": None}, "merchant_id"),
        ({"merchant_id": 7}, "merchant_id"),
        ({"role": "operator"}, "role merchant or planner; found 'operator'"),
        ({"stores": "S1"}, "list of store ids"),
    ],
)
def test_claims_that_do_not_hold_are_refused(sign_on, claims, message):
    with pytest.raises(UnauthenticatedError, match=message):
        sign_on.principal(a_token(**claims))


def test_unsigned_and_foreign_tokens_are_refused(sign_on):
    good = a_token()
    header, payload, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"r"}').rstrip(b"=").decode()
    with pytest.raises(UnauthenticatedError, match="only RS256 and ES256"):
        sign_on.principal(f"{none}.{payload}.")
    with pytest.raises(UnauthenticatedError, match="Signature verification failed"):
        sign_on.principal(a_token(STRANGER))
    with pytest.raises(UnauthenticatedError, match="not that of its key"):
        sign_on.principal(a_token(EC_KEY, "ES256", "r"))
    with pytest.raises(UnauthenticatedError, match="no key of the marketplace"):
        sign_on.principal(a_token(kid="z"))
    with pytest.raises(UnauthenticatedError, match="refused"):
        sign_on.principal(f"{header}.{payload}.{signature[:-4]}AAAA")


def test_a_public_key_is_no_shared_secret(sign_on):
    public = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _, payload, _ = a_token().split(".")
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"r"}').rstrip(b"=").decode()
    mac = hmac.digest(public, f"{header}.{payload}".encode(), "sha256")
    signature = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    with pytest.raises(UnauthenticatedError, match="only RS256 and ES256"):
        sign_on.principal(f"{header}.{payload}.{signature}")


def test_without_keys_every_jwt_is_refused(settings):
    with pytest.raises(UnauthenticatedError, match="unknown"):
        SignOn(settings).principal(a_token())


def test_unusable_keys_are_a_setting_to_mend(tmp_path, settings):
    with pytest.raises(SettingError, match="STORECAST_JWT_KEYS must be a JWKS file"):
        SignOn(replace(settings, jwt_keys=str(tmp_path / "none.json"))).principal(a_token())
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(SettingError, match="not a JWKS"):
        SignOn(replace(settings, jwt_keys=str(tmp_path / "bad.json"))).principal(a_token())


def test_a_new_key_of_the_marketplace_is_read_when_a_token_names_it(tmp_path, settings):
    clock = [1000.0]
    place = tmp_path / "jwks.json"

    def publish(**keys):
        to_jwk = jwt.algorithms.RSAAlgorithm.to_jwk
        listed = [{**json.loads(to_jwk(k.public_key())), "kid": n} for n, k in keys.items()]
        place.write_text(json.dumps({"keys": listed}))

    publish(r=RSA_KEY)
    sign_on = SignOn(replace(settings, jwt_keys=str(place)), lambda: clock[0])
    assert sign_on.principal(a_token()).merchant_id == "M1"
    publish(s=STRANGER)
    clock[0] += 5
    with pytest.raises(UnauthenticatedError, match="no key of the marketplace"):
        sign_on.principal(a_token(STRANGER, kid="s"))
    clock[0] += 6
    assert sign_on.principal(a_token(STRANGER, kid="s")).merchant_id == "M1"
    with pytest.raises(UnauthenticatedError, match="no key of the marketplace"):
        sign_on.principal(a_token())
