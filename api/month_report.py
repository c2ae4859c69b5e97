"""The analysts' report of a month with what only the store knows: what merchants said."""

from __future__ import annotations

from datetime import date
from typing import Any

from api.store.protocol import ForecastStore
from api.voices import every_voice
from etl.lake import Lake
from etl.month_quality import month_quality
from etl.registry import read_stores
from forecasting.report import write_report

__all__ = ["write_month_report"]


def write_month_report(
    lake: Lake, store: ForecastStore, month: date, told_before: dict[str, Any] | None = None
) -> dict[str, str]:
    """Write the report of a scored month, anew where it was `told_before`; where its forms are."""
    return write_report(
        lake,
        month,
        feedback=every_voice(store, "feedback"),
        adjustments=every_voice(store, "adjustment"),
        quality=month_quality(lake, read_stores(lake), month),
        told_before=told_before,
    )
