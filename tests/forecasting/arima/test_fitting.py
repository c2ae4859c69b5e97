"""What is fitted: the views and their weights, the search, and the start from last month."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from statsmodels.tsa.statespace.sarimax import SARIMAX

from forecasting.arima import ArimaFit, fit, log_likelihood
from forecasting.arima.differencing import difference, seasonal_share
from forecasting.arima.fitting import limits
from forecasting.arima.search import aicc, refine, search


def _airline(months: int, seed: int) -> np.ndarray:
    """A series made by (1 − B)(1 − B¹²) y = (1 − 0.4 B)(1 − 0.6 B¹²) ε."""
    noise = np.random.default_rng(seed).normal(0, 3, months + 26)
    moved = noise[1:] - 0.4 * noise[:-1]
    w = moved[12:] - 0.6 * moved[:-12]
    y = np.zeros(len(w) + 13)
    y[:13] = 300 + 20 * np.cos(np.arange(13) * np.pi / 6)
    for t, value in enumerate(w):
        y[t + 13] = value + y[t + 12] + y[t + 1] - y[t]
    return y[-months:]


def _aicc(y: np.ndarray, one: ArimaFit) -> float:
    months = len(y) - one.order[1] - 12 * one.seasonal_order[1]
    orders = one.order, one.seasonal_order
    value = log_likelihood(y, *orders, one.parameters, constant=one.constant)
    return aicc(-2 * value, len(one.parameters) + 1, months)


def _best(y: np.ndarray, model) -> float:
    """The smallest AICc among the models of the units with a seasonal difference."""
    return min(_aicc(y, one) for one in model.fits if not one.log and one.seasonal_order[1])


@pytest.mark.parametrize("seed", range(3))
def test_search_finds_no_worse_than_the_model_that_made_the_series(seed):
    w = difference(difference(_airline(110, seed), 12, 1), 1, 1)
    w = w / w.std()
    scores = search(w, limits(110, 2), 12, 3)[2]
    true = refine(w, np.array([0, 1, 0, 1, 0, 12]), np.array([-0.4, -0.6]))[1]
    assert scores[0] <= true + 0.5
    assert list(scores) == sorted(scores)


@pytest.mark.parametrize("order", [(1, 1, 0, 0), (2, 0, 1, 0), (0, 1, 0, 1), (1, 0, 1, 1)])
def test_estimates_reach_the_likelihood_that_sarimax_reaches(order):
    p, q, seasonal_p, seasonal_q = order
    w = difference(difference(_airline(110, 5), 12, 1), 1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SARIMAX(w, order=(p, 0, q), seasonal_order=(seasonal_p, 0, seasonal_q, 12))
        theirs = model.fit(disp=False, maxiter=200).llf
    x, _, _ = refine(w, np.array([*order, 0, 12]), np.zeros(sum(order)) + 0.1)
    ours = log_likelihood(w, (p, 0, q), (seasonal_p, 0, seasonal_q), x)
    assert ours >= theirs - 0.01


def test_a_moving_average_whose_root_comes_too_near_is_drawn_in():
    noise = np.random.default_rng(3).normal(size=80)
    overdifferenced = noise[1:] - noise[:-1]
    x, score, _ = refine(overdifferenced, np.array([0, 1, 0, 0, 0, 12]), np.array([-0.9]))
    assert 1.01 <= 1 / abs(x[0]) <= 1.05
    theirs = SARIMAX(overdifferenced, order=(0, 0, 1), concentrate_scale=True)
    assert score == pytest.approx(aicc(-2 * theirs.loglike(x), 2, 79), abs=1e-6)


def test_in_a_short_history_it_is_refused():
    noise = np.random.default_rng(3).normal(size=22)
    overdifferenced = noise[1:] - noise[:-1]
    x, score, _ = refine(overdifferenced, np.array([0, 1, 0, 0, 0, 12]), np.array([-0.9]))
    assert (abs(x[0]) > 0.99, score) == (True, np.inf)


def test_an_autoregression_with_a_root_too_near_is_refused():
    rising = np.arange(80.0) + np.random.default_rng(3).normal(size=80)
    _, score, _ = refine(rising, np.array([1, 0, 0, 0, 0, 12]), np.array([0.5]))
    assert score == np.inf


def test_a_quadratic_trend_joins_in_units_alone():
    t = np.arange(96)
    y = 300 + 0.1 * t**2 + 40 * np.cos(t * np.pi / 6) + np.random.default_rng(1).normal(size=96)
    trends = [
        one for one in fit(y).fits if one.constant and one.order[1] + one.seasonal_order[1] == 2
    ]
    assert trends
    assert not any(one.log for one in trends)


def test_weights_are_those_of_the_views():
    y = _airline(96, 1)
    model = fit(y)
    log = sum(one.weight for one in model.fits if one.log)
    assert log == pytest.approx(0.4, abs=0.03)
    share = 0.6 * seasonal_share(y, 12) + 0.4 * seasonal_share(np.log(y), 12)
    seasonal = sum(one.weight for one in model.fits if one.seasonal_order[1])
    assert seasonal == pytest.approx(share, abs=0.03)


def test_no_logarithm_where_a_month_sold_nothing():
    y = _airline(96, 1)
    y[40] = 0
    assert not any(one.log for one in fit(y).fits)


def test_longer_histories_may_have_more_terms():
    assert limits(30, 0).tolist() == [5, 5, 1, 1, 1]
    assert limits(60, 2).tolist() == [5, 5, 2, 2, 0]
    assert limits(29, 1).tolist() == [5, 5, 0, 0, 1]
    assert limits(12, 1).tolist() == [4, 4, 0, 0, 1]


@pytest.mark.parametrize("seed", range(3))
def test_a_warm_start_is_about_as_good_as_a_full_search(seed):
    y = _airline(97, seed)
    renewed = fit(y, fit(y[:-1]))
    assert renewed.saw(y)
    assert _best(y, renewed) <= _best(y, fit(y)) + 2


def test_a_surprising_month_calls_for_a_full_search():
    y = _airline(97, 2)
    before = fit(y[:-1])
    assert fit(y, before) != fit(y)
    y[-1] *= 3
    assert fit(y, before) == fit(y)


@pytest.mark.parametrize("months", [60, 120])
def test_a_model_of_another_time_is_no_start(months):
    y = _airline(120, 4)
    known = fit(y[:months])
    later = y[:100]
    assert fit(later, known) == fit(later)


def test_the_same_history_gives_the_same_model():
    y = _airline(80, 6)
    assert fit(y) == fit(y.copy())
