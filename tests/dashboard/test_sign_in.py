"""Signing in and out."""

from __future__ import annotations

from playwright.sync_api import expect


def test_a_token_opens_the_overview_and_leaves_a_cookie_that_scripts_cannot_read(visitor, served):
    page = visitor.arrive(who=None)
    assert page.locator("h1").text_content() == "Sign in"
    page.get_by_label("Access token").fill(served.tokens["casa-andina"])
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("heading", name="Your sales ahead").wait_for()
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert page.evaluate("document.cookie") == ""


def test_a_wrong_token_is_refused_in_words_that_say_what_to_do(visitor):
    page = visitor.arrive(who=None)
    field = page.get_by_label("Access token")
    field.fill("sc_not-a-token")
    page.get_by_role("button", name="Sign in").click()

    problem = page.get_by_role("alert").filter(has_text="This token is not accepted")
    problem.wait_for()
    assert "ask your Storecast contact for a new one" in problem.text_content()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    visitor.forgive(401)


def test_an_empty_token_is_not_sent(visitor):
    page = visitor.arrive(who=None)
    page.get_by_role("button", name="Sign in").click()

    expect(page.locator("#token-problem")).to_have_text("Please paste your access token first.")


def test_the_token_can_be_looked_at(visitor):
    page = visitor.arrive(who=None)
    page.get_by_role("button", name="Show").click()

    expect(page.get_by_label("Access token")).to_have_attribute("type", "text")


def test_after_signing_out_every_address_asks_to_sign_in(visitor):
    page = visitor.arrive("/products")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    page.goto("/products")

    page.get_by_role("heading", name="Sign in").wait_for()


def test_the_address_asked_for_is_shown_after_signing_in(visitor, served):
    page = visitor.arrive("/products?q=termo", who=None)
    page.get_by_label("Access token").fill(served.tokens["casa-andina"])
    page.keyboard.press("Enter")

    page.get_by_role("heading", name="Products").wait_for()
    expect(page.get_by_label("Search")).to_have_value("termo")


def test_a_session_that_ended_elsewhere_leads_back_to_signing_in(visitor):
    page = visitor.arrive()
    token = page.request.get("/v1/session").json()["csrf_token"]
    page.request.delete("/v1/session", headers={"X-CSRF-Token": token})
    page.get_by_role("link", name="Products", exact=True).click()

    page.get_by_role("heading", name="Sign in").wait_for()
    visitor.forgive(401)


def test_an_analyst_chooses_a_merchant_first(visitor):
    page = visitor.arrive(who="analyst")
    page.get_by_role("button", name="sol-e-mar").click()

    page.get_by_role("heading", name="Your sales ahead").wait_for()
    page.get_by_role("link", name="Sol e Mar Paulista").wait_for()
    page.get_by_role("button", name="sol-e-mar").click()
    page.get_by_role("heading", name="Whose numbers do you want to see?").wait_for()
