"""The analysts' report of a month with what only the store knows: what merchants said."""

from __future__ import annotations

from datetime import date

from api.store.protocol import ForecastStore
from api.voices import every_voice
from etl.lake import Lake
from etl.ledger import month_days
from etl.quarantine import read_quarantine
from etl.registry import read_stores
from forecasting.report import write_report

__all__ = ["write_month_report"]


def write_month_report(lake: Lake, store: ForecastStore, month: date) -> dict[str, str]:
    """Write the report of a scored month; the path of each of its forms."""
    refused = read_quarantine(lake, read_stores(lake), *month_days(month))
    return write_report(
        lake,
        month,
        feedback=every_voice(store, "feedback"),
        adjustments=every_voice(store, "adjustment"),
        quality=[{"what": "order lines refused", "count": refused.num_rows}],
    )
