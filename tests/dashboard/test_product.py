"""One product: its numbers, chart, past, download, link, and what others may not see."""

from __future__ import annotations

import csv
import io
import math

import pytest
from playwright.sync_api import expect

from api.render import read_reason

PRODUCT = "/stores/palermo/products/SIL-003"
OUT_OF_STOCK = "/stores/palermo/products/L%C3%81M-002"
NEW = "/stores/palermo/products/MAN-008"


def whole(units):
    """Rounded as a page rounds: halves go up."""
    return math.floor(units + 0.5)


def test_the_large_numbers_equal_the_json(visitor, served):
    forecast = served.read(f"/v1{PRODUCT}/forecast")
    page = visitor.arrive(PRODUCT)
    figures = page.locator(".figure dd > strong").all_text_contents()

    assert figures[0] == f"{whole(forecast['units_forecast'][0])} units"
    assert figures[1].replace(".", "") == f"{whole(forecast['horizon_units'])} units"
    assert figures[2] == {"high": "High", "fair": "Fair", "low": "Low"}[forecast["confidence"]]
    assert figures[3] == f"{forecast['stock_on_hand']} units"
    low, high = whole(forecast["lo80"][0]), whole(forecast["hi80"][0])
    page.get_by_text(f"Most likely between {low} and {high}").wait_for()


def test_the_chart_has_history_forecast_both_bands_and_last_year(visitor):
    page = visitor.arrive(PRODUCT)
    chart = page.locator(".chart svg[role=img]").first

    for part in ("line-sold", "line-forecast", "line-last-year", "band-80", "band-95"):
        assert chart.locator(f".{part}").get_attribute("d"), part
    assert "Silla plegable" in chart.get_attribute("aria-label")


def test_the_table_beside_the_chart_holds_every_month_of_the_json(visitor, served):
    forecast = served.read(f"/v1{PRODUCT}/forecast")
    page = visitor.arrive(PRODUCT)
    page.get_by_text("Show the numbers").click()
    rows = page.locator("details table").first.locator("tbody tr")

    cells = [row.locator("td").all_text_contents() for row in rows.all()]
    assert [row[0] for row in cells] == [str(whole(u)) for u in forecast["units_forecast"]]
    bounds = zip(forecast["lo80"], forecast["hi80"], strict=True)
    assert [row[1] for row in cells] == [f"{whole(low)} – {whole(high)}" for low, high in bounds]


def test_the_numbers_under_the_pointer_are_read_out(visitor):
    page = visitor.arrive(PRODUCT)
    plot = page.locator(".plot").first
    box = plot.bounding_box()
    plot.hover(position={"x": box["width"] - 12, "y": 60})

    readout = page.locator(".readout")
    expect(readout).to_contain_text("October 2027")
    expect(readout).to_contain_text("Likely range")


def test_months_with_an_empty_shelf_are_marked(visitor, served):
    (empty,) = served.read(f"/v1{OUT_OF_STOCK}/forecast")["history"]["shelf_empty"]
    page = visitor.arrive(OUT_OF_STOCK)

    assert empty == {"month": "2026-06-01", "days": 19}
    expect(page.locator(".plot .mark")).to_have_count(1)
    page.locator(".legend").get_by_text("Empty shelf or large order").first.wait_for()
    page.get_by_text("June 2026: Shelf empty for 19 days").wait_for()


def test_a_bulk_order_that_the_forecast_left_out_is_marked(visitor, served):
    forecast = served.read(f"/v1{PRODUCT}/forecast")
    reason = {"code": "raced", "parameters": {"weights": "theta:0.70,ets:0.30", "bulk": "2025-08"}}
    page = visitor.arrive("/products")
    page.route(
        "**/SIL-003/forecast", lambda route: route.fulfill(json=forecast | {"reason": reason})
    )
    page.goto(PRODUCT)

    page.get_by_text("August 2025: One unusually large order").wait_for()
    expect(page.locator(".plot .mark")).to_have_count(1)
    page.get_by_text("How this forecast was made").click()
    assert page.locator(".explanation li strong").all_text_contents() == ["70%", "30%"]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (
            "short_history months=2 donor=Store_1|Home decor launches=40 sold_in=United Kingdom",
            "Too new in this store to have a pattern of its own, but United Kingdom sold it "
            "before; it follows 40 earlier launches of such products (Store_1 · Home decor).",
        ),
        (
            "short_history months=2 class=smooth length=new donor=Store_1|Home decor launches=40",
            "Too new to have a pattern of its own; it follows 40 earlier launches "
            "(Store_1 · Home decor).",
        ),
        (
            "never_sold months=2 class=intermittent length=new donor=merchant launches=41",
            "It has not sold yet: what 41 earlier launches sold in their first year "
            "(all your stores), by the chance that this one sells.",
        ),
        (
            "never_sold months=2 class=lumpy length=new donor=S1|toys launches=41 sold_in=S2",
            "It has not sold in this store yet, but S2 sold it before: what 41 earlier launches "
            "of such products sold in their first year (S1 · toys), by the chance that this one "
            "sells.",
        ),
        (
            "never_sold months=1 class=intermittent length=new donor=none launches=0",
            "On sale for one month without a sale, and no earlier launches to learn from.",
        ),
        (
            "raced class=intermittent length=long weights=tsb:1.00 level=mean",
            "It sells in few months, so the numbers are the average to reckon with, not what one "
            "month usually sells.",
        ),
        ("retired last_sale=never", "Not sold or listed for a year. Last sale: never."),
        (
            "raced class=smooth length=long weights=ets:1.00 corrected=1 calendar=workdays,easter",
            "One past month was corrected first, for an empty shelf or one unusually large order. "
            "Some months ahead are higher or lower for their calendar: working days, Easter. "
            "Several methods forecast past months of this product",
        ),
    ],
)
def test_donors_and_calendar_are_told_in_words(visitor, served, reason, told):
    forecast = served.read(f"/v1{PRODUCT}/forecast") | {"reason": read_reason(reason)}
    page = visitor.arrive("/products")
    page.route("**/SIL-003/forecast", lambda route: route.fulfill(json=forecast))
    page.goto(PRODUCT)

    page.get_by_text("How this forecast was made").click()
    expect(page.locator(".explanation")).to_contain_text(told)


def test_corrected_months_are_drawn_beside_what_was_sold(visitor, served):
    forecast = served.read(f"/v1{OUT_OF_STOCK}/forecast")
    history = forecast["history"]
    sold = history["units_sold"][-5]
    corrected = [
        {"month": "2026-06-01", "units_corrected": sold + 38.6, "cause": "empty_shelf"},
        {"month": "2025-08-01", "units_corrected": 21.0, "cause": "bulk_order"},
    ]
    changed = forecast | {"history": history | {"corrected": corrected}}
    page = visitor.arrive("/products", width=390)
    page.route("**/forecast", lambda route: route.fulfill(json=changed))
    page.goto(OUT_OF_STOCK)

    expect(page.locator(".plot .dot-learnt")).to_have_count(2)
    expect(page.locator(".plot .mark")).to_have_count(2)
    page.locator(".legend").get_by_text("What the forecast learns from").wait_for()
    told = f"{sold} sold; the forecast learns from about {whole(sold + 38.6)}."
    page.get_by_text(f"June 2026: Shelf empty for 19 days. {told}").wait_for()
    expect(page.locator(".marked")).to_contain_text("August 2025: One unusually large order.")
    page.get_by_text("What was sold stays as it is").wait_for()


def test_how_the_last_six_forecasts_did_is_told_month_by_month(visitor, served):
    past = served.read(f"/v1{PRODUCT}/forecast")["accuracy"]["months"]
    page = visitor.arrive(PRODUCT)
    section = page.locator("section").filter(has_text="How the last forecasts did")

    assert len(past) == 6
    sold = section.locator("tbody tr td:nth-child(4)").all_text_contents()
    assert sold == [str(whole(month["units_sold"])) for month in reversed(past)]
    inside = sum(month["lo80"] <= month["units_sold"] <= month["hi80"] for month in past)
    section.get_by_text(f"In {inside} of the last 6 months").wait_for()
    outside = 6 - inside + 1  # one in the legend
    expect(section.locator("svg .dot-outside")).to_have_count(outside)


def test_the_method_is_told_in_plain_words_for_who_asks(visitor):
    page = visitor.arrive(PRODUCT)
    page.get_by_text("How this forecast was made").click()

    page.get_by_text("The same month of last year again.").wait_for()
    page.get_by_text("Your sales until the end of October 2026").wait_for()


def test_what_is_not_known_is_said_to_be_unknown(visitor):
    page = visitor.arrive(NEW)
    figures = page.locator(".figure")

    assert "We don't know yet" in figures.nth(2).text_content()
    assert "Only 4 months of sales so far" in figures.nth(2).text_content()
    assert "No sales a year ago to compare with" in figures.nth(0).text_content()
    page.goto("/stores/providencia/products/SIL-003")
    page.get_by_text("The marketplace does not tell us.").wait_for()


def test_a_forecast_is_downloaded_as_csv(visitor, served):
    forecast = served.read(f"/v1{PRODUCT}/forecast")
    page = visitor.arrive(PRODUCT)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))

    assert [row["month"] for row in rows] == forecast["months"]
    assert [float(row["units_forecast"]) for row in rows] == forecast["units_forecast"]


def test_the_link_is_copied_and_leads_back(visitor):
    permissions = ["clipboard-read", "clipboard-write"]
    page = visitor.arrive(PRODUCT, permissions=permissions)
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Link copied").wait_for()

    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_a_sku_with_a_slash_has_a_page(visitor):
    page = visitor.arrive("/products?q=JUE-001/B")
    page.locator(".products tbody a").first.click()
    page.get_by_text("SKU JUE-001/B").wait_for()
    page.reload()

    page.get_by_text("SKU JUE-001/B").wait_for()


@pytest.mark.parametrize(
    "path",
    ["/stores/paulista/products/OLL-000", "/stores/palermo/products/NONE", "/nowhere/at/all"],
)
def test_what_belongs_to_another_merchant_or_to_nobody_is_not_found(visitor, path):
    page = visitor.arrive("/products")
    page.evaluate("path => history.pushState(null, '', path)", path)
    page.evaluate("dispatchEvent(new Event('popstate'))")

    page.get_by_role("heading", name="Not found").wait_for()
    page.get_by_role("link", name="Go to the overview").click()
    page.get_by_role("heading", name="Your sales ahead").wait_for()
    visitor.forgive(404)


def test_another_merchants_address_typed_in_is_not_found(visitor, served):
    assert served.read("/v1/stores/paulista/products/OLL-000/forecast", "sol-e-mar")["name"]
    page = visitor.arrive("/stores/paulista/products/OLL-000")

    expect(page.locator("h1")).to_have_text("Not found")
    assert "Paulista" not in page.content()
    visitor.forgive(404)


def test_paper_gets_the_numbers_without_the_buttons(visitor):
    page = visitor.arrive(PRODUCT)
    page.emulate_media(media="print")

    assert page.locator("h1").is_visible() and page.locator(".plot svg").first.is_visible()
    for part in (".top", ".actions", ".own-say"):
        assert page.locator(f"{part}:visible").count() == 0, part
