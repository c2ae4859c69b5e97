"""The daily engines: sound answers for any history, the same from a stored fit, ranked by merit."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pytest

from forecasting.daily.candidates import usual_units
from forecasting.daily.engine import DailyFit
from forecasting.daily.engines import DAILY_ENGINES, open_daily_engine
from forecasting.daily.findings import DailyFindings
from forecasting.daily.race import run_race
from forecasting.daily.weights import held_out_errors, weights_of
from forecasting.guard import broken_rule

WEEK_SHAPE = np.array([1.0, 1, 1, 1.2, 1.8, 2.0, 0.5])


def sales(days: int = 280, level: float = 20.0, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.poisson(level * WEEK_SHAPE[np.arange(days) % 7]).astype(float)


def answer(engine: str, series, horizon: int = 7, previous: str | None = None):
    return open_daily_engine(engine).forecast_warm([series], horizon, [previous])[0]


HISTORIES = {
    "constant": np.full(200, 4.0),
    "all zero": np.zeros(200),
    "one day": np.array([3.0]),
    "one day of nothing": np.array([0.0]),
    "a week": np.arange(7.0),
    "three weeks": np.arange(21.0),
    "now and then": np.where(np.arange(200) % 13 == 0, 2.0, 0.0),
    "huge": np.full(200, 1e12) + np.arange(200),
    "one spike": np.where(np.arange(200) == 150, 1e6, 1.0),
    "sold once, long ago": np.where(np.arange(400) == 3, 5.0, 0.0),
    "shorter than the race": sales(40),
    "ordinary": sales(),
}


@pytest.mark.parametrize("engine", sorted(DAILY_ENGINES))
def test_any_history_has_a_sound_answer_that_its_stored_fit_repeats(engine, make_daily):
    for name, units in HISTORIES.items():
        series = make_daily(units, country="AR")
        forecast, fit = answer(engine, series)
        assert broken_rule(forecast, 7) == "", name
        again, _ = answer(engine, series, previous=fit)
        np.testing.assert_array_equal(again.units, forecast.units, err_msg=name)
        np.testing.assert_array_equal(again.upper, forecast.upper, err_msg=name)
        assert again.reason == forecast.reason


def test_a_history_never_on_sale_has_a_sound_answer(make_daily):
    series = make_daily(np.ones(60), state=np.ones(60))
    assert broken_rule(answer("daily", series)[0], 7) == ""


def test_the_shape_of_the_week_is_found(make_daily):
    forecast, _ = answer("daily", make_daily(sales(level=100)))
    np.testing.assert_allclose(forecast.units, 100 * WEEK_SHAPE, rtol=0.15)
    assert forecast.reason.startswith("raced class=smooth weights=")


def test_longer_horizons_go_on_in_the_same_week(make_daily):
    forecast, _ = answer("ets", make_daily(sales(level=100)), horizon=14)
    np.testing.assert_allclose(forecast.units[:7], forecast.units[7:])


def test_a_fit_says_who_serves_how_they_missed_and_holds_no_history(make_daily):
    series = make_daily(sales())
    fit = DailyFit.from_json(answer("daily", series)[1])
    assert sum(fit.weights.values()) == pytest.approx(1, abs=1e-3)
    assert set(fit.weights) <= set(fit.errors)
    assert fit.held_days == 56
    assert len(fit.to_json()) < 6000
    assert len(json.dumps(series.units.tolist())) not in (0, len(fit.to_json()))


def test_closed_weekdays_are_zero_and_the_reason_names_the_days(make_daily):
    units, state = sales(), np.zeros(280)
    units[6::7], state[6::7] = 0, 2
    series = make_daily(units, state=state)
    forecast, _ = answer("daily", series)
    sunday = series.dates_ahead(7)[6]
    assert sunday.weekday() == 6
    assert forecast.units[6] == forecast.upper[:, 6].max() == 0
    assert forecast.units[:6].min() > 5
    assert f"closed={sunday}" in forecast.reason


def test_a_holiday_on_which_the_store_was_closed_before_is_closed_again(make_daily):
    first = date(2024, 10, 7)
    days = (date(2025, 12, 21) - first).days
    units, state = sales(days), np.zeros(days)
    christmas = (date(2024, 12, 25) - first).days
    units[christmas], state[christmas] = 0, 2
    series = make_daily(units, state=state, first_date=first, country="AR")
    forecast, _ = answer("daily", series)
    at = series.dates_ahead(7).index(date(2025, 12, 25))
    assert np.flatnonzero(forecast.units == 0).tolist() == [at]


def test_an_empty_shelf_is_not_taken_for_a_lack_of_demand(make_daily):
    units, state = sales(level=50), np.zeros(280)
    units[-10:], state[-10:] = 0, 1
    forecast, _ = answer("daily", make_daily(units, state=state))
    assert forecast.units.sum() > 0.8 * 50 * WEEK_SHAPE.sum()


def test_a_product_silent_for_half_a_year_is_expected_to_sell_nothing(make_daily):
    units = np.append(sales(100), np.zeros(182))
    forecast, _ = answer("daily", make_daily(units))
    assert forecast.units.sum() == 0
    assert forecast.reason == "silent days=182"


def test_a_bulk_order_is_damped_and_good_days_are_not():
    units = sales()
    usual = usual_units(units, np.ones(280, bool))
    np.testing.assert_array_equal(usual, units)
    units[200] = 5000
    assert usual_units(units, np.ones(280, bool))[200] < 100


def test_who_missed_by_more_in_weeks_held_out_counts_for_less(make_daily):
    race = run_race(make_daily(sales(level=100)))
    level = dict.fromkeys(race.names, 0.0)
    weights = weights_of(race.names, race.trials, level)
    missed, _ = held_out_errors(race.trials, len(race.names))
    assert weights[race.names.index("weekday_naive")] == 0
    serving = np.argsort(-weights)[: np.count_nonzero(weights)]
    assert (np.diff(missed[serving]) >= 0).all()
    assert missed[serving[0]] == missed.min()


def test_intervals_of_ordinary_sales_hold_about_what_they_promise(make_daily):
    held80 = []
    for seed in range(12):
        units = sales(287, level=30, seed=seed)
        forecast, _ = answer("daily", make_daily(units[:280]))
        held80 += list((units[280:] >= forecast.lower[1]) & (units[280:] <= forecast.upper[1]))
    assert 0.65 < np.mean(held80) < 0.95


def test_shipped_findings_are_complete():
    findings = DailyFindings.shipped()
    assert set(findings.ranking) == set(findings.calibration)
    for calibration in findings.calibration.values():
        assert (np.diff(calibration.bounds[:, :, 1], axis=1) >= 0).all()


def test_a_day_more_makes_another_fit(make_daily):
    units = sales()
    _, fit = answer("daily", make_daily(units[:-1]))
    _, later = answer("daily", make_daily(units), previous=fit)
    assert DailyFit.from_json(later).data_hash != DailyFit.from_json(fit).data_hash


def test_dates_ahead_follow_the_cutoff(make_daily):
    series = make_daily(np.ones(3))
    assert series.dates_ahead(2) == [series.cutoff_date + timedelta(days=n) for n in (1, 2)]
