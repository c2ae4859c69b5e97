"""The forecast store: one protocol, a home in MongoDB and one embedded in SQLite."""

from __future__ import annotations

import importlib
from typing import cast

from api.store.protocol import ForecastStore
from api.store.sqlite import SqliteStore
from etl.errors import SettingError

__all__ = ["ForecastStore", "open_store"]


def open_store(url: str) -> ForecastStore:
    """The forecast store at `url`: ``sqlite:///file`` or ``mongodb://host/database``.

    Raises `SettingError` where the URL names neither, and `StoreError` where nothing answers.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return SqliteStore(rest[1:])
    if separator and scheme in ("mongodb", "mongodb+srv"):
        # Imported where it is used: the driver takes a quarter of a second.
        return cast("ForecastStore", importlib.import_module("api.store.mongo").MongoStore(url))
    raise SettingError(
        "STORECAST_STORE_URL must be sqlite:///file or mongodb://host/database; "
        f"found {scheme + '://…' if separator else url!r}"
    )
