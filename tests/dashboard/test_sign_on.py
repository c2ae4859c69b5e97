"""Signing in with the marketplace's own token, a JWT, in a browser."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect


def sign_in(visitor, token, path="/"):
    page = visitor.arrive(path, who=None)
    page.get_by_label("Access token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    return page


def test_the_marketplaces_token_opens_the_overview_of_its_merchant(visitor, signed):
    page = sign_in(visitor, signed())
    page.get_by_role("link", name="Casa Andina Providencia").wait_for()

    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert cookie["expires"] <= time.time() + 600


def test_a_token_for_some_stores_shows_those(visitor, signed):
    page = sign_in(visitor, signed(stores=["providencia"], role="planner"))

    expect(page.locator(".tile h3")).to_have_text(["Casa Andina Providencia"])


def test_who_signed_on_that_way_may_say_something(visitor, signed):
    page = sign_in(visitor, signed(), "/stores/palermo/products/TER-015")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Take back").click()

    expect(page.locator(".said-status")).to_have_text("Taken back.")


@pytest.mark.parametrize(
    "wrong", [{"exp": 1_700_000_000}, {"aud": "another shop"}, {"role": "operator"}]
)
def test_a_token_that_is_over_or_not_for_us_is_refused_in_words(visitor, signed, wrong):
    page = sign_in(visitor, signed(**wrong))

    problem = page.get_by_role("alert").filter(has_text="This token is not accepted")
    expect(problem).to_contain_text("ask your Storecast contact for a new one")
    assert page.context.cookies() == []
    visitor.forgive(401)
