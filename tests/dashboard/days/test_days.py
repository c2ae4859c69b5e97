"""The next seven days: fresh or stale at a glance, refreshed by the worker, without a reload."""

from __future__ import annotations

import math
import re

import pytest
from playwright.sync_api import expect

ADDRESS = "/days?store=palermo"
PRODUCT = "/stores/paulista/products/OLL-000"
TUESDAY, WEDNESDAY = "Tuesday, November 3", "Wednesday, November 4"


def whole(units):
    """Rounded as a page rounds: halves go up."""
    return math.floor(units + 0.5)


def panel(page, name):
    """The card of a store."""
    return page.locator("section.days").filter(has=page.get_by_role("heading", name=name))


def status(state, done=0, of=None, **more):
    """A refresh as the API tells of it."""
    return {
        "id": "r-0",
        "state": state,
        "scope": {"merchant_id": "casa-andina", "stores": ["providencia"]},
        "done": done,
        "of": of,
        "estimate_seconds": 12.0,
        "data_until": "2026-11-04",
        "reason": None,
        "message": "",
        **more,
    }


def test_a_stale_store_is_refreshed_and_its_new_numbers_appear(visitor, served):
    before = served.read("/v1/stores/palermo/daily")
    page = visitor.arrive(ADDRESS)
    palermo = panel(page, "Casa Andina Palermo")
    expect(palermo.locator(".freshness")).to_contain_text("Out of date")
    expect(palermo).to_contain_text(f"It knows the sales until {TUESDAY}; one day is missing.")
    expect(palermo.locator("thead th").nth(1)).to_have_text("Wed 4")
    page.evaluate("window.neverReloaded = true")
    palermo.get_by_role("button", name="Refresh").click()

    expect(palermo.locator(".freshness")).to_contain_text("Up to date", timeout=20_000)
    expect(palermo).to_contain_text(f"Done: all sales until {WEDNESDAY} are in it.")
    expect(palermo.locator("thead th").nth(1)).to_have_text("Thu 5")
    after = served.read("/v1/stores/palermo/daily")
    assert (before["fresh"], after["fresh"]) == (False, True)
    shown = palermo.locator("tbody tr").first.locator("td").all_text_contents()
    assert shown[:7] == [str(whole(units)) for units in after["totals"]["units_forecast"]]
    assert page.evaluate("window.neverReloaded")
    palermo.get_by_role("button", name="Refresh").click()
    expect(palermo).to_contain_text(f"Nothing has changed: all sales until {WEDNESDAY}")


def test_a_product_is_refreshed_on_its_own_page(visitor, served):
    page = visitor.arrive(PRODUCT, who="sol-e-mar")
    days = panel(page, "The next seven days")
    expect(days.locator(".freshness")).to_contain_text("Out of date")
    days.get_by_role("button", name="Refresh").click()

    expect(days.locator(".freshness")).to_contain_text("Up to date", timeout=20_000)
    daily = served.read(f"/v1{PRODUCT}/daily", "sol-e-mar")
    rows = days.locator("tbody tr")
    expect(rows).to_have_count(7)
    assert rows.first.locator("th").text_content() == "Thursday, November 5"
    assert rows.first.locator("td strong").text_content() == f"{daily['units_forecast'][0]:g}"
    others = served.read("/v1/stores/paulista/daily", "sol-e-mar")["products"]
    assert [one["fresh"] for one in others if one["product_id"] != "OLL-000"] == [False, False]
    days.get_by_text("How these days were made").click()
    days.get_by_text("The same weekday of last week again.").wait_for()


def test_several_stores_are_looked_at_and_refreshed_at_once(visitor):
    page = visitor.arrive(ADDRESS)
    page.get_by_role("checkbox", name="Casa Andina Providencia").check()
    expect(page.locator("section.days h2")).to_have_text(
        ["Casa Andina Palermo", "Casa Andina Providencia"]
    )
    expect(page).to_have_url(re.compile("store=palermo&store=providencia"))
    page.get_by_role("button", name="Refresh all 2 stores").click()

    for name in ("Casa Andina Palermo", "Casa Andina Providencia"):
        fresh = panel(page, name).locator(".freshness")
        expect(fresh).to_contain_text("Up to date", timeout=20_000)
        button = panel(page, name).get_by_role("button", name="Refresh", exact=True)
        expect(button).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Refresh all 2 stores").click()
    for name in ("Casa Andina Palermo", "Casa Andina Providencia"):
        expect(panel(page, name)).to_contain_text("Nothing has changed")
    page.get_by_role("checkbox", name="Casa Andina Palermo").uncheck()
    expect(page.locator("section.days h2")).to_have_text(["Casa Andina Providencia"])
    page.reload()
    expect(page.locator("section.days h2")).to_have_text(["Casa Andina Providencia"])


def test_a_refresh_under_way_is_joined_and_shown_batch_by_batch(visitor, served):
    """What the server tells is scripted here, so that each step can be looked at."""
    daily = served.read("/v1/stores/providencia/daily")
    told = {"refresh": status("pulling"), "daily": {**daily, "refresh_id": "r-0"}}
    page = visitor.arrive("/products")
    page.route("**/v1/refreshes/r-0", lambda route: route.fulfill(json=told["refresh"]))
    page.route("**/providencia/daily*", lambda route: route.fulfill(json=told["daily"]))
    page.goto("/days?store=providencia")
    store = panel(page, "Casa Andina Providencia")

    expect(store.locator(".refresh-text")).to_have_text(
        "It was under way already. Fetching the sales that are missing. About 12 seconds left."
    )
    expect(store.get_by_role("button", name="Refreshing…")).to_have_attribute(
        "aria-disabled", "true"
    )
    first, *others = daily["products"]
    first = {**first, "units_forecast": [4321.0] * 7, "trained_at": "2026-11-05T12:00:01+00:00"}
    told["daily"] = {**told["daily"], "products": [first, *others]}
    told["refresh"] = status("training", 1, 5)
    row = store.get_by_role("row", name=first["name"])
    expect(row.locator("td").first).to_contain_text("4.321")
    expect(row).to_have_class(re.compile("just-new"))
    expect(store.get_by_role("progressbar")).to_have_attribute("value", "1")
    expect(store.get_by_role("status")).to_contain_text("1 of 5 products ready.")
    told["daily"] = {**told["daily"], "fresh": True, "data_until": "2026-11-04", "refresh_id": None}
    told["refresh"] = status("done", 5, 5)

    expect(store.locator(".freshness")).to_contain_text("Up to date")
    expect(store.get_by_role("progressbar")).to_be_hidden()
    expect(store.get_by_role("button", name="Refresh")).to_be_enabled()


def test_clicked_twice_while_another_is_come_upon_one_refresh_is_asked_for_and_followed(
    visitor, served
):
    """The click is answered last: before it, the days tell of a refresh that runs already."""
    daily = served.read("/v1/stores/providencia/daily")
    held, followed = {}, []

    def tell(route):
        followed.append(route.request.url.rpartition("/")[2])
        ended = len(followed) > 3
        route.fulfill(json=status("done", 5, 5) if ended else status("training", len(followed), 5))

    page = visitor.arrive("/products")
    page.route("**/v1/refreshes/*", tell)
    page.route("**/providencia/daily*", lambda route: held.setdefault("daily", route))
    page.route("**/providencia/refresh", lambda route: held.setdefault("asked", []).append(route))
    page.goto("/days?store=providencia")
    store = panel(page, "Casa Andina Providencia")
    button = store.get_by_role("button", name=re.compile("Refresh"))
    button.click()
    button.dispatch_event("click")
    expect(store.locator(".refresh-text")).not_to_be_empty()
    page.wait_for_timeout(100)
    first = held["daily"]
    page.unroute("**/providencia/daily*")
    page.route("**/providencia/daily*", lambda route: route.fulfill(json=daily))
    first.fulfill(json={**daily, "refresh_id": "r-other"})
    expect(store.locator("tbody tr").first).to_be_visible()
    button.dispatch_event("click")
    page.wait_for_timeout(400)
    assert (len(held["asked"]), followed) == (1, [])
    held["asked"][0].fulfill(json={**status("queued"), "outcome": "started"}, status=202)

    expect(store.locator(".refresh-text")).to_contain_text("Done")
    assert followed == ["r-0"] * 4
    expect(button).to_have_attribute("aria-disabled", "false")


def test_days_that_leave_their_month_say_why(visitor, served):
    daily = served.read("/v1/stores/providencia/daily?product=OLL-000")
    parameters = {"month": "2026-11", "pace": "83.0", "upper": "70.0", "served": "unbeaten"}
    reason = {"code": "above_month", "parameters": {**parameters, "weights": "weekday_naive:1.00"}}
    (product,) = daily["products"]
    told = {**daily, "products": [{**product, "reason": reason}]}
    page = visitor.arrive("/products")
    page.route("**/providencia/daily*", lambda route: route.fulfill(json=told))
    page.goto("/days?store=providencia")
    expect(page.get_by_role("row", name=product["name"])).to_contain_text(
        "faster than the month's forecast"
    )
    page.get_by_role("link", name=product["name"]).click()

    note = "At this pace November 2026 sells about 83, above the likely range of its forecast (70"
    page.locator(".note-box").get_by_text(note).wait_for()
    page.get_by_text("How these days were made").click()
    page.get_by_text("No method came closer in the past weeks").wait_for()


def test_a_server_that_is_away_for_a_moment_does_not_end_the_watching(visitor):
    page = visitor.arrive("/days?store=providencia")
    page.route(
        "**/providencia/refresh",
        lambda route: route.fulfill(status=202, json={**status("queued"), "outcome": "started"}),
    )
    page.route("**/v1/refreshes/r-0", lambda route: route.fulfill(json=status("done", 5, 5)))
    away = {"status": 503, "headers": {"Retry-After": "1"}, "json": {}}
    page.route("**/v1/refreshes/r-0", lambda route: route.fulfill(**away), times=1)
    page.get_by_role("button", name="Refresh").click()

    told = page.locator("section.days .refresh-text")
    expect(told).to_contain_text("Done: all sales until")
    visitor.forgive(503)


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (status("failed", reason={"code": "worker_lost", "parameters": {}}), "cut off several"),
        (
            status("done", reason={"code": "source_unreachable", "parameters": {"missing": "2"}}),
            "could not be reached, so the latest days are missing",
        ),
    ],
)
def test_how_a_refresh_ends_is_told_in_words(visitor, ended, words):
    page = visitor.arrive("/days?store=providencia")
    page.route(
        "**/providencia/refresh",
        lambda route: route.fulfill(status=202, json={**status("queued"), "outcome": "started"}),
    )
    page.route("**/v1/refreshes/r-0", lambda route: route.fulfill(json=ended))
    page.get_by_role("button", name="Refresh").click()

    expect(page.locator("section.days .refresh-problem")).to_contain_text(words)
    expect(page.get_by_role("button", name="Refresh")).to_be_enabled()


def test_beyond_the_limit_the_page_says_when_to_come_back(visitor):
    page = visitor.arrive("/days?store=providencia")
    page.route(
        "**/providencia/refresh",
        lambda route: route.fulfill(status=429, headers={"Retry-After": "90"}, json={}),
    )
    page.get_by_role("button", name="Refresh").click()

    expect(page.locator("section.days .refresh-problem")).to_contain_text("Wait 90 seconds")
    visitor.forgive(429)


def test_search_and_category_narrow_every_panel(visitor, served):
    found = served.read("/v1/stores/palermo/daily?q=silla")["products"]
    page = visitor.arrive(ADDRESS)
    page.get_by_label("Search").fill("silla")
    names = panel(page, "Casa Andina Palermo").locator("tbody th a")
    expect(names).to_have_text([one["name"] for one in found])
    page.get_by_label("Search").fill("")
    page.get_by_label("Category").select_option("Cocina")

    cocina = served.read("/v1/stores/palermo/daily?category=Cocina")["products"]
    assert len(cocina) == 2
    expect(names).to_have_text([one["name"] for one in cocina])
    expect(page).to_have_url(re.compile("category=Cocina"))


def test_before_the_first_daily_forecast_the_page_says_what_to_do(visitor, served):
    daily = served.read("/v1/stores/providencia/daily")
    nothing = {"products": 0, "days": [], "units_forecast": [], "products_per_day": []}
    none = {"data_until": None, "trained_at": None, "fresh": False, "products": []}
    totals = {**nothing, "recent_days": [], "recent_units": []}
    page = visitor.arrive("/products")
    page.route(
        "**/providencia/daily*",
        lambda route: route.fulfill(json={**daily, **none, "totals": totals}),
    )
    page.goto("/days?store=providencia")

    expect(page.locator(".freshness")).to_contain_text("Not made yet")
    expect(page.locator(".state-title")).to_have_text("No daily forecasts yet")
    expect(page.get_by_role("button", name="Refresh")).to_be_visible()


def test_the_days_are_downloaded_as_csv(visitor):
    page = visitor.arrive(ADDRESS)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()

    text = download.value.path().read_text("utf-8")
    assert text.startswith("merchant_id,store_id,product_id,name,category,date,")
    assert text.count("\n") == 1 + 8 * 7


def test_a_planner_of_one_store_has_none_to_choose(visitor):
    page = visitor.arrive("/days", who="planner")

    expect(page.locator("section.days h2")).to_have_text(["Casa Andina Palermo"])
    expect(page.get_by_role("group", name="Stores")).to_have_count(0)
    expect(page.get_by_role("button", name="Refresh")).to_be_visible()


def test_an_analyst_reads_and_asks_for_nothing(visitor):
    page = visitor.arrive(who="analyst")
    page.get_by_role("button", name="casa-andina").click()
    page.get_by_role("link", name="Next 7 days").click()

    expect(page.locator("section.days h2")).to_have_text(["Casa Andina Palermo"])
    expect(page.get_by_role("button", name="Refresh")).to_have_count(0)


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
@pytest.mark.parametrize("path", ["/days?store=palermo&store=providencia", PRODUCT])
def test_axe_finds_nothing(visitor, violations, path, width, scheme):
    who = "sol-e-mar" if path == PRODUCT else "casa-andina"
    page = visitor.arrive(path, who=who, width=width, color_scheme=scheme)

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    heights = page.locator("section.days button, section.days .actions a, .chip").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().height)"
    )
    assert heights and min(heights) >= 44


def test_the_keyboard_chooses_stores_and_keeps_its_place(visitor):
    page = visitor.arrive(ADDRESS)
    box = page.get_by_role("checkbox", name="Casa Andina Providencia")
    box.focus()
    page.keyboard.press("Space")

    expect(page.locator("section.days h2")).to_have_count(2)
    expect(box).to_be_focused()


def test_the_words_are_those_of_the_reader(visitor):
    page = visitor.arrive(ADDRESS, language="es-AR", timezone_id="America/Lima")

    expect(page.locator("h1")).to_have_text("Los próximos siete días")
    expect(page.locator(".days-state")).to_contain_text("noviembre")
    expect(page.locator(".days-state")).to_contain_text("GMT-5")
    expect(page.locator("section.days thead th").last).to_have_text("7 días")
