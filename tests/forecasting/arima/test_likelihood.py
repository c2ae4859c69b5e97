"""The likelihood against statsmodels' SARIMAX, and where that cannot be trusted, by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from statsmodels.tsa.statespace.sarimax import SARIMAX

from forecasting.arima import log_likelihood
from forecasting.arima.likelihood import conditional_pass, exact_pass

MODELS = 500


def _coefficients(partial: np.ndarray) -> np.ndarray:
    """The polynomial with these partial autocorrelations; its roots are outside the circle."""
    coefficients = np.zeros(0)
    for value in partial:
        coefficients = np.append(coefficients - value * coefficients[::-1], value)
    return coefficients


def _random_model(rng: np.random.Generator, near: float) -> tuple[np.ndarray, np.ndarray]:
    """Orders up to (3, 3)(2, 2); two models of five come within `near` of the unit circle."""
    order = rng.integers(0, [4, 4, 3, 3])
    if rng.random() < 0.3:
        order[2:] = 0
    partials = [rng.uniform(-0.95, 0.95, k) for k in order]
    part = rng.integers(4)
    if order[part] and rng.random() < 0.6:
        partials[part][-1] = rng.choice([-1, 1]) * (1 - 10 ** rng.uniform(np.log10(near), -1))
    signed = [sign * _coefficients(k) for sign, k in zip((1, -1, 1, -1), partials, strict=True)]
    return order, np.concatenate(signed)


def _sarimax(w: np.ndarray, order: np.ndarray, parameters: np.ndarray, sigma2: float) -> float:
    p, q, seasonal_p, seasonal_q = (int(k) for k in order)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SARIMAX(w, order=(p, 0, q), seasonal_order=(seasonal_p, 0, seasonal_q, 12))
    model.ssm.tolerance = 0  # the exact filter to the end
    return model.loglike(np.append(parameters, sigma2), transformed=True)


def test_exact_likelihood_is_that_of_sarimax_over_random_models():
    rng = np.random.default_rng(20261122)
    worst = 0.0
    for _ in range(MODELS):
        order, parameters = _random_model(rng, near=1e-4)
        w = rng.normal(size=rng.integers(20, 160)) + 0.3 * rng.normal()
        ours = log_likelihood(w, (order[0], 0, order[1]), (order[2], 0, order[3]), parameters, 1.3)
        theirs = _sarimax(w, order, parameters, 1.3)
        worst = max(worst, abs(ours - theirs) / abs(theirs))
    assert worst < 1e-6


def test_compiled_likelihood_is_the_precise_one_where_the_engine_looks():
    rng = np.random.default_rng(7)
    worst = 0.0
    for _ in range(200):
        order, parameters = _random_model(rng, near=1e-2)
        w = rng.normal(size=rng.integers(20, 160))
        lanes = np.repeat(parameters[:, None], 8, axis=1)
        errors, log_det = exact_pass(w, np.array([*order, 0, 12]), lanes)[:2]
        compiled = -0.5 * (len(w) * np.log(2 * np.pi) + log_det[3] + (errors[:, 3] ** 2).sum())
        precise = log_likelihood(w, (order[0], 0, order[1]), (order[2], 0, order[3]), parameters, 1)
        worst = max(worst, abs(compiled - precise) / abs(precise))
    assert worst < 1e-6


def test_exact_likelihood_near_the_unit_circle_is_the_textbooks():
    # AR(1): w1 ~ N(0, σ²/(1 − φ²)), then w_t − φ w_{t−1} ~ N(0, σ²)
    w = np.array([0.5, -1.0, 2.0, 0.25])
    phi = 1 - 1e-9
    first = np.log(2 * np.pi / (1 - phi**2)) + w[0] ** 2 * (1 - phi**2)
    rest = 3 * np.log(2 * np.pi) + ((w[1:] - phi * w[:-1]) ** 2).sum()
    ours = log_likelihood(w, (1, 0, 0), (0, 0, 0), [phi], 1.0)
    assert ours == pytest.approx(-0.5 * (first + rest), rel=1e-7)


def test_differences_and_mean_are_taken_first():
    rng = np.random.default_rng(1)
    y = rng.normal(size=60).cumsum() + np.tile(np.arange(12.0), 5)
    z = y[12:] - y[:-12]
    w = z[1:] - z[:-1]
    plain = log_likelihood(w - 0.25, (0, 0, 1), (0, 0, 1), [-0.4, -0.5], 2.0)
    whole = log_likelihood(y, (0, 1, 1), (0, 1, 1), [-0.4, -0.5, 0.25], 2.0, constant=True)
    assert whole == pytest.approx(plain, rel=1e-12)


def test_sigma2_is_concentrated_out_where_it_is_not_given():
    w = np.random.default_rng(2).normal(size=80)
    best = log_likelihood(w, (1, 0, 0), (0, 0, 0), [0.3])
    grid = [log_likelihood(w, (1, 0, 0), (0, 0, 0), [0.3], s) for s in np.linspace(0.5, 2, 301)]
    assert best >= max(grid)
    assert best == pytest.approx(max(grid), abs=1e-3)


def test_a_model_that_is_not_stationary_has_no_likelihood():
    assert log_likelihood(np.arange(9.0), (1, 0, 0), (0, 0, 0), [1.01], 1.0) == -np.inf


def test_conditional_residuals_by_hand():
    # w_t = 0.5 w_{t−1} + ε_t + 0.2 ε_{t−1} about a mean of 1, with nothing before the first month
    order = np.array([1, 1, 0, 0, 1, 12])
    lanes = np.repeat(np.array([[0.5], [0.2], [1.0]]), 8, axis=1)
    residuals = conditional_pass(np.array([2.0, 3.0, 1.0]), order, lanes)
    assert residuals[:, 0] == pytest.approx([1.0, 2.0 - 0.5 - 0.2, 0.0 - 1.0 - 0.2 * 1.3])


def test_every_lane_is_evaluated_at_its_own_parameters():
    w = np.random.default_rng(3).normal(size=50)
    order = np.array([0, 1, 0, 1, 0, 12])
    thetas = np.linspace(-0.6, 0.8, 8)
    lanes = np.stack([thetas, thetas[::-1]])
    residuals = conditional_pass(w, order, np.ascontiguousarray(lanes))
    for lane in range(8):
        alone = np.repeat(lanes[:, lane : lane + 1], 8, axis=1)
        assert residuals[:, lane] == pytest.approx(conditional_pass(w, order, alone)[:, 5])
