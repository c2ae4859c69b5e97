"""Our optimised theta against statsforecast's at the same parameters."""

from __future__ import annotations

import numpy as np
import pytest
from statsforecast.theta import auto_theta, forecast_theta

from forecasting.models.decomposition import has_season
from forecasting.models.theta import fit_theta, predict_theta


def seasonal(months: int = 60) -> np.ndarray:
    rng = np.random.default_rng(5)
    t = np.arange(months)
    return (40 + 0.5 * t) * (1 + 0.4 * np.sin(t * np.pi / 6)) + rng.normal(0, 2, months)


def flat(months: int = 60) -> np.ndarray:
    return np.random.default_rng(6).normal(100, 10, months)


@pytest.mark.parametrize("units", [seasonal(), flat(), flat(14)], ids=["seasonal", "flat", "short"])
def test_same_parameters_forecast_as_statsforecast(units: np.ndarray) -> None:
    theirs = auto_theta(units, 12, model="DOTM")
    par = theirs["par"]
    fitted = np.array([par["initial_smoothed"], par["alpha"], par["theta"]])
    expected = forecast_theta(theirs, 12)["mean"]
    np.testing.assert_allclose(predict_theta(units, fitted, 12), expected, rtol=1e-8)


@pytest.mark.parametrize("units", [seasonal(), flat()], ids=["seasonal", "flat"])
def test_fit_forecasts_close_to_the_peers(units: np.ndarray) -> None:
    expected = forecast_theta(auto_theta(units, 12, model="DOTM"), 12)["mean"]
    ours = predict_theta(units, fit_theta(units), 12)
    np.testing.assert_allclose(ours, expected, rtol=0.03)


def test_season_is_found_where_there_is_one() -> None:
    assert has_season(seasonal())
    assert not has_season(flat())
    assert not has_season(seasonal(20))


@pytest.mark.parametrize("units", [np.zeros(30), np.full(30, 4.0), np.arange(5.0)])
def test_edges_give_finite_forecasts(units: np.ndarray) -> None:
    ahead = predict_theta(units, fit_theta(units), 12)
    assert np.isfinite(ahead).all()
    assert (ahead >= 0).all()
