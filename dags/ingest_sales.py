"""Pull each store's orders from its marketplace into `raw`.

Daily, each store's latest closed local day and the trailing window before it, because orders are
cancelled and refunded for weeks; older days of which an order changed since the pull before; and
whatever days of the last year are missing. A day that is pulled again is replaced exactly.

**By hand**, with conf:

* `{"from": "2026-01-01", "to": "2026-03-31"}` back-fills a range of local days; months that are
  there whole and cannot change any more are left as they are;
* `{"merchant": "M1", "store": "S1"}` keeps to one merchant or store;
* `{"at": "2026-11-03T06:00:00Z"}` stands at another instant than the run's own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import CronTriggerTimetable, dag, task

from dags.assets import RAW
from dags.failure import BEFORE_THE_MONTH, TASK_DEFAULTS
from dags.run import run_conf, run_days, run_instant, run_settings
from dags.spread import spread


@dag(
    dag_id="ingest_sales",
    schedule=CronTriggerTimetable("30 4 * * *", timezone="UTC"),
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={**TASK_DEFAULTS, **BEFORE_THE_MONTH},
    doc_md=__doc__,
    tags=["storecast", "etl"],
)
def ingest_sales() -> None:
    @task
    def list_stores() -> list[list[list[str]]]:
        from dags import jobs

        conf = run_conf()
        return spread(jobs.list_stores(run_settings(), conf.get("merchant"), conf.get("store")))

    @task(pool="marketplace", execution_timeout=timedelta(hours=12))
    def pull_orders(stores: list[list[str]]) -> dict[str, int]:
        from dags import jobs

        if (days := run_days()) is not None:
            return jobs.backfill_orders(stores, *days, run_instant(), run_settings(stores))
        return jobs.pull_orders(stores, run_instant(), run_settings(stores))

    @task(outlets=[RAW])
    def count_days(pulled: list[dict[str, int]]) -> int:
        return sum(one["days"] for one in pulled)

    pulled: Any = pull_orders.expand(stores=list_stores())
    count_days(pulled)


ingest_sales()
