"""The analysts' reports: listed in the dashboard, shown by the API, readable by everybody."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect


def test_an_analyst_opens_the_report_of_a_month(visitor, served):
    (newest, _) = served.read("/v1/reports", "analyst")["reports"]
    page = visitor.arrive(who="analyst")
    page.get_by_role("link", name="Reports").click()
    row = page.get_by_role("row").nth(1)
    expect(row).to_contain_text(f"{newest['wape'] * 100:.0f}%")
    row.get_by_role("link", name="October 2026").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Forecasts of October 2026")
    expect(page.get_by_role("heading", name="The 20 misses that cost most")).to_be_visible()


def test_the_report_shows_whose_own_numbers_helped_and_what_was_said(visitor, served):
    facts = served.read("/v1/reports/2026-10?format=json", "analyst")
    (own,) = facts["own_numbers"]
    page = visitor.arrive("/v1/reports/2026-10", who="analyst")

    assert (own["merchant_id"], own["made"], own["missed_by_merchant"]) == ("casa-andina", 2, 61.0)
    row = page.get_by_role("row", name="casa-andina 2")
    expect(row).to_contain_text("hurt, by")
    expect(page.get_by_role("row", name="LÁM-002")).to_contain_text("The street is open again")


def test_a_form_is_downloaded(visitor):
    page = visitor.arrive("/reports", who="analyst")
    with page.expect_download() as download:
        page.get_by_role("link", name="PARQUET").first.click()

    assert download.value.path().read_bytes()[:4] == b"PAR1"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", ["/reports", "/v1/reports/2026-10"])
def test_axe_finds_nothing_and_nothing_is_cut_off(visitor, violations, path, width):
    page = visitor.arrive(path, who="analyst", width=width)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []


def test_merchants_are_told_that_reports_are_not_theirs(visitor):
    page = visitor.arrive("/reports")

    expect(page.get_by_role("heading")).to_have_text("Your access does not reach this far.")
    expect(page.get_by_role("link", name="Reports")).to_have_count(0)
    visitor.forgive(403)
