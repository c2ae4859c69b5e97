"""Forecast the next seven days of each store that asked for it, before it opens.

Each hour, for the stores that open within the next three hours by their own clocks: the days that
are missing are pulled, the daily series built, every product forecast and shown. What is fresh
already is left, so that of the three hours before a store opens the first one that can does the
work. A store asks by `python -m etl store set --daily yes`.

**By hand**, with conf `{"all": true}` for every store that asked, whenever it opens;
`{"merchant": "M1", "store": "S1"}` for these, whether they asked or not;
`{"at": "2026-11-03T06:00:00Z"}` stands at another instant than the run's own.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import CronTriggerTimetable, dag, task

from dags.failure import BEFORE_THE_MONTH, TASK_DEFAULTS
from dags.run import run_conf, run_instant, run_settings
from dags.spread import spread


@dag(
    dag_id="forecast_days",
    schedule=CronTriggerTimetable("10 * * * *", timezone="UTC"),
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={**TASK_DEFAULTS, **BEFORE_THE_MONTH},
    doc_md=__doc__,
    tags=["storecast", "daily"],
)
def forecast_days() -> None:
    @task
    def list_stores() -> list[list[list[str]]]:
        from dags import daily_jobs, jobs

        conf, settings = run_conf(), run_settings()
        if conf.get("merchant") or conf.get("store"):
            return spread(jobs.list_stores(settings, conf.get("merchant"), conf.get("store")))
        return spread(daily_jobs.daily_stores(settings, None if conf.get("all") else run_instant()))

    @task(pool="refresh", execution_timeout=timedelta(hours=3))
    def forecast_stores(stores: list[list[str]]) -> dict[str, int]:
        from dags import daily_jobs

        return daily_jobs.forecast_days(stores, run_instant(), run_settings(stores))

    forecast_stores.expand(stores=list_stores())


forecast_days()
