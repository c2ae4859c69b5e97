"""One file per forecasting model beside the ARIMA engine."""
