"""The list of products: found, filtered, sorted, paged, downloaded."""

from __future__ import annotations

import csv
import io
import math
import re

from playwright.sync_api import expect

NAMES = ".products tbody th a"


def whole(units):
    """Rounded as a page rounds: halves go up."""
    return math.floor(units + 0.5)


def shown(page):
    return page.locator(NAMES).all_text_contents()


def names_of(answer):
    return [product["name"] for product in answer["products"]]


def test_the_list_is_that_of_the_json_best_sellers_first(visitor, served):
    page = visitor.arrive("/products")

    assert shown(page) == names_of(served.read("/v1/products?limit=40"))
    expect(page.locator(".list-status")).to_have_text("First 40 products shown")


def test_further_pages_come_until_all_are_shown(visitor, served):
    page = visitor.arrive("/products")
    page.locator(".more button").scroll_into_view_if_needed()
    expect(page.locator(".list-status")).to_have_text("First 80 products shown")
    page.locator(".more button").scroll_into_view_if_needed()
    expect(page.locator(".list-status")).to_have_text("82 products")

    expect(page.locator(NAMES)).to_have_count(82)
    assert len(set(page.locator(NAMES).evaluate_all("all => all.map(a => a.href)"))) == 82


def test_a_search_finds_names_without_accents_and_the_address_follows(visitor, served):
    expected = names_of(served.read("/v1/products?q=lampara"))
    page = visitor.arrive("/products")
    page.get_by_label("Search").fill("lampara")

    expect(page.locator(".list-status")).to_have_text(f"{len(expected)} products")
    expect(page.locator(NAMES)).to_have_text(expected)
    assert all("Lámpara" in name for name in expected)
    expect(page).to_have_url(re.compile(r"/products\?q=lampara$"))
    page.reload()
    expect(page.locator(NAMES)).to_have_text(expected)
    expect(page.get_by_label("Search")).to_have_value("lampara")


def test_filters_by_store_category_and_confidence_go_together(visitor, served):
    page = visitor.arrive("/products")
    page.get_by_label("Store").select_option("palermo")
    page.get_by_label("Category").select_option("Iluminación")
    page.get_by_label("Confidence").select_option("unknown")
    query = "store=palermo&category=Iluminaci%C3%B3n&confidence=unknown"
    expected = names_of(served.read(f"/v1/products?{query}"))

    assert expected
    expect(page.locator(NAMES)).to_have_text(expected)
    assert page.locator(".products .confidence-unknown").count() == len(expected)
    assert "4 months of sales" in page.locator(".products").text_content()


def test_sorting_by_the_steepest_fall(visitor, served):
    page = visitor.arrive("/products?sort=decline")

    assert shown(page) == names_of(served.read("/v1/products?sort=decline&limit=40"))


def test_a_row_shows_the_numbers_of_the_json(visitor, served):
    product = served.read("/v1/products?limit=1")["products"][0]
    page = visitor.arrive("/products")
    row = page.locator(".products tbody tr").first

    assert row.locator(".cell-next strong").text_content() == str(
        whole(product["next_units_forecast"])
    )
    twelve = row.locator(".cell-twelve strong").text_content()
    assert twelve.replace(".", "") == str(whole(product["horizon_units"]))
    assert f"{whole(abs(product['change_on_last_year']) * 100)}" in (
        row.locator(".cell-change").text_content()
    )
    words = {"high": "High", "fair": "Fair", "low": "Low", "unknown": "We don't know yet"}
    assert words[product["confidence"]] in row.locator(".cell-confidence").text_content()


def test_nothing_found_says_what_to_do(visitor):
    page = visitor.arrive("/products?q=zzz")

    page.get_by_text("Try another word, or take a filter away.").wait_for()
    page.get_by_role("link", name="Show all products").click()
    expect(page.locator(NAMES)).to_have_count(40)


def test_the_list_can_be_downloaded_as_it_is_filtered(visitor):
    page = visitor.arrive("/products?q=termo")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download this list").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))

    assert [row["name"] for row in rows] == shown(page)


def test_on_a_phone_a_row_is_a_card_and_still_a_row_for_readers(visitor):
    page = visitor.arrive("/products", width=390)

    expect(page.get_by_role("row")).to_have_count(41)
    assert page.locator(".products tbody tr").first.bounding_box()["width"] <= 390
    assert page.locator(".cell-next .cell-label").first.is_visible()


def test_back_from_a_product_leads_to_the_same_list(visitor):
    page = visitor.arrive("/products")
    page.get_by_label("Search").fill("termo")
    expect(page.locator(".list-status")).not_to_contain_text("First 40")
    page.locator(NAMES).first.click()
    page.get_by_role("heading", name="What was sold, what to expect").wait_for()
    page.go_back()

    expect(page.get_by_label("Search")).to_have_value("termo")
