"""Listings that have not sold yet borrow what launches sold, by the chance that they will sell."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecasting.ensemble import EnsembleForecaster
from forecasting.forecaster import Series, add_months
from forecasting.guard import answers, broken_rule
from forecasting.launches import Donors, Launches
from forecasting.models.pooled import FLAT, Shape, Shapes
from forecasting.never_sold import FirstSales, Starts, forecast_never_sold
from forecasting.survey import Findings

CUTOFF = date(2025, 6, 1)


def unsold(months: int = 2, product: str = "new", store: str = "S1", merchant: str = "M1"):
    first = add_months(CUTOFF, 1 - months)
    return Series(merchant, store, product, first, np.zeros(months), "toys")


def veteran(merchant: str = "M1") -> Series:
    return Series(merchant, "S1", "old", date(2022, 1, 1), np.full(42, 5.0), "toys")


def launch(number: int, units: float = 10.0, store: str = "S1", merchant: str = "M1") -> Series:
    first = add_months(CUTOFF, -13)
    return Series(merchant, store, f"P{number}", first, np.full(14, units), "toys")


def lent(*series: Series) -> Donors:
    return Donors.of(Launches.of([veteran(), *series]), Shapes({}))


def forecast(series: Series, donors: Donors, shape: Shape = FLAT, sold_in: str | None = None):
    return forecast_never_sold(series, 6, donors.starts, donors.first_sales, shape, sold_in)


def test_a_listing_follows_launches_by_the_chance_that_it_sells() -> None:
    found = forecast(unsold(), lent(*map(launch, range(40))))
    np.testing.assert_allclose(found.units, 10.0 * FirstSales().chance(2))
    assert found.model == "launch"
    assert found.reason == (
        "never_sold months=2 class=intermittent length=new donor=S1|toys launches=40"
    )


def test_it_takes_the_shape_of_the_year() -> None:
    december = Shape(np.where(np.arange(12) == 11, 3.0, 9 / 11))
    found = forecast(unsold(), lent(*map(launch, range(40))), december)
    assert found.units[5] == pytest.approx(found.units[0] * 3.0 / (9 / 11))


def test_donors_are_near_ones_else_the_stores_else_the_merchants() -> None:
    toys = [launch(n) for n in range(10)]
    shop = [replace(launch(n, 20.0), category="home") for n in range(10, 20)]
    other = [launch(n, 30.0, "S2") for n in range(20, 30)]
    assert "donor=S1 launches=20" in forecast(unsold(), lent(*toys, *shop, *other)).reason
    assert "donor=merchant launches=20" in forecast(unsold(), lent(*toys, *other)).reason


def test_another_merchants_launches_are_never_borrowed() -> None:
    foreign = [veteran("M2"), *[launch(n, merchant="M2") for n in range(40)]]
    waiting = [unsold(3, f"U{n}", merchant="M2") for n in range(40)]
    alone, beside = lent(unsold()), lent(unsold(), *foreign, *waiting)
    assert forecast(unsold(), beside).reason.endswith("donor=none launches=0")
    assert beside.first_sales["M1"] == alone.first_sales["M1"]


def test_without_donors_the_point_is_zero_and_the_bounds_are_not_sure_of_it() -> None:
    found = forecast(unsold(1), Donors())
    assert not found.units.any()
    assert not found.lower.any()
    assert (found.upper[2] > 0.5).all()
    assert broken_rule(found, 6) == ""


def test_what_another_store_sold_before_follows_such_launches() -> None:
    before = [replace(launch(n, store="S2"), first_month=date(2023, 1, 1)) for n in range(20)]
    again = [launch(n, 4.0) for n in range(20)]
    fresh = [launch(n, 40.0) for n in range(20, 40)]
    donors = lent(*before, *again, *fresh, unsold(product="P7"))
    assert donors.elsewhere == {json.dumps(["M1", "S1", "P7"]): "S2"}
    found = forecast(unsold(product="P7"), donors, sold_in="S2")
    assert found.reason.endswith("donor=S1|toys launches=20 sold_in=S2")
    np.testing.assert_allclose(found.units, 4.0 * donors.first_sales["M1"].chance(2))


def test_who_waits_longer_sells_less_likely_and_as_seldom_sellers_do() -> None:
    daily = [launch(n) for n in range(20)]
    seldom = [replace(launch(n), units=np.resize([3.0, 0.0, 0.0, 0.0], 14)) for n in range(20, 40)]
    donors = lent(*daily, *seldom)
    units = [forecast(unsold(months), donors).units[0] for months in range(1, 7)]
    assert (np.diff(units) < 0).all()
    chances = [FirstSales().chance(months) for months in range(1, 7)]
    assert (np.diff(chances) < 0).all()
    assert units[5] / chances[5] < 0.8 * units[0] / chances[0]


def test_an_empty_shelf_is_no_silence() -> None:
    donors = lent(*map(launch, range(40)))
    told = replace(unsold(4), days_out_of_stock=np.array([30.0, 31.0, 30.0, 0.0]))
    one, four = (forecast(unsold(months), donors).units[0] for months in (1, 4))
    assert four < one
    assert forecast(told, donors).units[0] == pytest.approx(one, rel=0.02)


def test_listings_that_wait_are_counted_by_months_on_sale() -> None:
    sold = [replace(launch(n), first_month=CUTOFF, units=np.ones(1)) for n in range(5)]
    waits = [unsold(3, f"U{n}") for n in range(7)]
    ended = replace(unsold(4, "ended"), active=False)
    counts = lent(*sold, *waits, ended).first_sales["M1"]
    assert counts.sold == (5, *[0] * 11)
    assert counts.waiting == (0, 0, 7, *[0] * 9)


def test_where_few_are_left_waiting_waiting_ends_soon() -> None:
    soon = FirstSales((50,) * 12, (20, 6, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0))
    never = FirstSales((50,) * 12, (20,) * 12)
    assert soon.chance(1) > 0.7 > FirstSales().chance(1) > 0.3 > never.chance(1)


def test_of_a_catalogue_that_nobody_buys_from_next_to_nothing_is_expected() -> None:
    """A thousand waiting for each that ever sells, all listed in one month."""
    dead = FirstSales((20,) * 12, (0, 0, 20_000, *[0] * 9))
    assert 0 < dead.chance(3) < 0.01


def test_what_is_lent_survives_json() -> None:
    donors = lent(*map(launch, range(40)), unsold())
    starts, counts = donors.starts["M1|S1|toys"], donors.first_sales["M1"]
    assert Starts.from_json(json.loads(json.dumps(starts.to_json()))) == starts
    assert FirstSales.from_json(json.loads(json.dumps(counts.to_json()))) == counts


def _listings(
    rng: np.random.Generator, merchant: str, count: int
) -> list[tuple[Series, np.ndarray]]:
    """As shards know them: sold ones from their first sale, others of the last year as zeros.

    Beside each what it sells in the next year. A tenth never sells; the others sell at rates that
    differ as a gamma, and one or two pieces at a time.
    """
    found = []
    for number in range(count):
        listed = int(rng.integers(1, 30))
        rate = 0.0 if rng.uniform() < 0.1 else rng.gamma(0.6, 4.0)
        on_sale = np.ones(42 - listed)
        on_sale[0] = rng.uniform()
        sales = rng.poisson(rate * on_sale)
        units = (sales + rng.binomial(sales, 0.3)).astype(float)
        past, later = units[:-12], units[-12:]
        first = int(np.argmax(past > 0)) if past.any() else 0
        if past.any() or len(past) <= 12:
            month = add_months(CUTOFF, 1 - len(past) + first)
            series = Series(merchant, "S1", f"P{number}", month, past[first:], "toys")
            found.append((series, later))
    return found


@pytest.mark.parametrize(("merchants", "each"), [(2, 3000), (40, 150)])
def test_generated_listings_sell_what_is_forecast_and_within_bounds(merchants, each) -> None:
    """Large merchants, which tell their own chance, and small ones, which borrow the prior."""
    rng = np.random.default_rng(20)
    told, sold, held = 0.0, 0.0, []
    for number in range(merchants):
        listings = _listings(rng, f"M{number}", each)
        old = replace(veteran(f"M{number}"), first_month=add_months(CUTOFF, -30))
        donors = Donors.of(Launches.of([old, *(one for one, _ in listings)]), Shapes({}))
        lend = donors.starts, donors.first_sales
        for series, later in listings:
            if series.months < 7 and not series.units.any():
                found = forecast_never_sold(series, 12, *lend, FLAT)
                told, sold = told + found.units.sum(), sold + later.sum()
                held.append((later <= found.upper).mean(axis=1))
    assert len(held) > 300
    assert abs(told / sold - 1) < 0.2
    within = np.mean(held, axis=0)
    assert within[0] > 0.7
    assert within[1] > 0.79
    assert 0.93 < within[2] < 0.985


def test_the_ensemble_forecasts_what_never_sold_and_leaves_the_rest_as_it_was() -> None:
    launches = [launch(n, 10.0 + n % 3) for n in range(30)]
    waits = [unsold(months, f"U{months}") for months in range(1, 13)]
    engine = EnsembleForecaster()
    without = engine.survey([veteran(), *launches])["findings"]
    told = engine.survey([veteran(), *launches, *waits])["findings"]
    assert told["first_sales"]["M1"][1] == (1,) * 12
    assert {n: v for n, v in told.items() if n != "first_sales"} == {
        n: v for n, v in without.items() if n != "first_sales"
    }
    assert Findings.from_json(json.loads(json.dumps(told))).to_json() == told
    found = [
        a.forecast for a in answers(engine.informed({"findings": told, "models": {}}), waits, 12)
    ]
    codes = [one.reason.partition(" ")[0] for one in found]
    assert codes == ["never_sold"] * 6 + ["dormant"] * 6
    assert all(one.units.all() for one in found[:6])
    assert not any(one.upper.any() for one in found[6:])
