"""Build the month that has closed: sales, monthly sales, and the shards to train on.

On the 3rd at 06:00 UTC for the month before, which is the run's partition. Earlier months whose
days changed since they were built are rebuilt with it. While days of the month are missing the
build waits and tries again: the daily pull fetches them. The new shards start `forecast_sales`.

**By hand**: with the month as partition key, or conf `{"month": "2026-10"}`; with
`{"at": "2026-11-03T06:00:00Z"}` products are seen as of that instant.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import CronPartitionTimetable, dag, get_current_context, task

from dags.assets import SHARDS
from dags.failure import LATE_DATA, TASK_DEFAULTS
from dags.run import run_instant, run_month, run_settings
from dags.spread import spread


@dag(
    dag_id="build_monthly_sales",
    schedule=CronPartitionTimetable("0 6 3 * *", timezone="UTC", run_offset=-1, key_format="%Y-%m"),
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["storecast", "etl"],
)
def build_monthly_sales() -> None:
    @task
    def list_stores() -> list[list[list[str]]]:
        from dags import jobs

        return spread(jobs.list_stores(run_settings()))

    @task(pool="marketplace")
    def refresh_products(stores: list[list[str]]) -> dict[str, int]:
        from dags import jobs

        return jobs.refresh_products(stores, run_instant(), run_settings(stores))

    @task(multiple_outputs=False, **LATE_DATA)
    def build_months() -> list[str]:
        from dags import jobs

        return jobs.build_months(run_month(), run_settings())

    @task(outlets=[SHARDS])
    def build_shards() -> dict[str, int]:
        from dags import jobs

        month = run_month()
        told = jobs.build_shards(month, run_settings())
        get_current_context()["outlet_events"][SHARDS].add_partitions(f"{month:%Y-%m}")
        return told

    refresh_products.expand(stores=list_stores()) >> build_months() >> build_shards()


build_monthly_sales()
