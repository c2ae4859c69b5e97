"""Our exponential smoothing against statsforecast's at the same parameters, and at its edges."""

from __future__ import annotations

import numpy as np
import pytest
from statsforecast.ets import ets_f, etsforecast, pegelsresid_C, switch

from forecasting.arima.lanes import LANES
from forecasting.models.ets import (
    FORMS,
    FURTHEST,
    fit_ets,
    fit_form,
    free_size,
    predict_ets,
    unpack,
)
from forecasting.models.ets_recursion import (
    BLOCKS,
    PATH,
    RESIDUAL,
    SLOPE_ROWS,
    filter_states,
    normal_equations,
)

LETTERS = {0: "N", 1: "A", 2: "M", 3: "A"}


@pytest.fixture(scope="module")
def monthly() -> np.ndarray:
    """Seventy positive months with a trend and a season."""
    rng = np.random.default_rng(3)
    months = np.arange(70)
    return (50 + 0.6 * months) * (1 + 0.3 * np.sin(months * np.pi / 6)) + rng.normal(0, 3, 70)


def row_of(form: np.ndarray) -> np.ndarray:
    """Plausible parameters of a form, seasonal states among them."""
    _, trend, season = form
    row = np.zeros(18)
    row[:4] = 0.3, 0.1 * (trend > 0), 0.15 * (season > 0), 0.9 if trend == 3 else 1.0
    row[4], row[5] = 50.0, 0.5 * (trend > 0)
    wave = np.sin(np.arange(12) * np.pi / 6)
    row[6:] = {0: 0 * wave, 1: 10 * wave, 2: 1 + 0.25 * wave}[int(season)]
    return row


@pytest.mark.parametrize("form", FORMS, ids=lambda form: "".join(map(str, form)))
def test_likelihood_and_forecast_equal_statsforecast(form: np.ndarray, monthly: np.ndarray) -> None:
    error, trend, season = (int(part) for part in form)
    row, state, path = row_of(form), np.zeros(14), np.zeros((70, PATH))
    ours = filter_states(monthly, row, (error, trend, season), state, path)
    start = [row[4], *([row[5]] if trend else []), *(row[6:][::-1] if season else [])]
    _, e, states, theirs = pegelsresid_C(
        monthly, 12 if season else 1, np.array(start), LETTERS[error], LETTERS[trend],
        LETTERS[season], trend == 3, row[0], row[1], row[2], row[3], 3,
    )  # fmt: skip
    assert ours == pytest.approx(theirs, rel=1e-9)
    np.testing.assert_allclose(path[:, RESIDUAL], e, rtol=1e-7, atol=1e-9)
    ahead = np.zeros(15)
    etsforecast(
        states[-1], 12 if season else 1, switch(LETTERS[trend]), switch(LETTERS[season]),
        row[3], 15, ahead,
    )  # fmt: skip
    number = int(np.flatnonzero((form == FORMS).all(axis=1))[0])
    fitted = np.array([[1.0, number, *row]])
    # The peer damps the second month ahead by phi where the model says phi squared.
    told = 1 if trend == 3 else 15
    expected = np.maximum(ahead, 0.0)[:told]
    np.testing.assert_allclose(predict_ets(monthly, fitted, 15)[:told], expected, rtol=1e-9)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: "".join(map(str, form)))
def test_slopes_are_those_of_the_likelihood(form: np.ndarray, monthly: np.ndarray) -> None:
    kind, row = tuple(int(part) for part in form), row_of(form)
    _, trend, season = kind
    smoothing = [-0.8, *[-1.5] * (trend > 0), *[-2.0] * (season > 0), *[0.3] * (trend == 3)]
    free = np.array([*smoothing, 50.0, *[0.5] * (trend > 0), *(row[6:17] if season else [])])
    path, size = np.zeros((70, PATH)), free_size(kind)

    def likelihood(at: np.ndarray) -> float:
        unpack(at, kind, row)
        return filter_states(monthly, row, kind, np.zeros(14), path)

    measured = np.zeros(size)
    for i in range(size):
        step = 1e-5 * np.eye(size)[i] * max(1.0, abs(free[i]))
        measured[i] = (likelihood(free + step) - likelihood(free - step)) / (2 * step[i])
    likelihood(free)
    products = np.zeros((BLOCKS * LANES + 1, BLOCKS * LANES))
    slopes, jacobian = np.zeros((SLOPE_ROWS, LANES)), np.zeros((70 * BLOCKS, LANES))
    normal_equations(monthly, row, kind, size, path, slopes, jacobian, products)
    told = 2 * 70 * products[-1, :size] / (path[:, RESIDUAL] ** 2).sum()
    np.testing.assert_allclose(told, measured, rtol=1e-5, atol=1e-6)


def test_fit_is_at_least_as_likely_as_the_peer(monthly: np.ndarray) -> None:
    theirs = ets_f(monthly, 12)
    fitted = fit_ets(monthly)
    form = tuple(int(part) for part in FORMS[int(fitted[0, 1])])
    ours = filter_states(monthly, fitted[0, 2:], form, np.zeros(14), np.zeros((70, PATH)))
    size = 3 + 2 * (form[1] > 0) + (form[1] == 3) + 12 * (form[2] > 0)
    aicc = ours + 2 * size + 2 * size * (size + 1) / (70 - size - 1)
    assert aicc <= theirs["aicc"] + 0.5


@pytest.mark.parametrize("season", [0.3, 0.0])
def test_forms_that_are_given_up_would_not_be_kept(season: float) -> None:
    months, rng = np.arange(84), np.random.default_rng(5)
    y = (40 + 0.2 * months) * (1 + season * np.sin(months * np.pi / 6)) + rng.normal(0, 3, 84)
    aicc = []
    for form in FORMS:
        kind, row = tuple(int(part) for part in form), np.zeros(18)
        path, jacobian = np.zeros((84, PATH)), np.zeros((84 * BLOCKS, LANES))
        size = free_size(kind) + 1
        to_the_end = fit_form(y, kind, np.inf, row, path, jacobian)
        given_up = fit_form(y, kind, to_the_end - 50, row, path, jacobian)
        assert given_up >= to_the_end
        aicc.append(to_the_end + 2 * size + 2 * size * (size + 1) / (84 - size - 1))
    kept = np.argsort(aicc)[:4]
    kept = kept[np.array(aicc)[kept] < min(aicc) + FURTHEST]
    assert fit_ets(y)[:, 1].tolist() == kept.tolist()


def test_weights_of_the_kept_forms_add_up(monthly: np.ndarray) -> None:
    fitted = fit_ets(monthly)
    assert 1 <= len(fitted) <= 4
    assert fitted[:, 0].sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "units",
    [
        np.zeros(30),
        np.full(40, 7.0),
        np.array([3.0, 5, 4, 6]),
        np.full(30, 1e12),
        np.r_[np.zeros(29), 9.0],
    ],
    ids=["zeros", "constant", "four months", "huge", "one sale"],
)
def test_edges_give_finite_forecasts(units: np.ndarray) -> None:
    ahead = predict_ets(units, fit_ets(units), 12)
    assert np.isfinite(ahead).all()
    assert (ahead >= 0).all()


def test_a_constant_history_stays_constant() -> None:
    units = np.full(40, 7.0)
    np.testing.assert_allclose(predict_ets(units, fit_ets(units), 3), 7.0, rtol=1e-6)
