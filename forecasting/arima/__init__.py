"""Seasonal ARIMA at fleet scale: search, exact likelihood and forecast, compiled."""

from forecasting.arima.engine import ArimaForecaster, warm
from forecasting.arima.fitting import fit
from forecasting.arima.likelihood import log_likelihood
from forecasting.arima.model import ArimaFit, ArimaModel

__all__ = ["ArimaFit", "ArimaForecaster", "ArimaModel", "fit", "log_likelihood", "warm"]
