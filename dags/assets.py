"""What one DAG leaves for the next: the assets that chain them.

The partition of `SHARDS` and `FORECASTS` is the cutoff month, as in 2026-10.
"""

from __future__ import annotations

from airflow.sdk import Asset

__all__ = ["FORECASTS", "RAW", "SHARDS"]

RAW = Asset(name="raw", uri="storecast://lake/raw")
SHARDS = Asset(name="shards", uri="storecast://lake/shards")
FORECASTS = Asset(name="forecasts", uri="storecast://store/forecasts")
