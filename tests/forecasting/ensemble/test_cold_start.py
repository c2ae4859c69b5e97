"""New products go on as earlier launches of their own merchant did, and say whose."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecasting.cold_start import Courses, forecast_launch
from forecasting.forecaster import Series
from forecasting.launches import Donors, Launches
from forecasting.models.pooled import FLAT, Shapes


def launch(number: int, merchant: str = "M1", store: str = "S1", keeps: float = 0.5) -> Series:
    """Sells ten for two months and then `keeps` of that."""
    units = np.array([10.0, 10.0, *[10.0 * keeps] * 12])
    return Series(merchant, store, f"P{number}", date(2024, 3, 1), units, "toys")


def veteran(merchant: str = "M1") -> Series:
    return Series(merchant, "S1", "old", date(2022, 1, 1), np.full(40, 5.0), "toys")


def new(merchant: str = "M1", store: str = "S1") -> Series:
    return Series(merchant, store, "new", date(2025, 3, 1), np.array([10.0, 10.0]), "toys")


def courses(*series: Series) -> dict[str, Courses]:
    return Donors.of(Launches.of([veteran(), *series]), Shapes({})).courses


def test_a_launch_keeps_the_share_that_earlier_ones_kept() -> None:
    known = courses(*[launch(number) for number in range(400)])
    found = forecast_launch(new(), 6, known, FLAT)
    np.testing.assert_allclose(found.units, 5.0, rtol=0.03)
    assert (
        found.reason == "short_history months=2 class=smooth length=new donor=S1|toys launches=400"
    )


def test_a_store_without_launches_borrows_from_its_merchant() -> None:
    known = courses(*[launch(number, store="S2") for number in range(400)])
    found = forecast_launch(new(), 6, known, FLAT)
    assert "donor=merchant launches=400" in found.reason


def test_another_merchants_launches_are_never_borrowed() -> None:
    known = courses(*[launch(number, "M2") for number in range(400)], veteran("M2"))
    found = forecast_launch(new(), 6, known, FLAT)
    assert "donor=none" in found.reason


def test_a_launch_whose_shelf_was_empty_goes_on_from_its_demand() -> None:
    known = Launches.of([veteran(), *(launch(n, keeps=0.8) for n in range(200))])
    courses = Donors.of(known, Shapes({})).courses
    told = replace(new(), units=np.array([20.0, 0.0]), days_out_of_stock=np.array([0.0, 30.0]))
    full = replace(new(), units=np.array([20.0, 20.0]))
    found = forecast_launch(told, 6, courses, FLAT)
    np.testing.assert_allclose(found.units, forecast_launch(full, 6, courses, FLAT).units)
    assert found.reason.endswith(" corrected=1")


def test_launches_teach_what_a_full_shelf_would_have_sold() -> None:
    empty = np.array([0.0] * 4 + [30.0] * 4 + [0.0] * 6)
    sold = [
        replace(one, units=np.where(empty > 0, 0.0, one.units)) for one in map(_kept, range(200))
    ]
    told = [replace(one, days_out_of_stock=empty) for one in sold]
    unknown = Donors.of(Launches.of([veteran(), *sold]), Shapes({})).courses
    known = Donors.of(Launches.of([veteran(), *told]), Shapes({})).courses
    after = [forecast_launch(new(), 6, found, FLAT).units[0] for found in (unknown, known)]
    assert after[1] > 1.2 * after[0]


def _kept(number: int) -> Series:
    return launch(number, keeps=0.8)


def test_donors_are_named_as_the_merchant_names_them() -> None:
    fleet = [replace(launch(n, keeps=0.8), store_id="Store_1 old town") for n in range(50)]
    begun = replace(veteran(), store_id="Store_1 old town")
    known = Donors.of(Launches.of([begun, *fleet]), Shapes({})).courses
    found = forecast_launch(replace(new(), store_id="Store_1 old town"), 6, known, FLAT)
    assert (
        found.reason
        == "short_history months=2 class=smooth length=new donor=Store_1 old town|toys launches=50"
    )


def imported(number: int, first: date, store: str, keeps: float) -> Series:
    """A product that two stores sell; in each it sells ten for two months, then `keeps` of that."""
    units = np.array([10.0, 10.0, *[10.0 * keeps] * 12])
    return Series("M1", store, f"P{number}", first, units, "toys")


def test_what_another_store_already_sells_goes_on_as_such_products_did() -> None:
    first = [imported(number, date(2023, 9, 1), "S2", 0.9) for number in range(200)]
    later = [imported(number, date(2024, 3, 1), "S1", 0.2) for number in range(200)]
    fresh = [launch(number, keeps=0.8) for number in range(1000, 1200)]
    launches = Launches.of([veteran(), *first, *later, *fresh, replace(new(), product_id="P7")])
    assert launches.elsewhere() == {'["M1", "S1", "P7"]': "S2"}
    known = Donors.of(launches, Shapes({})).courses
    found = forecast_launch(new(), 6, known, FLAT, "S2")
    np.testing.assert_allclose(found.units, 2.0, rtol=0.35)
    assert (
        found.reason
        == "short_history months=2 class=smooth length=new donor=S1|toys launches=200 sold_in=S2"
    )
    abroad = forecast_launch(new(), 6, known, FLAT, "United Kingdom")
    assert abroad.reason.endswith(" sold_in=United Kingdom")
    usual = forecast_launch(new(), 6, known, FLAT)
    assert usual.units[0] > 1.5 * found.units[0]
    assert "sold_in" not in usual.reason


def test_intervals_hold_the_spread_of_the_donors() -> None:
    mixed = [launch(number, keeps=(number % 10) / 10) for number in range(400)]
    found = forecast_launch(new(), 6, courses(*mixed), FLAT)
    assert found.lower[1, 0] == pytest.approx(0.0, abs=1.1)
    assert found.upper[1, 0] == pytest.approx(0.8 * 10, abs=1.1)


def test_courses_survive_json() -> None:
    known = courses(*[launch(number) for number in range(40)])["M1|S1"]
    assert Courses.from_json(json.loads(json.dumps(known.to_json()))) == known
