"""A fit handed over to pmdarima, which then predicts the same."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pmdarima import ARIMA

from forecasting.forecaster import SEASON

if TYPE_CHECKING:
    from forecasting.arima.model import ArimaFit

__all__ = ["as_pmdarima", "sarimax_parameters"]


def sarimax_parameters(fit: ArimaFit) -> NDArray[np.float64]:
    """The parameters in the order and meaning of statsmodels' SARIMAX, σ² last.

    SARIMAX takes the intercept of the ARMA equation where a fit keeps the mean.
    """
    (p, _, q), (seasonal_p, _, _) = fit.order, fit.seasonal_order
    coefficients = np.array(fit.parameters, dtype=np.float64)
    if not fit.constant:
        return np.append(coefficients, fit.sigma2)
    coefficients, mean = coefficients[:-1], coefficients[-1]
    short = 1.0 - coefficients[:p].sum()
    seasonal = 1.0 - coefficients[p + q : p + q + seasonal_p].sum()
    return np.concatenate(([mean * short * seasonal], coefficients, [fit.sigma2]))


def as_pmdarima(fit: ArimaFit, units: NDArray[np.float64]) -> ARIMA:
    """A fitted `pmdarima.ARIMA` at the parameters of `fit`, on `units` or on their logarithm."""
    parameters = sarimax_parameters(fit)
    model = ARIMA(
        fit.order,
        (*fit.seasonal_order, SEASON),
        with_intercept=fit.constant,
        suppress_warnings=True,
        start_params=parameters,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(np.log(units) if fit.log else units, maxiter=0, cov_type="none")
        # fit() starts from the parameters but may end beside them
        model.arima_res_ = model.arima_res_.model.smooth(parameters, cov_type="none")
    return model
