"""Remove each week what is older than the settings keep it.

Raw store-days, shards, models, files of runs that nobody is served any more, alerts, and lines of
the request log where it is a file that the worker can reach.

**By hand**: with conf `{"at": "2026-11-03T06:00:00Z"}` as of another instant than the run's own.
`python -m api retention --dry-run` shows what would go.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import CronTriggerTimetable, dag, task

from dags.failure import TASK_DEFAULTS
from dags.run import run_instant, run_settings


@dag(
    dag_id="remove_old",
    schedule=CronTriggerTimetable("0 9 * * 0", timezone="UTC"),
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["storecast"],
)
def remove_old() -> None:
    @task
    def remove() -> dict[str, Any]:
        from dags import retention_job

        return retention_job.remove_old(run_instant(), run_settings())

    remove()


remove_old()
