"""The OpenAPI description holds: generated requests meet no undocumented answer and no fault."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import daily_shapes, shapes
from api.refresh import examples as daily_examples
from api.refresh.documents import render_days
from api.tokens import issue_token

NOW = datetime(2026, 11, 5, 8, tzinfo=UTC)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KNOWN = {"store_id": "S1", "product_id": "MUG", "month": "2026-12-01"}
REPORT = {"month": "2026-10"}
REFUSED = {"/v1/session", "/v1/refresh", "/readyz"}
"""Paths that ask for a token or a store that nobody generates, and one that a stale run closes."""

FEW = examples(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def complete(published, lake):
    """A store with daily forecasts beside the run, and a lake with a report."""
    (document,) = render_days([daily_examples._made_up()], {}, "", NOW)
    published.daily.put([document._replace(product_id="MUG")])
    facts = {"runs": ["2026-09.1"], "headline": {"horizon": 1, "rows": 4}, "alerts": []}
    lake.write_json("reports/month=2026-10/report.json", facts)
    for form in ("html", "parquet"):
        lake.write_bytes(f"reports/month=2026-10/report.{form}", b"<style></style>")
    return published


def test_generated_requests_meet_only_documented_answers(complete, settings, serve):
    tokens = [
        issue_token(complete, role, merchant, [], NOW, None)
        for role, merchant in (("merchant", "M1"), ("operator", None))
    ]
    answers, paths = [], set()
    with serve(settings) as address:
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
        made = _made(f"{address}/v1/stores/S1", {"Authorization": f"Bearer {tokens[0]}"})
        for found in schema.get_all_operations():
            operation = found.ok()
            paths.add(operation.path)
            ids = KNOWN | made | (REPORT if "reports" in operation.path else {})
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                _try(operation, mode, address, tokens, ids, answers)
    statuses = {status for _, status in answers}
    assert len(answers) > 400
    assert {200, 201, 401, 403, 404, 422} <= statuses and not statuses & {500, 502, 504}
    assert paths - {path for path, status in answers if status < 300} <= REFUSED


def _made(store, headers):
    """Ids of a refresh and of feedback, made first."""
    asked = httpx.post(f"{store}/refresh", headers=headers).json()
    note = {"verdict": "other"}
    given = httpx.post(f"{store}/products/MUG/feedback", headers=headers, json=note).json()
    return {"refresh_id": asked["id"], "feedback_id": given["feedback_id"]}


def _try(operation, mode, address, tokens, ids, answers):
    definition = operation.definition.raw
    if mode is GenerationMode.NEGATIVE and not (
        definition.get("parameters") or definition.get("requestBody")
    ):
        return

    @FEW
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case):
        for number, token in enumerate([None, *tokens]):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            if number and mode is GenerationMode.POSITIVE:
                known = {name: ids[name] for name in case.path_parameters if name in ids}
                case.path_parameters.update(known)
            answer = case.call(base_url=address, headers=headers)
            answers.append((operation.path, answer.status_code))
            case.validate_response(answer, checks=CHECKS)

    attempt()


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/stores", shapes.StoreList),
        ("/v1/products", shapes.ProductPage),
        ("/v1/stores/S1/products", shapes.ProductPage),
        ("/v1/stores/S1/products/MUG/forecast", shapes.Forecast),
        ("/v1/stores/S1/forecasts", shapes.ForecastPage),
        ("/v1/totals", shapes.Totals),
        ("/v1/stores/S1/totals", shapes.Totals),
        ("/v1/runs/current", shapes.CurrentRun),
        ("/v1/session", shapes.Session),
    ],
)
def test_documents_have_the_described_shape_exactly(client, token_of, path, shape):
    shape.model_validate_json(client.get(path, headers=token_of("M1")).content)


def test_accuracy_has_the_described_shape(client, token_of, lake, store, settings, write):
    from api.publish import publish_run

    write.scores(lake)
    write.small_run(lake, "2026-10.2")
    publish_run(lake, store, "2026-10.2", settings)
    m1 = token_of("M1")
    shapes.Accuracy.model_validate_json(client.get("/v1/accuracy", headers=m1).content)
    path = "/v1/stores/S1/products/MUG/forecast"
    forecast = shapes.Forecast.model_validate_json(client.get(path, headers=m1).content)
    assert forecast.accuracy.months[0].units_forecast == 9.0


def test_examples_are_true_to_their_shapes(client):
    description = client.get("/openapi.json").json()
    seen = set()
    for operations in description["paths"].values():
        for operation in operations.values():
            for status in ("200", "202"):
                content = operation["responses"].get(status, {}).get("content", {})
                document = content.get("application/json", {})
                if "example" not in document:
                    continue
                name = document["schema"]["$ref"].rsplit("/", 1)[1]
                home = daily_shapes if hasattr(daily_shapes, name) else shapes
                getattr(home, name).model_validate(document["example"])
                seen.add(name)
    assert seen >= {"Forecast", "ForecastPage", "ProductPage", "Totals", "StoreList", "CurrentRun"}
    assert seen >= {"DailyForecast", "DailyPage", "Refresh", "AskedRefresh"}


def test_every_operation_says_what_it_is_and_how_it_fails(client):
    description = client.get("/openapi.json").json()
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation.get("summary") and operation.get("description"), where
            problems = {s for s in operation["responses"] if s >= "400"}
            if path.startswith("/v1"):
                assert {"401", "422", "429", "503"} <= problems, where
            for status in problems:
                (kind,) = operation["responses"][status]["content"]
                assert kind == "application/problem+json", where
    assert json.dumps(description).count("HTTPValidationError") == 0
