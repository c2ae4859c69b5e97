"""A fitted model as a value: its forecasts, its JSON, and the pmdarima objects that agree."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from statsmodels.tsa.statespace.sarimax import SARIMAX

from etl.errors import InputError
from forecasting.arima import ArimaFit, ArimaModel, fit
from forecasting.arima.reference import sarimax_parameters

Q95 = 1.959963984540054


def _seasonal(months: int = 96, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(months)
    return 200 + t + 40 * np.sin(2 * np.pi * t / 12) + rng.normal(0, 8, months).cumsum()


FITS = [
    ArimaFit((1, 0, 1), (0, 0, 0), True, False, (0.7, -0.2, 210.0), 90.0, 1.0),
    ArimaFit((0, 1, 1), (0, 1, 1), False, False, (-0.4, -0.6), 80.0, 1.0),
    ArimaFit((2, 1, 0), (1, 0, 1), True, False, (0.3, -0.2, 0.5, 0.2, 1.1), 70.0, 1.0),
    ArimaFit((0, 2, 2), (0, 0, 2), False, False, (-0.9, 0.1, 0.3, -0.2), 75.0, 1.0),
    ArimaFit((1, 0, 0), (2, 1, 0), True, False, (0.5, -0.3, -0.2, 11.0), 85.0, 1.0),
]


@pytest.mark.parametrize("one", FITS, ids=lambda one: f"{one.order}{one.seasonal_order}")
def test_path_and_its_deviation_are_those_of_sarimax(one):
    y = _seasonal()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SARIMAX(
            y,
            order=one.order,
            seasonal_order=(*one.seasonal_order, 12),
            trend="c" if one.constant else "n",
            use_exact_diffuse=True,
        )
        theirs = model.smooth(sarimax_parameters(one), cov_type="none").get_forecast(18)
    path = one.path(y, 18)
    np.testing.assert_allclose(path.mean, theirs.predicted_mean, rtol=1e-4)
    width = np.sqrt(np.asarray(theirs.var_pred_mean))
    np.testing.assert_allclose(path.deviation, width, rtol=1e-4)


def test_airline_forecast_by_hand():
    # ARIMA(0,1,0)(0,1,0)12: next year repeats the last one, moved by the last yearly growth
    one = ArimaFit((0, 1, 0), (0, 1, 0), False, False, (), 4.0, 1.0)
    y = np.concatenate([np.arange(12.0), np.arange(12.0) + 5, np.arange(12.0) + 7])
    path = one.path(y, 13)
    assert path.mean[:12] == pytest.approx(np.arange(12.0) + 9)
    assert path.deviation[:3] == pytest.approx(2 * np.sqrt([1, 2, 3]))
    assert path.deviation[12] == pytest.approx(2 * np.sqrt(12 + 4))


@pytest.fixture(scope="module")
def fitted():
    y = np.exp(_seasonal() / 60)
    return y, fit(y)


def test_pmdarima_objects_predict_what_the_fits_do(fitted):
    y, model = fitted
    assert {one.log for one in model.fits} == {False, True}
    for one, theirs in zip(model.fits, model.to_pmdarima(y), strict=True):
        mean, interval = theirs.predict(12, return_conf_int=True, alpha=0.05)
        path = one.path(y, 12)
        np.testing.assert_allclose(path.mean, mean, rtol=1e-4)
        np.testing.assert_allclose(
            2 * Q95 * path.deviation, interval[:, 1] - interval[:, 0], rtol=1e-3
        )
        assert theirs.order == one.order


def test_forecast_averages_medians_and_quantiles_by_weight():
    y = np.exp(_seasonal() / 60)
    level = ArimaFit((0, 1, 1), (0, 1, 1), False, False, (-0.4, -0.6), 0.9, 0.25)
    log = ArimaFit((0, 1, 1), (0, 1, 1), False, True, (-0.4, -0.6), 0.01, 0.75)
    forecast = ArimaModel((level, log), 96, "").forecast(y, 6)
    a, b = level.path(y, 6), log.path(y, 6)
    np.testing.assert_allclose(forecast.units, 0.25 * a.mean + 0.75 * np.exp(b.mean))
    upper = 0.25 * (a.mean + Q95 * a.deviation) + 0.75 * np.exp(b.mean + Q95 * b.deviation)
    np.testing.assert_allclose(forecast.upper[2], upper)


def test_json_gives_the_model_back_and_stays_small(fitted):
    y, model = fitted
    text = model.to_json()
    assert len(text) <= 1000
    again = ArimaModel.from_json(text)
    assert again == model
    assert again.saw(y)
    assert not again.saw(y[:-1])
    np.testing.assert_array_equal(again.forecast(y, 12).units, model.forecast(y, 12).units)


def test_weights_add_up_to_one(fitted):
    assert sum(one.weight for one in fitted[1].fits) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("text", ["", "[]", '{"fits":[[1]],"months":3,"hash":""}', '{"months":1}'])
def test_other_text_is_refused(text):
    with pytest.raises(InputError, match=r"not the JSON of an ARIMA model .* fit the series again"):
        ArimaModel.from_json(text)


def test_logarithms_are_left_out_where_a_later_month_sold_nothing(fitted):
    y, model = fitted
    later = np.append(y, 0.0)
    level_only = ArimaModel(tuple(one for one in model.fits if not one.log), 96, "")
    np.testing.assert_array_equal(
        model.forecast(later, 3).units, level_only.forecast(later, 3).units
    )
