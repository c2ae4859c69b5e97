"""What the ETL keeps no longer: raw store-days and shards that nothing is made from any more.

Months and scores are kept for ever; they are small, and what merchants were told is judged by them.

>>> months_ago(date(2026, 11, 4), 3)
datetime.date(2026, 8, 1)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from etl.errors import SettingError
from etl.lake import Lake
from etl.ledger import day_folder, first_day, next_month
from etl.monthly import monthly_manifest
from etl.registry import read_stores
from etl.settings import Settings

__all__ = ["expired_folders", "months_ago"]


def months_ago(at: date, months: int) -> date:
    """The first day of the month so many before that of `at`."""
    number = at.year * 12 + at.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def expired_folders(lake: Lake, at: date, settings: Settings) -> list[str]:
    """Folders of the lake that are older than the settings keep them at `at`.

    Raises `SettingError` where shards would go before the last forecasts from them are scored.
    """
    if settings.keep_shards_months <= settings.horizon:
        raise SettingError(
            f"STORECAST_KEEP_SHARDS_MONTHS must be above the horizon, {settings.horizon}: a "
            "forecast is scored against the shards that it was made from; found "
            f"{settings.keep_shards_months}"
        )
    return [*_raw(lake, months_ago(at, settings.keep_raw_months)), *_shards(lake, at, settings)]


def _raw(lake: Lake, before: date) -> Iterator[str]:
    """Store-days of whole months before that, oldest first, up to one that was never built.

    The ledger begins with a store's first day, so what is gone is before its time, not missing.
    """
    for store in read_stores(lake):
        day = first_day(lake, store)
        month = day.replace(day=1) if day else before
        while month < before and monthly_manifest(lake, month) is not None:
            of_month = f"{day_folder(store, month)[:-3]}-"
            folder, _, start = of_month.rpartition("/")
            yield from (
                f"{folder}/{name}" for name in lake.folders(folder) if name.startswith(start)
            )
            month = next_month(month)


def _shards(lake: Lake, at: date, settings: Settings) -> Iterator[str]:
    oldest = f"cutoff_month={months_ago(at, settings.keep_shards_months):%Y-%m}"
    yield from (f"shards/{name}" for name in lake.folders("shards") if name < oldest)
