"""Prophet's model: evaluated by numpy as Prophet does, and fitted at least as well as by Stan."""

from __future__ import annotations

import logging
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.daily.calendar import day_events, public_holidays
from forecasting.daily.prophet_fit import ProphetPriors, fit_prophet, log_posterior
from forecasting.daily.prophet_model import ProphetModel
from forecasting.daily.series import DailySeries, Promotion

FIRST = date(2023, 10, 2)


@pytest.fixture(scope="module")
def series() -> DailySeries:
    """Two years with a week, a year, a bent trend, noise and an effect of Christmas."""
    days = 800
    rng = np.random.default_rng(11)
    t = np.arange(days)
    units = 20 + 0.02 * t - 0.03 * np.maximum(t - 400, 0) + 6 * np.sin(2 * np.pi * t / 365.25)
    units = units * np.array([1, 1, 1, 1.2, 1.6, 1.8, 0.6])[t % 7] + rng.normal(0, 3, days)
    for day, name in public_holidays("AR", 2023) + public_holidays("AR", 2024):
        if name == "Christmas Day":
            units[(day - FIRST).days] += 40
    state = np.zeros(days, np.int8)
    return DailySeries("M1", "S1", "P1", FIRST, np.maximum(units, 0.0), state, country="AR")


@pytest.fixture(scope="module")
def library(series: DailySeries) -> Any:
    """Prophet's own fit of the series, and its forecast of the next thirty days."""
    from prophet import Prophet

    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).disabled = True
    frame = pd.DataFrame({"ds": pd.date_range(FIRST, periods=series.days), "y": series.units})
    model = Prophet(uncertainty_samples=0)
    model.add_country_holidays("AR")
    return model.fit(frame)


def parameters(model: Any) -> ProphetModel:
    """The parameters of a fitted Prophet as ours."""
    features = model.make_all_seasonality_features(model.history)[0]
    beta = dict(zip(features.columns, model.params["beta"][0], strict=True))
    terms = {
        season: tuple(float(value) for name, value in beta.items() if name.startswith(season))
        for season in ("weekly", "yearly")
    }
    events = {
        name.partition("_delim_")[0]: float(value)
        for name, value in beta.items()
        if not name.startswith(("weekly", "yearly"))
    }
    return ProphetModel(
        model.start.date(),
        model.t_scale / pd.Timedelta(days=1),
        float(model.y_scale),
        float(model.params["k"][0, 0]),
        float(model.params["m"][0, 0]),
        tuple(map(float, model.changepoints_t)),
        tuple(map(float, model.params["delta"][0])),
        **terms,
        events=events,
    )


def test_the_parameters_alone_give_prophets_own_forecast(series, library):
    first = series.dates_ahead(1)[0]
    ahead = pd.DataFrame({"ds": pd.date_range(first, periods=30)})
    theirs = library.predict(ahead)["yhat"].to_numpy()
    ours = parameters(library).expected("AR", first, 30)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    assert first < date(2025, 12, 25) < series.dates_ahead(30)[-1]


def test_stored_and_read_again_they_still_do(series, library):
    model = parameters(library)
    again = ProphetModel.from_json(model.to_json())
    first = series.dates_ahead(1)[0]
    np.testing.assert_allclose(
        again.expected("AR", first, 7), model.expected("AR", first, 7), rtol=1e-6
    )


def test_our_fit_is_as_probable_as_that_of_stan_and_says_the_same(series, library, monkeypatch):
    from forecasting.daily import calendar, prophet_fit

    def holidays_alone(country, first, days, promotions):
        known = {name for year in range(2023, 2027) for _, name in public_holidays(country, year)}
        told = calendar.day_events(country, first, days, promotions)
        return {name: amount for name, amount in told.items() if name in known}

    monkeypatch.setattr(prophet_fit, "day_events", holidays_alone)
    theirs, ours = parameters(library), fit_prophet(series, ProphetPriors(), yearly=True)
    priors = ProphetPriors()
    assert log_posterior(series, ours, priors) >= log_posterior(series, theirs, priors) - 0.01
    first = series.dates_ahead(1)[0]
    gap = np.abs(ours.expected("AR", first, 7) - theirs.expected("AR", first, 7))
    assert gap.max() < 0.03 * series.units.max()


def test_our_calendar_holds_prophets_public_holidays():
    from prophet.make_holidays import make_holidays_df

    for country in ("AR", "BR", "MX", "GB"):
        theirs = make_holidays_df([2025], country)
        told = set(zip(theirs["ds"].dt.date, theirs["holiday"], strict=True))
        assert set(public_holidays(country, 2025)) == told


def test_an_unknown_country_has_no_holidays_and_the_common_sales_days():
    assert public_holidays("", 2025) == ()
    assert "sale" in day_events("", date(2025, 11, 28), 1, ())


def test_a_known_promotion_raises_the_days_that_it_covers():
    days = 300
    promotions = tuple(
        Promotion(
            date.fromordinal(FIRST.toordinal() + n),
            date.fromordinal(FIRST.toordinal() + n + 4),
            0.2,
        )
        for n in (50, 120, 200, 302)
    )
    units = np.random.default_rng(5).poisson(20, days).astype(float)
    for promotion in promotions[:3]:
        start = (promotion.start - FIRST).days
        units[start : start + 5] *= 2
    state = np.zeros(days, np.int8)
    series = DailySeries("M", "S", "P", FIRST, units, state, promotions=promotions)
    ahead = fit_prophet(series).ahead(series, 7)
    assert ahead[2:].min() > 1.5 * ahead[:2].max()


def test_days_that_were_not_on_sale_teach_nothing(make_daily):
    units = np.full(200, 10.0)
    state = np.zeros(200)
    units[60:100], state[60:100] = 0, 1
    ahead = fit_prophet(make_daily(units, state=state)).ahead(make_daily(units, state=state), 7)
    np.testing.assert_allclose(ahead, 10, rtol=0.01)
