"""Seasonal ARIMA at fleet scale: search, exact likelihood and forecast, compiled."""

from forecasting.arima.engine import ArimaForecaster, warm
from forecasting.arima.fitting import fit
from forecasting.arima.model import ArimaFit, ArimaModel
from forecasting.arima.precise import log_likelihood

__all__ = ["ArimaFit", "ArimaForecaster", "ArimaModel", "fit", "log_likelihood", "warm"]
