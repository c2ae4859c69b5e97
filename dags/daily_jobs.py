"""The jobs of the DAGs about the next seven days, without Airflow: see `dags.jobs`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from api.refresh.asking import Asking
from api.refresh.dispatch import EmbeddedWorkers
from api.refresh.run import run_refresh as make_refresh
from api.refresh.scope import RefreshScope
from api.store import open_store
from etl.errors import IncompleteError
from etl.lake import Lake
from etl.registry import Store, read_stores
from etl.settings import Settings

__all__ = ["daily_stores", "forecast_days", "run_refresh", "stores_of_refresh"]

_BEFORE_OPENING = timedelta(hours=3)
"""How long before its store opens the first try is made to forecast its days."""


def run_refresh(refresh_id: str, settings: Settings) -> dict[str, Any]:
    """Make the refresh of that id, which stands in the forecast store, and tell how it ended."""
    with closing(open_store(settings.store_url)) as store:
        return make_refresh(Lake(settings.lake_url), store, refresh_id, settings)


def stores_of_refresh(refresh_id: str, settings: Settings) -> list[list[str]]:
    """Merchant and store that the refresh is about; none where there is no such refresh."""
    with closing(open_store(settings.store_url)) as store:
        row = store.refreshes.get(refresh_id)
    return [[row.merchant_id, row.store_id]] if row else []


def daily_stores(settings: Settings, instant: datetime | None = None) -> list[list[str]]:
    """The stores that asked for daily forecasts, or those of them that open soon after `instant`.

    Soon is within three hours by the store's own clock.
    """
    return [
        [store.merchant_id, store.store_id]
        for store in read_stores(Lake(settings.lake_url))
        if store.daily_forecasts and (instant is None or _opens_soon(store, instant))
    ]


def forecast_days(stores: list[list[str]], instant: datetime, settings: Settings) -> dict[str, int]:
    """Refresh the next days of each store with all that was sold until `instant`.

    What is fresh already is left. Raises `IncompleteError` where a store's refresh failed, or
    another worker stayed busy with it, after every store was tried.
    """
    settings = replace(settings, now=instant.isoformat())
    trained, failed = 0, []
    with closing(open_store(settings.store_url)) as store:
        asking = Asking(store, settings, EmbeddedWorkers())
        for merchant, name in stores:
            scope = RefreshScope(merchant, name)
            asked = asking.look(scope) or asking.start(scope, "forecast_days", asked=False)
            row = asked.row
            if not row.active:
                continue
            try:
                told = make_refresh(Lake(settings.lake_url), store, row.id, settings)
            except IncompleteError as error:
                failed.append(f"{merchant}/{name}: {error}")
                continue
            trained += told["trained"]
            if told["state"] == "failed":
                failed.append(f"{merchant}/{name}: {told['message']}")
    if failed:
        raise IncompleteError(f"no fresh daily forecasts of {'; '.join(failed)}")
    return {"stores": len(stores), "trained": trained}


def _opens_soon(store: Store, instant: datetime) -> bool:
    """Whether the store opens within three hours after `instant`."""
    local = instant.astimezone(store.zone)
    openings = [
        datetime.combine(local.date() + timedelta(days=ahead), time(store.opening_hour), store.zone)
        for ahead in (0, 1)
    ]
    return any(timedelta(0) < opening - instant <= _BEFORE_OPENING for opening in openings)
