"""Seasonal ARIMA at fleet scale: search, exact likelihood and forecast, compiled."""
