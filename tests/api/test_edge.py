"""What every request gets: an id, headers, limits, a problem where something broke, a log line."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from etl.errors import StoreError

MUG = "/v1/stores/S1/products/MUG/forecast"


def logged(settings):
    return [json.loads(line) for line in Path(settings.request_log).read_text().splitlines()]


def test_a_request_id_is_given_or_kept(client):
    given = client.get("/healthz").headers["x-request-id"]
    assert len(given) == 16
    kept = client.get("/healthz", headers={"x-request-id": "shop-77"}).headers["x-request-id"]
    assert kept == "shop-77"
    unusable = client.get("/healthz", headers={"x-request-id": "a b\tc"}).headers["x-request-id"]
    assert unusable != "a b\tc" and len(unusable) == 16


@pytest.mark.parametrize("path", ["/healthz", MUG, "/v1/nothing"])
def test_every_answer_carries_the_security_headers(client, token_of, path):
    headers = client.get(path, headers=token_of("M1")).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["vary"] == "authorization, cookie, accept-encoding"


def test_the_line_of_a_request_says_who_read_what_and_no_secret(client, token_of, settings):
    m1 = token_of("M1")
    client.get(MUG, headers=m1)
    client.get("/v1/stores/S9/products?q=secretword", headers=m1)
    client.get("/healthz")
    client.__exit__()

    direct, missing, health = logged(settings)
    assert direct["path"] == MUG and direct["status"] == 200
    assert direct["route"] == "/v1/stores/{store_id}/products/{product_id}/forecast"
    assert (direct["role"], direct["merchant_id"]) == ("merchant", "M1")
    assert (missing["status"], missing["token_id"]) == (404, direct["token_id"])
    assert health["token_id"] is None and health["ms"] >= 0
    text = Path(settings.request_log).read_text()
    assert m1["authorization"].split()[1] not in text and "secretword" not in text


def test_what_is_not_there_is_a_problem(client):
    answer = client.get("/v1/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == {"type", "title", "status", "detail", "instance"}
    assert answer.json()["instance"].endswith(answer.headers["x-request-id"])

    wrong = client.post("/v1/stores")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
    assert wrong.json()["type"] == "urn:storecast:problem:method"


def test_a_body_may_not_be_longer_than_the_limit(client, token_of, settings):
    body = json.dumps({"verdict": "other", "note": "x" * settings.max_body_bytes})
    answer = client.post(
        "/v1/stores/S1/products/MUG/feedback",
        content=body,
        headers={**token_of("M1"), "content-type": "application/json"},
    )
    assert answer.status_code == 413
    assert "at most 65536 bytes" in answer.json()["detail"]


@pytest.mark.parametrize("body", ["{", "[]", "null", '{"verdict": 1}', "\x00"])
def test_bodies_that_are_not_what_is_asked_are_problems(client, token_of, body):
    answer = client.post(
        "/v1/stores/S1/products/MUG/feedback",
        content=body,
        headers={**token_of("M1"), "content-type": "application/json"},
    )
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:storecast:problem:invalid"


def test_a_fault_of_ours_is_told_without_its_inside(
    client, token_of, published, monkeypatch, caplog
):
    def broken(*_):
        raise RuntimeError("secret inside")

    monkeypatch.setattr(type(published), "stores", broken)
    with caplog.at_level(logging.ERROR, logger="storecast.api"):
        answer = client.get("/v1/stores", headers=token_of("M1"))
    assert answer.status_code == 500
    assert answer.json()["title"] == answer.json()["detail"] == "Something went wrong on our side"
    assert "secret inside" in caplog.text
    assert answer.headers["x-request-id"] in caplog.text


def test_a_store_that_does_not_answer_is_503_and_its_return_is_noticed(
    client, token_of, published, monkeypatch
):
    headers = token_of("M1")

    def gone(*_):
        raise StoreError("/secret/path cannot be read: disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(type(published), "current", gone)
        patched.setattr(type(published), "served_forecast", gone)
        for path in (MUG, "/v1/stores"):
            answer = client.get(path, headers=headers)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert answer.json()["detail"] == "The forecast store does not answer"
    assert client.get(MUG, headers=headers).status_code == 200


def test_metrics_count_by_route_and_status_for_operators(client, token_of):
    m1 = token_of("M1")
    for _ in range(3):
        client.get(MUG, headers=m1)
    client.get("/v1/stores/S9/totals", headers=m1)

    assert client.get("/metrics", headers=m1).status_code == 403
    text = client.get("/metrics", headers=token_of(None, "operator")).text
    route = "/v1/stores/{store_id}/products/{product_id}/forecast"
    counted = 'storecast_request_seconds_count{method="GET",route="%s",status="%s"} %s'
    assert counted % (route, 200, "3.0") in text
    assert counted % ("/v1/stores/{store_id}/totals", 404, "1.0") in text
    assert 'storecast_run_series{run_id="2026-10.1"} 5.0' in text


def test_readiness_needs_a_store_and_a_fresh_run(
    client, published, make_client, settings, tmp_path
):

    assert client.get("/healthz").json() == {"status": "ok"}
    with make_client(replace(settings, fresh_days=10**6)) as fresh:
        assert fresh.get("/readyz").json() == {"status": "ready", "run_id": "2026-10.1"}
    with make_client(replace(settings, fresh_days=-(10**6))) as stale:
        answer = stale.get("/readyz")
    assert answer.status_code == 503 and "STORECAST_FRESH_DAYS" in answer.json()["detail"]
    (tmp_path / "store.sqlite").rename(tmp_path / "moved.sqlite")
    assert client.get("/readyz").status_code == 503


def test_before_the_first_run_the_api_says_so(store, make_client, settings, token_of_empty):
    with make_client(settings) as client:
        for path in ("/readyz", "/v1/stores", MUG, "/v1/runs/current"):
            answer = client.get(path, headers=token_of_empty)
            assert answer.status_code == 503
            assert answer.json()["type"] == "urn:storecast:problem:no-run"
