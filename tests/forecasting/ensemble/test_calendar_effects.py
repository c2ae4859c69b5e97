"""Months differ from year to year by their days: found where they move sales, and only there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecasting import calendar_effects
from forecasting.calendar_effects import CalendarEffects, CalendarSample, judge_calendar
from forecasting.calendar_months import NAMES, calendar_of
from forecasting.candidates import CANDIDATES
from forecasting.forecaster import Series, add_months
from forecasting.race import history_of, run_race

EASTER, LEAP, SALES = (NAMES.index(name) for name in ("easter", "leap", "sales"))
MONTHS = 84
FIRST = date(2018, 1, 1)
ORIGINS = (0, 3, 6, 12, 24)


def shop(effects: dict[int, float], country: str = "CL", products: int = 12) -> list[Series]:
    """Products with a season, noise of 4 %, and those effects."""
    rng = np.random.default_rng(5)
    moved = np.zeros(len(NAMES))
    moved[list(effects)] = list(effects.values())
    season = 1 + 0.3 * np.sin(np.arange(MONTHS) * np.pi / 6)
    factors = season * np.exp(calendar_of(country, FIRST, MONTHS) @ moved)
    return [
        Series(
            "M1",
            "S1",
            f"P{i}",
            FIRST,
            (20.0 + i) * factors * rng.lognormal(0, 0.04, MONTHS),
            country=country,
        )
        for i in range(products)
    ]


def test_easter_of_2024_lies_in_march_and_of_2025_in_april() -> None:
    march_2024, april_2024 = calendar_of("", date(2024, 3, 1), 2)[:, EASTER]
    march_2025, april_2025 = calendar_of("", date(2025, 3, 1), 2)[:, EASTER]
    assert march_2024 == pytest.approx(march_2025 + 1)
    assert april_2025 == pytest.approx(april_2024 + 1)


def test_a_leap_day_is_told_apart_from_the_usual_february() -> None:
    told = [calendar_of("", date(year, 2, 1), 1)[0, LEAP] for year in (2023, 2024)]
    assert told == [-0.25, 0.75]


def test_a_sale_that_moves_to_another_month_is_counted_there() -> None:
    moved = calendar_of("CL", date(2023, 5, 1), 2)[:, SALES]
    usual = calendar_of("CL", date(2024, 5, 1), 2)[:, SALES]
    assert moved[0] > usual[0]
    assert moved[1] < usual[1]


def test_effects_are_usual_over_a_cycle_of_years() -> None:
    rows = calendar_of("GB", date(2000, 1, 1), 28 * 12).reshape(28, 12, len(NAMES))
    assert np.abs(rows.mean(axis=0)).max() < 1e-9


def test_years_that_a_country_has_no_calendar_for_are_answered() -> None:
    assert np.isfinite(calendar_of("IN", date(1999, 1, 1), 12)).all()


@pytest.mark.parametrize(
    ("effect", "size"), [(EASTER, 0.5), (SALES, 1.0)], ids=["Easter", "sales days"]
)
def test_what_moves_sales_is_found_and_serves(effect: int, size: float) -> None:
    found = judge_calendar(shop({effect: size}), ORIGINS)
    judged = found.judged["M1|CL"]
    assert judged["serves"]
    assert judged["change"] < -0.02
    assert found.effects[0].rows["M1|CL"][effect] == pytest.approx(size, rel=0.25)


def test_a_shop_without_effects_is_left_alone() -> None:
    found = judge_calendar(shop({}), ORIGINS)
    assert not found.judged["M1|CL"]["serves"]
    assert not found.effects[0].rows


def test_an_origin_knows_nothing_of_later_months() -> None:
    fleet = shop({EASTER: 0.5})
    later = [replace(one, units=np.append(one.units[:-12], 1.1 * one.units[-12:])) for one in fleet]
    found, changed = (judge_calendar(units, ORIGINS) for units in (fleet, later))
    assert found.effects[12].rows == changed.effects[12].rows


@pytest.mark.parametrize(("most", "merchants"), [(40, 3), (20, 2)])
def test_each_merchant_has_a_sample_of_its_own_whatever_the_order(
    monkeypatch: pytest.MonkeyPatch, most: int, merchants: int
) -> None:
    monkeypatch.setattr(calendar_effects, "MOST_KEPT", most)
    monkeypatch.setattr(calendar_effects, "FEWEST_MEMBERS", 10)
    one_shop = shop({})
    fleet = [
        replace(one, merchant_id=f"M{merchant}", product_id=f"{one.product_id}-{copy}")
        for merchant, copies in enumerate((5, 1, 1))
        for copy in range(copies)
        for one in one_shop
    ]
    forwards, backwards = CalendarSample(), CalendarSample()
    for one, other in zip(fleet, reversed(fleet), strict=True):
        forwards.add(one)
        backwards.add(other)
    keys = {one.key for one in forwards.chosen()}
    assert keys == {one.key for one in backwards.chosen()}
    counts = Counter(key[0] for key in keys)
    assert len(counts) <= merchants
    assert set(counts.values()) == {10}


def test_effects_are_never_another_merchants() -> None:
    effects = CalendarEffects({"M1|CL": [0.0, 0.0, 0.5, 0.0, 0.0, 0.0]})
    stranger = replace(shop({})[0], merchant_id="M2")
    assert history_of(stranger, None, effects).calendar.effects is None


def test_candidates_forecast_the_month_that_easter_moves_to() -> None:
    series = shop({EASTER: 0.5})[0].until(74)
    effects = CalendarEffects({"M1|CL": [0.0, 0.0, 0.5, 0.0, 0.0, 0.0]})
    plain, freed = history_of(series, None), history_of(series, None, effects)
    theta = CANDIDATES["theta"]
    ahead = [theta.forecast(known, theta.fit(known), 10) for known in (plain, freed)]
    assert add_months(series.cutoff_month, 2) == date(2024, 4, 1)
    assert ahead[1][1] < 0.85 * ahead[0][1]
    assert np.array_equal(freed.demand, plain.demand)


def test_seasonal_naive_repeats_what_was_sold_whatever_the_calendar() -> None:
    effects = {0: CalendarEffects({"M1|CL": [0.0, 0.0, 0.5, 0.0, 0.0, 0.0]})}
    series = shop({EASTER: 0.5})[0].until(48)
    race = run_race(series, {}, effects=effects)
    assert np.array_equal(race.ahead[race.names.index("seasonal_naive")], series.units[-12:])
