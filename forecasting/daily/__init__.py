"""The next seven days: daily series in, forecasts out, fitted models kept as parameters.

`forecast_daily` is what a refresh calls; `daily_configuration` names what shapes its numbers.
"""

from forecasting.daily.engines import daily_configuration
from forecasting.daily.serve import DailyForecast, forecast_daily

__all__ = ["DailyForecast", "daily_configuration", "forecast_daily"]
