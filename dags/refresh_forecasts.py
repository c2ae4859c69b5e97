"""Make a fresh forecast of the next days that somebody has asked for: `POST …/refresh`.

The API starts a run for each refresh where `STORECAST_REFRESH=airflow`; its conf names the refresh,
which stands in the forecast store with what it is about. Days that are missing are pulled, the
daily series built, every product forecast, and each batch shown as it is ready. Somebody waits for
it, so that it takes the next free slot, before the morning's and the month's work.

**By hand**: with conf `{"refresh_id": "…"}`, the id that the API answered. A refresh that has ended
is left as it is.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException

from dags.failure import SOMEBODY_WAITS, TASK_DEFAULTS
from dags.run import run_refresh_id, run_settings


@dag(
    dag_id="refresh_forecasts",
    schedule=None,
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=16,
    default_args={**TASK_DEFAULTS, **SOMEBODY_WAITS},
    doc_md=__doc__,
    tags=["storecast", "daily"],
)
def refresh_forecasts() -> None:
    @task(pool="refresh", execution_timeout=timedelta(hours=1))
    def run_refresh() -> dict[str, Any]:
        from dags import daily_jobs

        refresh_id, settings = run_refresh_id(), run_settings()
        stores = daily_jobs.stores_of_refresh(refresh_id, settings)
        told = daily_jobs.run_refresh(refresh_id, run_settings(stores))
        if told["state"] == "failed":
            raise AirflowFailException(f"refresh {told['id']} failed: {told['message']}")
        return told

    run_refresh()


refresh_forecasts()
