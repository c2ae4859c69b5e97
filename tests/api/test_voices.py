"""Feedback and adjustments: kept beside the model's number, listed, taken back, on the trail."""

from __future__ import annotations

import pytest

MUG = "/v1/stores/S1/products/MUG"


def test_feedback_is_given_listed_and_withdrawn(client, token_of):
    m1 = token_of("M1")
    body = {"verdict": "too_high", "note": "We close in January", "month": "2027-01-01"}

    given = client.post(f"{MUG}/feedback", headers=m1, json=body)
    assert given.status_code == 201
    kept = given.json()
    assert (kept["verdict"], kept["month"]) == ("too_high", "2027-01-01")
    assert kept["run_id"] == "2026-10.1"
    assert client.get(f"{MUG}/feedback", headers=m1).json() == {"feedback": [kept]}
    analyst = token_of(None, "analyst")
    seen = client.get("/v1/feedback?merchant_id=M1", headers=analyst).json()
    assert seen == {"feedback": [kept]}
    assert client.get("/v1/feedback?merchant_id=M2", headers=analyst).json() == {"feedback": []}
    assert client.get("/v1/feedback?store_id=S2", headers=m1).json() == {"feedback": []}

    gone = client.delete(f"{MUG}/feedback/{kept['feedback_id']}", headers=m1)
    assert (gone.status_code, gone.content) == (204, b"")
    assert client.get("/v1/feedback", headers=m1).json() == {"feedback": []}
    again = client.delete(f"{MUG}/feedback/{kept['feedback_id']}", headers=m1)
    assert again.status_code == 404


def test_an_adjustment_stands_beside_the_models_number_until_undone(client, token_of):
    m1 = token_of("M1")

    made = client.put(f"{MUG}/adjustments/2026-12-01", headers=m1, json={"units": 25}).json()
    assert (made["units"], made["units_forecast"], made["month"]) == (25.0, 12.0, "2026-12-01")
    client.put(f"{MUG}/adjustments/2026-12-01", headers=m1, json={"units": 30, "note": "fair"})
    (listed,) = client.get(f"{MUG}/adjustments", headers=m1).json()["adjustments"]
    assert (listed["units"], listed["note"]) == (30.0, "fair")
    assert client.get(f"{MUG}/forecast", headers=m1).json()["units_forecast"][1] == 12.0

    assert client.delete(f"{MUG}/adjustments/2026-12-01", headers=m1).status_code == 204
    assert client.delete(f"{MUG}/adjustments/2026-12-01", headers=m1).status_code == 404
    assert client.get("/v1/adjustments", headers=m1).json() == {"adjustments": []}


@pytest.mark.parametrize(
    ("month", "body", "detail"),
    [
        ("2026-10-01", {"units": 1}, "2026-11-01 to 2027-10-01; found 2026-10-01"),
        ("2026-11-02", {"units": 1}, "found 2026-11-02"),
        ("soon", {"units": 1}, "path.month"),
        ("2026-11-01", {"units": -1}, "body.units"),
        ("2026-11-01", {"units": "NaN"}, "body.units"),
        ("2026-11-01", {}, "body.units"),
        ("2026-11-01", {"units": 1, "unit": 2}, "body.unit"),
    ],
)
def test_an_adjustment_that_breaks_a_rule_says_which(client, token_of, month, body, detail):
    answer = client.put(f"{MUG}/adjustments/{month}", headers=token_of("M1"), json=body)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize("note", ["\x00", "\u202e\ufffe", "👩\u200d🌾", "x" * 2000, "<script>"])
def test_a_note_comes_back_as_it_was_given(client, token_of, note):
    m1 = token_of("M1")
    given = client.post(f"{MUG}/feedback", headers=m1, json={"verdict": "other", "note": note})
    assert given.json()["note"] == note
    assert client.get(f"{MUG}/feedback", headers=m1).json()["feedback"][0]["note"] == note


def test_half_a_character_is_refused(client, token_of):
    answer = client.post(
        f"{MUG}/feedback",
        headers={**token_of("M1"), "content-type": "application/json"},
        content=b'{"verdict": "other", "note": "\\ud800"}',
    )
    assert answer.status_code == 422 and "body.note" in answer.json()["detail"]


def test_only_merchants_and_planners_write(client, token_of):
    body = {"verdict": "other"}
    planner = token_of("M1", "planner", ["S1"])
    assert client.post(f"{MUG}/feedback", headers=planner, json=body).status_code == 201
    for role in ("analyst", "operator"):
        answer = client.post(
            f"{MUG}/feedback?merchant_id=M1", headers=token_of(None, role), json=body
        )
        assert answer.status_code == 403
        assert "merchant or planner" in answer.json()["detail"]


def test_unknown_products_take_neither(client, token_of):
    m1 = token_of("M1")
    path = "/v1/stores/S1/products/NONE"
    assert client.post(f"{path}/feedback", headers=m1, json={"verdict": "other"}).status_code == 404
    answer = client.put(f"{path}/adjustments/2026-12-01", headers=m1, json={"units": 1})
    assert answer.status_code == 404
    assert client.get(f"{path}/adjustments", headers=m1).status_code == 404


def test_changes_are_on_the_trail(client, token_of):
    m1 = token_of("M1")
    client.put(f"{MUG}/adjustments/2026-12-01", headers=m1, json={"units": 25})
    client.delete(f"{MUG}/adjustments/2026-12-01", headers=m1)

    assert client.get("/v1/audit", headers=m1).status_code == 403
    operator = token_of(None, "operator")
    page = client.get("/v1/audit?limit=1", headers=operator).json()
    (made,) = page["changes"]
    assert (made["action"], made["merchant_id"], made["units"]) == ("adjustment made", "M1", 25.0)
    rest = client.get(f"/v1/audit?after={page['next']}", headers=operator).json()
    assert [change["action"] for change in rest["changes"]] == ["adjustment undone"]
    assert rest["next"] is None
