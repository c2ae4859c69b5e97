"""The overview shows the numbers of the JSON, and what to do when they do not come."""

from __future__ import annotations

import math
import re

import pytest
from playwright.sync_api import expect


def whole(units):
    """Rounded as a page rounds: halves go up."""
    return math.floor(units + 0.5)


def number(text):
    """The first number of a text, as Argentina writes it."""
    return float(re.search(r"[\d.]+(,\d+)?", text)[0].replace(".", "").replace(",", "."))


def test_next_month_and_next_twelve_equal_the_totals(visitor, served):
    totals = served.read("/v1/totals")
    page = visitor.arrive()
    figures = page.locator(".figure")

    next_month, next_twelve = figures.nth(0), figures.nth(1)
    assert "November 2026" in next_month.text_content()
    assert number(next_month.locator("dd > strong").text_content()) == whole(
        totals["units_forecast"][0]
    )
    assert number(next_twelve.locator("dd > strong").text_content()) == whole(
        totals["horizon_units"]
    )
    last_year = totals["history"]["units_sold"][-12]
    assert number(next_month.get_by_text("Same month last year").text_content()) == last_year


def test_the_range_of_a_total_is_the_joint_one_or_said_to_be_unknown(visitor, served):
    totals = served.read("/v1/totals")
    page = visitor.arrive()

    shown = page.locator(".figure").nth(0)
    if totals.get("lo80"):
        low, high = (f"{whole(totals[name][0]):,}".replace(",", ".") for name in ("lo80", "hi80"))
        expect(shown.get_by_text(f"Most likely between {low} and {high}")).to_be_visible()
    else:
        expect(shown.get_by_text("The range of this total is not known")).to_be_visible()


def test_money_stands_in_each_currency_and_is_never_added(visitor, served):
    totals = served.read("/v1/totals")
    page = visitor.arrive()

    shown = page.locator(".figure").nth(0).locator(".money").all_text_contents()
    assert len(shown) == len(totals["money_forecast"]) == 2
    assert shown[0].startswith("$") and shown[1].startswith("CLP")


def test_each_store_has_its_own_numbers(visitor, served):
    page = visitor.arrive()
    for store in ("palermo", "providencia"):
        totals = served.read(f"/v1/stores/{store}/totals")
        tile = page.locator(".tile").filter(has=page.locator(f"a[href$='store={store}']"))
        shown = tile.locator("dd strong").first.text_content()
        assert number(shown) == whole(totals["units_forecast"][0])


def test_the_attention_list_is_ranked_by_money_within_each_currency(visitor, served):
    page = visitor.arrive()
    for store, place in (("palermo", 0), ("providencia", 1)):
        listed = served.read(f"/v1/products?store={store}&sort=attention&limit=5")["products"]
        expected = [product["name"] for product in listed if product["attention"]]
        names = page.locator("ol.attention").nth(place).locator("a").all_text_contents()
        assert names == expected
        stakes = [product["attention"]["money_at_stake"] for product in listed]
        assert stakes == sorted(stakes, reverse=True)
    sentences = page.locator(".attention-why").all_text_contents()
    assert all("{" not in text and text.strip().endswith((".", "?")) for text in sentences)


def test_what_changed_is_told_with_causes_that_are_those_of_the_json(visitor, served):
    change = served.read("/v1/totals")["since_last_run"]
    page = visitor.arrive()
    section = page.locator("section").filter(has_text="What changed since last month's forecast")

    text = section.text_content()
    assert str(f"{whole(change['units_then']):,}").replace(",", ".") in text
    shown = [number(each) for each in section.locator("li strong").all_text_contents()]
    expected = [abs(whole(part)) for part in change["parts"].values() if abs(part) >= 0.5]
    assert sorted(shown) == sorted(expected)
    assert shown


def test_how_good_the_forecasts_were_is_the_accuracy_of_a_month_ahead(visitor, served):
    ahead = served.read("/v1/accuracy")["by_lead_time"][0]
    page = visitor.arrive()
    section = page.locator("section").filter(has_text="How good were our forecasts?")

    section.get_by_text(f"off by {whole(ahead['wape'] * 100)}").wait_for()


def test_who_may_see_one_store_gets_that_store_and_no_total(visitor):
    page = visitor.arrive(who="planner")

    page.get_by_text("Your access covers some of the stores").wait_for()
    assert page.locator(".tile h3").all_text_contents() == ["Casa Andina Palermo"]
    page.get_by_role("link", name="Casa Andina Palermo").first.click()
    page.get_by_label("Category").select_option("Cocina")
    expect(page.locator(".products tbody tr").first).to_contain_text("Casa Andina Palermo")


def test_a_part_that_does_not_come_says_so_and_can_be_tried_again(visitor):
    page = visitor.arrive("/products")
    page.route("**/v1/accuracy*", lambda route: route.fulfill(status=503, json={}), times=1)
    page.get_by_role("link", name="Overview").click()

    section = page.locator("section").filter(has_text="How good were our forecasts?")
    section.get_by_text("The forecasts cannot be read right now.").wait_for()
    section.get_by_role("button", name="Try again").click()
    section.get_by_text("Over the last 6 months").wait_for()
    visitor.forgive(503)


def test_before_the_first_run_the_page_says_when_to_come_back(visitor):
    page = visitor.arrive("/products")
    no_run = {"type": "urn:storecast:problem:no-run", "status": 503}
    page.route("**/v1/totals", lambda route: route.fulfill(status=503, json=no_run))
    page.get_by_role("link", name="Overview").click()

    page.get_by_role("heading", name="There are no forecasts yet.").wait_for()
    page.get_by_text("They appear here after the first monthly run.").wait_for()
    visitor.forgive(503)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_chart_has_its_numbers_in_a_table(visitor, served, width):
    totals = served.read("/v1/totals")
    page = visitor.arrive(width=width)
    page.get_by_text("Show the numbers").click()

    first = page.locator("details table tbody tr").first.locator("td").first.text_content()
    assert number(first) == whole(totals["units_forecast"][0])
    assert page.locator("details table").first.locator("tbody tr").count() == 12


@pytest.fixture
def chain(visitor, served):
    """A page of a merchant with 15 stores: the first as it is, the others like it."""
    (store, *_) = served.read("/v1/stores")["stores"]
    totals = served.read("/v1/stores/palermo/totals")
    many = [
        {
            **store,
            "store_id": f"s{n:02}",
            "name": f"Casa Andina {n}",
            "region": "Norte" if n > 12 else "Sur",
            "series": 100 - n,
        }
        for n in range(15)
    ]
    products = served.read("/v1/products?sort=attention&limit=5")
    page = visitor.arrive("/products")
    page.route(re.compile(r"/v1/products\?"), lambda route: route.fulfill(json=products))
    page.route(
        re.compile(r"/v1/stores$"),
        lambda route: route.fulfill(json={"run_id": "r", "stores": many}),
    )
    page.route("**/v1/stores/s*/totals", lambda route: route.fulfill(json=totals))
    return page


def test_of_many_stores_the_largest_come_first_and_the_others_when_asked(chain):
    chain.goto("/")
    names = chain.locator(".tile h3")
    expect(names).to_have_text([f"Casa Andina {n}" for n in range(12)])
    chain.get_by_role("button", name="All 15 stores").click()

    expect(names).to_have_text([f"Casa Andina {n}" for n in range(15)])
    expect(chain.get_by_role("button", name="All 15 stores")).to_have_count(0)


def test_of_many_stores_one_is_found_by_its_name(chain, served):
    daily = {**served.read("/v1/stores/palermo/daily"), "products": []}
    chain.route("**/v1/stores/s*/daily*", lambda route: route.fulfill(json=daily))
    chain.goto("/days")
    chain.get_by_label("Find a store by name or region").fill("andina 13")
    boxes = chain.get_by_role("checkbox")

    expect(boxes).to_have_count(2)  # the one that is chosen, and the one that was found
    chain.get_by_role("checkbox", name="Casa Andina 13").check()
    panels = chain.locator("section.days h2")
    expect(panels).to_have_text(["Casa Andina 0", "Casa Andina 13"])
    chain.get_by_role("button", name="All of Norte").click()

    expect(panels).to_have_text(["Casa Andina 13", "Casa Andina 14"])
    expect(chain.get_by_role("button", name="Refresh all 2 stores")).to_be_visible()
