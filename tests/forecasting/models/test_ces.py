"""Our complex exponential smoothing against statsforecast's at the same parameters."""

from __future__ import annotations

import numpy as np
import pytest
from statsforecast.ces import auto_ces, cesmodel, forecast_ces

from forecasting.models.ces import fit_ces, fit_kind, predict_ces

PARAMETERS = (1.3, 1.01, 0.3, 0.98)


@pytest.fixture(scope="module")
def monthly() -> np.ndarray:
    """Sixty months with a season."""
    rng = np.random.default_rng(8)
    t = np.arange(60)
    return 80 + 25 * np.sin(t * np.pi / 6) + rng.normal(0, 4, 60)


@pytest.mark.parametrize("kind", ["N", "S", "P", "F"])
def test_same_parameters_forecast_as_statsforecast(kind: str, monthly: np.ndarray) -> None:
    betas = {"P": (PARAMETERS[2], None), "F": PARAMETERS[2:]}.get(kind, (None, None))
    theirs = cesmodel(monthly, 12, kind, *PARAMETERS[:2], *betas, nmse=3)
    fitted = np.array(["NSPF".index(kind), *PARAMETERS])
    expected = forecast_ces(theirs, 12)["mean"]
    np.testing.assert_allclose(
        predict_ces(monthly, fitted, 12), np.maximum(expected, 0.0), rtol=1e-8
    )


def test_fit_is_close_to_the_peers(monthly: np.ndarray) -> None:
    theirs = auto_ces(monthly, 12)
    fitted = fit_ces(monthly)
    assert "NSPF"[int(fitted[0])] == theirs["seasontype"]
    expected = forecast_ces(theirs, 12)["mean"]
    np.testing.assert_allclose(predict_ces(monthly, fitted, 12), expected, rtol=0.1)


@pytest.mark.parametrize("season", [25.0, 0.0])
def test_the_kind_is_the_one_that_all_searched_to_the_end_would_give(season: float) -> None:
    t = np.arange(96)
    y = 80 + season * np.sin(t * np.pi / 6) + np.random.default_rng(2).normal(0, 4, 96)
    told = [fit_kind(y, kind, np.inf) for kind in range(4)]
    best = int(np.argmin([value for value, _ in told]))
    fitted = fit_ces(y)
    assert fitted[0] == best
    found = told[best][1]
    np.testing.assert_array_equal(fitted[1 : 1 + len(found)], found)
    assert not fitted[1 + len(found) :].any()


@pytest.mark.parametrize("units", [np.zeros(30), np.full(30, 4.0), np.arange(6.0)])
def test_edges_give_finite_forecasts(units: np.ndarray) -> None:
    ahead = predict_ces(units, fit_ces(units), 12)
    assert np.isfinite(ahead).all()
    assert (ahead >= 0).all()
