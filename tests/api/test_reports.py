"""The analysts' reports, as the API hands them out."""

from __future__ import annotations

import base64
import hashlib

import pytest

from api import reports

PAGE = b"<!doctype html><style>h1 { color: red }</style><h1>October</h1>"
HEADLINE = {"rows": 40, "wape": 0.25, "wape_naive": 0.5, "skill": 0.5, "bias": -0.1}


@pytest.fixture
def lake(lake):
    """A lake with the reports of two months; nothing had predicted the first."""
    for month, headline in (("2026-09", {"horizon": None, "rows": 0}), ("2026-10", HEADLINE)):
        folder = f"reports/month={month}"
        facts = {"runs": ["2026-09.1"], "headline": headline, "alerts": [{"code": "bias"}]}
        lake.write_json(f"{folder}/report.json", facts)
        lake.write_bytes(f"{folder}/report.html", PAGE)
        lake.write_bytes(f"{folder}/report.parquet", b"PAR1")
    return lake


@pytest.fixture
def analyst(lake, token_of):
    return token_of(None, "analyst")


def test_months_with_a_report_are_listed_with_their_headline(client, analyst):
    newest, first = client.get("/v1/reports", headers=analyst).json()["reports"]

    assert (newest["month"], newest["wape"], newest["skill"]) == ("2026-10", 0.25, 0.5)
    assert (newest["forecasts"], newest["alerts"], newest["runs"]) == (40, 1, ["2026-09.1"])
    assert (first["month"], first["forecasts"], first["wape"]) == ("2026-09", 0, None)


def test_a_report_is_read_for_the_list_only_when_it_was_written_anew(
    client, analyst, lake, monkeypatch
):
    def listed():
        return [one["wape"] for one in client.get("/v1/reports", headers=analyst).json()["reports"]]

    assert listed() == [0.25, None]
    changed = {"runs": ["2026-09.1"], "headline": {**HEADLINE, "wape": 0.75}, "alerts": []}
    lake.write_json("reports/month=2026-10/report.json", changed)
    assert listed() == [0.75, None]
    monkeypatch.setattr(reports, "read_report", None)
    assert listed() == [0.75, None]


def test_each_form_is_where_the_list_says(client, analyst):
    (newest, _) = client.get("/v1/reports", headers=analyst).json()["reports"]
    page, facts, table = (
        client.get(newest[form], headers=analyst) for form in ("html", "json", "parquet")
    )

    assert page.content == PAGE and page.headers["content-type"] == "text/html; charset=utf-8"
    assert facts.json()["headline"] == HEADLINE
    assert table.content == b"PAR1" and "2026-10.parquet" in table.headers["content-disposition"]


def test_a_page_may_use_its_own_style_sheet_and_nothing_else(client, analyst):
    policy = client.get("/v1/reports/2026-10", headers=analyst).headers["content-security-policy"]

    digest = base64.b64encode(hashlib.sha256(b"h1 { color: red }").digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")


def test_a_report_is_not_sent_twice(client, analyst):
    etag = client.get("/v1/reports/2026-10", headers=analyst).headers["etag"]
    again = client.get("/v1/reports/2026-10", headers={**analyst, "if-none-match": etag})

    assert again.status_code == 304


def test_a_month_without_a_report_is_not_found(client, analyst):
    answer = client.get("/v1/reports/2025-01", headers=analyst)

    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("there is no report of 2025-01")
    assert client.get("/v1/reports/..", headers=analyst).status_code in (404, 422)


@pytest.mark.parametrize("role", ["merchant", "planner"])
def test_reports_are_for_the_platforms_team_alone(client, lake, token_of, role):
    for path in ("/v1/reports", "/v1/reports/2026-10"):
        assert client.get(path, headers=token_of("M1", role)).status_code == 403
