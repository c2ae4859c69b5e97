"""Who is let in: tokens, their roles and stores, sessions of the dashboard and their CSRF token."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from api.auth import Gate
from api.errors import UnauthenticatedError
from api.tokens import issue_token, list_tokens, revoke_token
from etl.errors import InputError

NOW = datetime(2026, 11, 5, 8, tzinfo=UTC)
MUG = "/v1/stores/S1/products/MUG"


def test_a_token_is_kept_only_as_a_hash(store):
    token = issue_token(store, "merchant", "M1", [], NOW, None)

    assert token.startswith("sc_") and len(token) > 40
    (kept,) = list_tokens(store)
    assert kept["merchant_id"] == "M1" and kept["role"] == "merchant"
    assert token not in str(list(store.records("token")))
    assert token[3:] not in str(list(store.records("token")))


@pytest.mark.parametrize(
    ("role", "merchant", "stores", "message"),
    [
        ("merchant", None, [], "a merchant token needs --merchant"),
        ("planner", None, ["S1"], "a planner token needs --merchant"),
        ("analyst", "M1", [], "an analyst token belongs to no merchant"),
        ("operator", None, ["S1"], "an operator token belongs to no merchant"),
        ("king", "M1", [], "one of merchant, planner, analyst, operator; found 'king'"),
    ],
)
def test_roles_merchants_and_stores_go_together(store, role, merchant, stores, message):
    with pytest.raises(InputError, match=message):
        issue_token(store, role, merchant, stores, NOW, None)


def test_a_revoked_token_is_refused(client, token_of, published):
    headers = token_of("M1")
    assert client.get("/v1/stores", headers=headers).status_code == 200

    (token,) = list_tokens(published)
    revoke_token(published, token["token_id"], NOW)
    assert client.get("/v1/stores", headers=headers).status_code == 401
    with pytest.raises(InputError, match="there is no token 'abc'"):
        revoke_token(published, "abc", NOW)


def test_an_expired_token_is_refused(client, token_of):
    far = datetime(2100, 1, 1, tzinfo=UTC)
    assert client.get("/v1/stores", headers=token_of(expires_at=far)).status_code == 200
    past = datetime(2020, 1, 1, tzinfo=UTC)
    assert client.get("/v1/stores", headers=token_of(expires_at=past)).status_code == 401


def test_what_was_checked_is_remembered_for_the_stated_time(store, settings):
    clock = [1000.0]
    gate = Gate(store, replace(settings, token_cache_seconds=5.0), lambda: clock[0])
    token = issue_token(store, "merchant", "M1", [], NOW, None)
    gate.by_token(token)
    revoke_token(store, list_tokens(store)[0]["token_id"], NOW)

    clock[0] += 4.9
    assert gate.by_token(token).merchant_id == "M1"
    clock[0] += 0.2
    with pytest.raises(UnauthenticatedError, match="unknown, expired or revoked"):
        gate.by_token(token)


def test_a_remembered_token_still_expires(store, settings):
    clock = [NOW.timestamp()]
    gate = Gate(store, replace(settings, token_cache_seconds=3600.0), lambda: clock[0])
    token = issue_token(store, "merchant", "M1", [], NOW, datetime(2026, 11, 5, 8, 1, tzinfo=UTC))
    gate.by_token(token)
    clock[0] += 61
    with pytest.raises(UnauthenticatedError):
        gate.by_token(token)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic c2M6eA=="},
        {"authorization": "Bearer a.b.c"},
        {"authorization": "Bearer sc_é".encode("latin-1").decode("latin-1")},
    ],
)
def test_without_a_valid_token_nothing_is_told(client, headers):
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    for path in ("/v1/stores", f"{MUG}/forecast", "/v1/stores/S9/products"):
        answer = client.get(path, headers=raw)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["type"] == "urn:storecast:problem:unauthenticated"


def test_a_token_of_some_stores_sees_those_only(client, token_of):
    narrow = token_of("M1", "planner", ["S2"])

    assert [s["store_id"] for s in client.get("/v1/stores", headers=narrow).json()["stores"]] == [
        "S2"
    ]
    assert client.get(f"{MUG}/forecast", headers=narrow).status_code == 404
    assert client.get("/v1/stores/S1/totals", headers=narrow).status_code == 404
    assert client.get("/v1/stores/S2/totals", headers=narrow).status_code == 200
    refused = client.get("/v1/totals", headers=narrow)
    assert refused.status_code == 403 and "only some stores" in refused.json()["detail"]


def test_platform_roles_name_a_merchant(client, token_of):
    analyst = token_of(None, "analyst")

    missing = client.get("/v1/stores", headers=analyst)
    assert missing.status_code == 400 and "?merchant_id=" in missing.json()["detail"]
    stores = client.get("/v1/stores?merchant_id=M2", headers=analyst).json()["stores"]
    assert [s["name"] for s in stores] == ["Paulista"]
    assert client.get("/v1/merchants", headers=analyst).json() == {"merchants": ["M1", "M2"]}
    assert client.get("/v1/merchants", headers=token_of("M1")).status_code == 403


def test_a_merchant_cannot_name_another(client, token_of):
    m1 = token_of("M1")
    assert client.get("/v1/stores?merchant_id=M1", headers=m1).status_code == 200
    assert client.get("/v1/stores?merchant_id=M2", headers=m1).status_code == 404


def test_too_many_requests_are_told_when_to_return(published, settings, token_of, make_client):
    headers = token_of("M1")
    with make_client(replace(settings, requests_per_second=0.5, request_burst=3)) as client:
        answers = [client.get(f"{MUG}/forecast", headers=headers) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["retry-after"] == "2"
    assert "3 at once" in answers[-1].json()["detail"]


def signed_in(client, headers):
    token = headers["authorization"].split()[1]
    return client.post("/v1/session", json={"token": token}, headers={})


def test_a_session_reads_by_cookie_and_changes_by_csrf_token(client, token_of):
    answer = signed_in(client, token_of("M1"))

    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    session = answer.json()
    assert (session["role"], session["merchant_id"]) == ("merchant", "M1")
    assert client.get(f"{MUG}/forecast").status_code == 200
    assert client.get("/v1/session").json()["csrf_token"] == session["csrf_token"]

    body = {"verdict": "other"}
    for token in (None, "", "0" * 64):
        headers = {} if token is None else {"x-csrf-token": token}
        refused = client.post(f"{MUG}/feedback", json=body, headers=headers)
        assert refused.status_code == 403 and "X-CSRF-Token" in refused.json()["detail"]
    headers = {"x-csrf-token": session["csrf_token"]}
    assert client.post(f"{MUG}/feedback", json=body, headers=headers).status_code == 201


def test_signing_out_ends_the_session(client, token_of):
    session = signed_in(client, token_of("M1")).json()
    kept = dict(client.cookies)

    out = client.delete("/v1/session", headers={"x-csrf-token": session["csrf_token"]})
    assert out.status_code == 204
    client.cookies.update(kept)
    assert client.get("/v1/stores").status_code == 401
    assert client.get("/v1/session").json()["role"] is None


def test_revoking_the_token_ends_its_sessions(client, token_of, published):
    signed_in(client, token_of("M1"))
    assert client.get("/v1/stores").status_code == 200
    revoke_token(published, list_tokens(published)[0]["token_id"], NOW)
    assert client.get("/v1/stores").status_code == 401


def test_a_session_ends_after_its_hours(store, settings):
    from api.sessions import start_session

    clock = [time.time()]
    gate = Gate(store, settings, lambda: clock[0])
    token = issue_token(store, "merchant", "M1", [], NOW, None)
    secret, ends = start_session(store, gate.by_token(token), None, clock[0])
    assert gate.by_session(secret).merchant_id == "M1"
    clock[0] = ends + 1
    with pytest.raises(UnauthenticatedError, match="session is over"):
        gate.by_session(secret)


def test_a_wrong_token_does_not_sign_in(client):
    answer = client.post("/v1/session", json={"token": "wrong"})
    assert answer.status_code == 401 and "set-cookie" not in answer.headers


def test_a_form_of_another_site_cannot_sign_in(client, token_of):
    token = token_of("M1")["authorization"].split()[1]
    for sent in (
        {"data": {"token": token}},
        {"content": f'{{"token": "{token}"}}', "headers": {"content-type": "text/plain"}},
    ):
        answer = client.post("/v1/session", **sent)
        assert answer.status_code == 422 and "set-cookie" not in answer.headers
