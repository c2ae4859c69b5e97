"""Look each morning for what goes wrong in silence, and alert an operator.

Days that the ledger of a store misses, and a run that has been served for too long. What fails
loudly tells of itself: a task that failed for good, quarantine above its limit, drift, a gate that
refused an engine, shards that failed.

**By hand**: with conf `{"at": "2026-11-03T06:00:00Z"}` as of another instant than the run's own.
The same alert is not sent twice within a day.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import CronTriggerTimetable, dag, task

from dags.failure import TASK_DEFAULTS
from dags.run import run_instant, run_settings


@dag(
    dag_id="check_health",
    schedule=CronTriggerTimetable("0 7 * * *", timezone="UTC"),
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["storecast"],
)
def check_health() -> None:
    @task
    def look_around() -> dict[str, int]:
        from dags import jobs

        return jobs.check_health(run_instant(), run_settings())

    look_around()


check_health()
