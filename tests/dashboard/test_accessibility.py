"""Every page for everybody: axe-core finds nothing, the keyboard reaches all, a phone shows all."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

PRODUCT = "/stores/palermo/products/SIL-003"
PAGES = {
    "sign in": ("/", None),
    "overview": ("/", "casa-andina"),
    "products": ("/products?q=olla", "casa-andina"),
    "nothing found": ("/products?q=zzz", "casa-andina"),
    "product": (PRODUCT, "casa-andina"),
    "new product": ("/stores/palermo/products/MAN-008", "casa-andina"),
    "not found": ("/stores/palermo/products/NONE", "casa-andina"),
    "merchants": ("/", "analyst"),
}


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(visitor, violations, name, width, scheme):
    path, who = PAGES[name]
    page = visitor.arrive(path, who=who, width=width, color_scheme=scheme)
    for summary in page.locator("summary").all():
        summary.click()

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    visitor.forgive(404)


def test_the_keyboard_reaches_the_content_first(visitor):
    page = visitor.arrive(PRODUCT)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/*#main")
    page.keyboard.press("Tab")

    expect(page.locator("main :focus")).to_have_count(1)


def test_after_following_a_link_the_reader_stands_at_the_new_heading(visitor):
    page = visitor.arrive()
    page.get_by_role("link", name="Products", exact=True).press("Enter")
    page.get_by_label("Search").wait_for()

    expect(page.get_by_role("heading", name="Products", exact=True)).to_be_focused()


def test_a_product_is_found_and_said_wrong_with_the_keyboard_alone(visitor):
    page = visitor.arrive("/products")
    page.get_by_label("Search").focus()
    page.keyboard.type("silla plegable chico 3")
    expect(page.locator(".list-status")).to_have_text("2 products")
    page.locator(".products tbody a").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="This looks wrong").wait_for()
    page.get_by_label("Too high").focus()
    page.keyboard.press("ArrowDown")

    expect(page.get_by_label("Too low")).to_be_checked()


def test_numbers_of_a_chart_scroll_by_keyboard_where_they_do_not_fit(visitor):
    page = visitor.arrive(PRODUCT, width=390)
    page.get_by_text("Show the numbers").click()
    region = page.get_by_role("region", name="Months ahead")
    region.focus()
    page.keyboard.press("ArrowRight")

    page.wait_for_function("region => region.scrollLeft > 0", arg=region.element_handle())


def test_what_is_touched_is_large_enough(visitor):
    page = visitor.arrive(PRODUCT, width=390)
    touched = "button:visible, select, .actions a, input:not([type=radio])"
    sizes = page.locator(touched).evaluate_all(
        "all => all.map(e => [e.textContent, e.getBoundingClientRect().height])"
    )

    assert [name for name, height in sizes if height < 44] == []
