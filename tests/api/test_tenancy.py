"""Every operation, filter, id, cursor and tag of one merchant, tried with every other's credential.

The attempts are generated from the OpenAPI description, so that a new route is tried without anyone
remembering it. Merchant A's data carries marks that no request holds: none may ever come back.
"""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, product
from pathlib import Path
from urllib.parse import quote

import jwt
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from api import routes
from api.publish import publish_run
from api.store.daily import DailyDocument
from api.tokens import issue_token, list_tokens, revoke_token
from etl.lake import Lake
from etl.registry import Store, add_store
from etl.tables import PRODUCTS

NOW = datetime(2026, 11, 5, 8, tzinfo=UTC)
MARKS = ("HIDDEN", "31337")
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STORE_A = Store("A", "SA", "HIDDEN store", "RA", "AR", "America/Bogota", "ARS", 9, "x", "1")
STORE_A2 = Store("A", "SA2", "other store of A", "RA2", "AR", "America/Bogota", "ARS", 9, "x", "2")
STORE_B = Store("B", "SB", "store of B", "RB", "BR", "America/Bogota", "BRL", 9, "x", "3")


@pytest.fixture
def world(tmp_path, store, settings, write, make_client):
    """A served store of merchants A and B, A's feedback in it, and a client with a JWKS."""
    lake = Lake(tmp_path / "lake")
    run = "2026-10.1"
    contents = []
    for shop, units in ((STORE_A, 31337.5), (STORE_A2, 5.0), (STORE_B, 7.0)):
        add_store(lake, shop)
        series = write.series(shop, "P", [3] * 24, category=f"category {shop.merchant_id}")
        contents.append((series, write.forecast(run, series, units)))
    listing = {
        "merchant_id": "A",
        "store_id": "SA",
        "product_id": "P",
        "listing_id": "L",
        "name": "HIDDEN name",
        "category": "category A",
        "currency": "ARS",
        "status": "active",
    }
    rows = pa.Table.from_pylist([listing], PRODUCTS.schema)
    lake.write_table("registry/products/merchant_id=A/store_id=SA.parquet", rows, PRODUCTS)
    write.run(lake, run, [contents])
    publish_run(lake, store, run, settings, NOW)
    facts = {"runs": ["2026-09.1"], "headline": {"rows": 1}, "alerts": [], "worst": "HIDDEN"}
    lake.write_json("reports/month=2026-10/report.json", facts)
    for form in ("html", "parquet"):
        lake.write_bytes(f"reports/month=2026-10/report.{form}", b"<style></style>HIDDEN")
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [{**public, "kid": "k"}]}))
    with make_client(replace(settings, jwt_keys=str(tmp_path / "jwks.json"))) as client:
        yield client, store


def a_jwt(key=KEY, algorithm="RS256", **claims):
    full = {"aud": "storecast", "exp": time.time() + 300, "merchant_id": "A", "sub": "u", **claims}
    return jwt.encode(full, key, algorithm, headers={"kid": "k"})


def unsigned(payload_of):
    header = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k"}').rstrip(b"=").decode()
    return f"{header}.{payload_of.split('.')[1]}."


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def without_access(store):
    """Credentials that reach none of A's marked data, by name."""
    good = a_jwt()
    revoked = issue_token(store, "merchant", "A", [], NOW, None)
    (known,) = [t for t in list_tokens(store) if t["merchant_id"] == "A" and not t["stores"]]
    revoke_token(store, known["token_id"], NOW)
    header, payload, signature = good.split(".")
    return {
        "nobody": {},
        "merchant B": bearer(issue_token(store, "merchant", "B", [], NOW, None)),
        "planner B": bearer(issue_token(store, "planner", "B", ["SA", "SB"], NOW, None)),
        "A, another store": bearer(issue_token(store, "planner", "A", ["SA2"], NOW, None)),
        "jwt of B": bearer(a_jwt(merchant_id="B")),
        "jwt of B naming A's store": bearer(a_jwt(merchant_id="B", stores=["SA"])),
        "jwt of A, another store": bearer(a_jwt(stores=["SA2"])),
        "jwt of A, no store": bearer(a_jwt(stores=[])),
        "revoked": bearer(revoked),
        "expired": bearer(
            issue_token(store, "merchant", "A", [], NOW, datetime(2020, 1, 1, tzinfo=UTC))
        ),
        "forged": bearer("sc_" + "A" * 43),
        "expired jwt": bearer(a_jwt(exp=time.time() - 3600)),
        "wrong audience": bearer(a_jwt(aud="other")),
        "no algorithm": bearer(unsigned(good)),
        "no signature": bearer(f"{header}.{payload}."),
        "foreign key": bearer(a_jwt(STRANGER)),
        "claims swapped": bearer(f"{header}.{a_jwt(sub='x').split('.')[1]}.{signature}"),
    }


def attempts(client, of_a):
    """Requests for A's data, from every operation and parameter of the description."""
    description = client.get("/openapi.json").json()
    for path, operations in description["paths"].items():
        ids = of_a["path"] | ({"month": "2026-10"} if "reports" in path else {})
        filled = re.sub(r"\{(\w+)\}", lambda m, ids=ids: quote(ids[m[1]], safe=""), path)
        for method, operation in operations.items():
            bodies = of_a["body"][path.rsplit("/", 1)[-1]] if "requestBody" in operation else [None]
            names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
            assert {*names} <= {*of_a["query"], "merchant_id"}, "a parameter that nobody tries"
            queries = chain(
                [""],
                ["merchant_id=A"] if "merchant_id" in names else [],
                [
                    f"{name}={quote(str(value))}"
                    for name in names
                    for value in of_a["query"].get(name, [])
                ],
            )
            for query, body in product(queries, bodies):
                options = {} if body is None else {"json": body}
                yield method.upper(), f"{filled}?{query}" if query else filled, options


def put_daily(store):
    """Daily forecasts of two products of A, with A's marks."""
    days = [f"2026-11-0{n}" for n in range(1, 8)]
    document = {"product_id": "P", "name": "HIDDEN name", "data_until": "2026-10-31"}
    sums = {
        "data_until": "2026-10-31",
        "trained_at": "2026-11-01T06:00:00+00:00",
        "days": days,
        "units": [31337.5] * 7,
        "recent_from": "2026-10-31",
        "recent": [31337.0],
    }
    full = document | {"days": days, "units_forecast": sums["units"], "reason": None}
    full |= {f"{side}{level}": sums["units"] for side in ("lo", "hi") for level in (50, 80, 95)}
    texts = [json.dumps(one, separators=(",", ":")).encode() for one in (sums, full)]
    for name in ("P", "Q"):
        about = ("A", "SA", name, "category A", 7.0, f"hidden {name.lower()}", "w.c")
        store.daily.put([DailyDocument(*about, *texts)])


@pytest.fixture
def of_a(world):
    """A's ids, cursors and tags, as A itself sees them."""
    client, store = world
    own = bearer(issue_token(store, "planner", "A", ["SA", "SA2"], NOW, None))
    note = {"verdict": "other", "note": "HIDDEN note"}
    given = client.post("/v1/stores/SA/products/P/feedback", headers=own, json=note).json()
    month = {"units": 31337, "note": "HIDDEN"}
    client.put("/v1/stores/SA/products/P/adjustments/2026-12-01", headers=own, json=month)
    started = client.post("/v1/stores/SA/refresh", headers=own).json()
    put_daily(store)
    daily = client.get("/v1/stores/SA/products/P/daily", headers=own)
    assert all(mark in daily.text for mark in MARKS)
    cursors = [
        client.get(f"/v1/products?limit=1{more}", headers=own).json()["next"]
        for more in ("", "&sort=name", "&store=SA&store=SA2")
    ]
    cursors.append(client.get("/v1/stores/SA/daily?limit=1", headers=own).json()["next"])
    assert all(cursors)
    forecast = client.get("/v1/stores/SA/products/P/forecast", headers=own)
    assert all(mark in forecast.text for mark in MARKS)
    tags = [forecast.headers["etag"], daily.headers["etag"]]
    for path in (
        "/v1/stores",
        "/v1/products",
        "/v1/stores/SA/products",
        "/v1/stores/SA/totals",
        "/v1/stores/SA/daily",
    ):
        tags.append(client.get(path, headers=own).headers["etag"])
    return {
        "path": {
            "store_id": "SA",
            "product_id": "P",
            "feedback_id": given["feedback_id"],
            "month": "2026-12-01",
            "refresh_id": started["id"],
        },
        "query": {
            "store": ["SA"],
            "store_id": ["SA"],
            "product": ["P"],
            "region": ["RA"],
            "category": ["category A"],
            "confidence": ["high", "fair"],
            "q": ["hidden", "p"],
            "sort": ["name", "risk", "attention"],
            "cursor": cursors,
            "after": ["", "O"],
            "format": ["csv", "html", "json", "parquet"],
            "limit": [1],
        },
        "body": {
            "feedback": [{"verdict": "other", "note": "mine"}],
            "{month}": [{"units": 1}],
            "session": [{"token": "sc_" + "A" * 43}],
            "refresh": [{"stores": ["SA"]}, {"region": "RA"}, {"products": ["P"]}],
        },
        "tags": tags,
    }


def test_nobody_else_sees_or_changes_what_is_a_merchants_own(world, of_a):
    client, store = world
    tried = 0
    for name, headers in without_access(store).items():
        for method, path, options in attempts(client, of_a):
            answer = client.request(method, path, headers=headers, **options)
            tried += 1
            assert answer.status_code < 500, (name, method, path, answer.text)
            assert not any(mark in answer.text for mark in MARKS), (name, method, path)
            client.cookies.clear()
    assert tried > 800

    own = bearer(issue_token(store, "merchant", "A", [], NOW, None))
    assert client.get("/v1/feedback", headers=own).json()["feedback"][0]["note"] == "HIDDEN note"
    (kept,) = client.get("/v1/adjustments", headers=own).json()["adjustments"]
    assert kept["units"] == 31337
    (asked,) = store.refreshes.active()
    assert asked.id == of_a["path"]["refresh_id"]


@pytest.mark.parametrize("store_id", ["SB%2F..%2FSA", "..%2FSA", "SA%00", "sa", "SA%20", "S%25"])
def test_ids_that_are_almost_a_merchants_own_open_nothing(world, of_a, store_id):
    client, store = world
    headers = bearer(issue_token(store, "merchant", "B", [], NOW, None))
    for path in ("products", "products/P/forecast", "products/P/daily", "totals", "daily"):
        for odd in (f"/v1/stores/{store_id}/{path}", f"/v1/stores/SB/../SA/{path}"):
            answer = client.get(odd, headers=headers)
            assert 400 <= answer.status_code < 500, (odd, answer.text)
            assert not any(mark in answer.text for mark in MARKS), odd


def test_another_merchants_tags_and_cookies_open_nothing(world, of_a):
    client, store = world
    token = issue_token(store, "merchant", "B", [], NOW, None)
    client.post("/v1/session", json={"token": token})
    for method, path, _ in attempts(client, of_a):
        if method != "GET":
            continue
        for tag in of_a["tags"]:
            answer = client.get(path, headers={"if-none-match": tag})
            assert answer.status_code != 304, (path, tag)
            assert not any(mark in answer.text for mark in MARKS), path


def test_what_a_cannot_be_asked_for_looks_like_what_does_not_exist(world):
    client, store = world
    other = bearer(issue_token(store, "merchant", "B", [], NOW, None))
    for rest in ("products/P/forecast", "totals", "products", "forecasts", "daily"):
        path = f"/v1/stores/{{}}/{rest}"
        real, imagined = (
            client.get(path.format(store_id), headers=other) for store_id in ("SA", "ZZ")
        )
        assert real.status_code == imagined.status_code == 404
        assert real.json()["detail"] == imagined.json()["detail"].replace("ZZ", "SA")


def test_routes_never_hold_the_store():
    """The construction that the suite above relies on: a route's code has no store to ask."""
    for path in Path(routes.__file__).parent.glob("*.py"):
        text = path.read_text()
        for word in ("desk.store", "open_store", "SqliteStore", "MongoStore"):
            allowed = path.name in ("session.py", "operations.py") and word == "desk.store"
            assert allowed or word not in text, (path.name, word)
