"""The merchant's own say: a number of their own, "this looks wrong", and taking both back."""

from __future__ import annotations

import math
import urllib.error

import pytest
from playwright.sync_api import expect

PRODUCT = "/stores/palermo/products/TER-015"


def whole(units):
    """Rounded as a page rounds: halves go up."""
    return math.floor(units + 0.5)


@pytest.fixture(autouse=True)
def nothing_said_yet(visitor):
    """Each test begins and ends with nothing said about the product."""
    yield
    context = visitor.contexts[0]
    token = context.request.get("/v1/session").json()["csrf_token"]
    headers = {"X-CSRF-Token": token}
    for said in context.request.get(f"/v1{PRODUCT}/adjustments").json()["adjustments"]:
        context.request.delete(f"/v1{PRODUCT}/adjustments/{said['month']}", headers=headers)
    for said in context.request.get(f"/v1{PRODUCT}/feedback").json()["feedback"]:
        context.request.delete(f"/v1{PRODUCT}/feedback/{said['feedback_id']}", headers=headers)


def set_number(page, month, units, note=""):
    page.get_by_label("Month", exact=True).select_option(month)
    page.get_by_label("Units you expect").fill(str(units))
    page.get_by_label("Why (optional)").fill(note)
    page.get_by_role("button", name="Set my number").click()


def test_an_own_number_stands_beside_the_models(visitor, served):
    page = visitor.arrive(PRODUCT)
    set_number(page, "2026-12-01", 77, "fair in town")
    expect(page.locator(".said-status")).to_have_text("Your number for December 2026 is 77.")

    (kept,) = served.read(f"/v1{PRODUCT}/adjustments")["adjustments"]
    assert (kept["month"], kept["units"], kept["note"]) == ("2026-12-01", 77.0, "fair in town")
    forecast = served.read(f"/v1{PRODUCT}/forecast")["units_forecast"][1]
    assert kept["units_forecast"] == forecast
    expect(page.locator(".plot .dot-own")).to_have_count(1)
    item = page.locator(".said li").text_content()
    assert f"you 77, forecast {whole(forecast)}" in item and "fair in town" in item
    page.get_by_text("Show the numbers").click()
    row = page.locator("details table").first.locator("tbody tr").nth(1)
    assert row.locator("td").last.text_content() == "77"


def test_an_own_number_survives_a_reload_and_can_be_undone(visitor, served):
    page = visitor.arrive(PRODUCT)
    set_number(page, "2026-11-01", 5)
    page.locator(".said li").wait_for()
    page.reload()
    page.get_by_role("button", name="Undo my number for November 2026").click()

    expect(page.locator(".said li")).to_have_count(0)
    expect(page.locator(".plot svg .line-sold").first).to_be_attached()
    expect(page.locator(".plot .dot-own")).to_have_count(0)
    assert served.read(f"/v1{PRODUCT}/adjustments")["adjustments"] == []


def test_this_looks_wrong_reaches_the_analysts(visitor, served):
    page = visitor.arrive(PRODUCT)
    page.get_by_label("Too low").check()
    page.get_by_label("What do you know that we don't?").fill("A second shop opens nearby")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".said-status")).to_have_text("Thank you. The analysts will see it.")

    said = served.read("/v1/feedback?merchant_id=casa-andina", "analyst")["feedback"]
    (given,) = [one for one in said if one["product_id"] == "TER-015"]
    assert given["verdict"] == "too_low"
    assert given["note"] == "A second shop opens nearby"


def test_feedback_is_taken_back(visitor, served):
    page = visitor.arrive(PRODUCT)
    page.get_by_role("button", name="Send").click()
    page.locator(".said li").get_by_text("Too high").wait_for()
    page.get_by_role("button", name="Take back").click()

    expect(page.locator(".said-status")).to_have_text("Taken back.")
    assert served.read(f"/v1{PRODUCT}/feedback")["feedback"] == []


def test_a_change_that_fails_says_so(visitor):
    page = visitor.arrive(PRODUCT)
    page.route("**/adjustments/*", lambda route: route.abort())
    set_number(page, "2026-12-01", 7)

    expect(page.locator(".said-status")).to_contain_text("The server cannot be reached.")
    visitor.trouble = [text for text in visitor.trouble if "ERR_FAILED" not in text]


def test_an_analyst_reads_what_was_said_and_says_nothing(visitor):
    merchant = visitor.arrive(PRODUCT)
    set_number(merchant, "2026-12-01", 77)
    merchant.locator(".said li").wait_for()
    page = visitor.arrive("/", who="analyst")
    page.get_by_role("button", name="casa-andina").click()
    page.get_by_role("heading", name="Your sales ahead").wait_for()
    page.goto(PRODUCT)

    page.get_by_text("you 77").wait_for()
    assert page.get_by_role("button", name="Set my number").count() == 0
    assert page.get_by_role("button", name="Send").count() == 0


def test_without_the_csrf_token_nothing_changes(visitor, served):
    page = visitor.arrive(PRODUCT)
    answer = page.request.put(f"/v1{PRODUCT}/adjustments/2026-12-01", data={"units": 1})

    assert answer.status == 403
    assert served.read(f"/v1{PRODUCT}/adjustments")["adjustments"] == []
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        served.read(f"/v1{PRODUCT}/adjustments", "sol-e-mar")
    refused.value.close()


@pytest.mark.parametrize(
    ("product", "told"),
    [
        ("SIL-003", "It came closer than the forecast."),
        ("OLL-000", "The forecast came closer."),
    ],
)
def test_a_number_of_a_month_that_is_over_is_scored_against_the_model(
    visitor, served, product, told
):
    (own,) = served.read(f"/v1/stores/palermo/products/{product}/adjustments")["adjustments"]
    last = served.read(f"/v1/stores/palermo/products/{product}/forecast")["accuracy"]["months"][-1]
    assert own["month"] == last["month"] == "2026-10-01"
    page = visitor.arrive(f"/stores/palermo/products/{product}")
    section = page.locator("section").filter(has_text="How the last forecasts did")

    expect(section).to_contain_text(f"You set your own number for one of these months. {told}")
    shown = section.get_by_role("row", name="October 2026").locator("td").last
    expect(shown).to_contain_text(f"{whole(own['units'])}, ")
    expect(page.locator(".own-say .said li")).to_have_count(0)
