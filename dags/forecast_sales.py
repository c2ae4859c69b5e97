"""Forecast from the month that has closed: back-test, predict every shard, publish.

Started by the shards of a month, which is the run's partition. First what published runs had
promised for that month is scored, before anything is trained on it, and the analysts' report of the
month is written. Where the settings want another engine than the serving one, or other options, or
where the code is another version of it, the gate judges that. Then each shard is trained and
predicted by a task of its own, the run is closed when every series has its answer, and published;
the store serves the run before until then. A run of a version that the gate refused is made, and
waits for a person. A shard that fails for good stays red here and is answered by the simple rule,
while the others go on; where such shards hold more than `STORECAST_FAILED_SHARDS_LIMIT` of the
series, the run is not closed: clear what is red once its cause is mended.

**By hand**: with the month as partition key, or conf `{"month": "2026-10"}`; with
`{"engine": "pmdarima"}` another engine than the setting's predicts. Run again for the same month,
it makes the next revision, as in 2026-10.2: what was published stays what it was.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import PartitionedAssetTimetable, TriggerRule, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.assets import FORECASTS, SHARDS
from dags.failure import TASK_DEFAULTS
from dags.run import run_month, run_settings
from dags.spread import spread
from etl.settings import settings_from


@dag(
    dag_id="forecast_sales",
    schedule=PartitionedAssetTimetable(assets=SHARDS),
    start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    doc_md=__doc__,
    tags=["storecast", "forecasting"],
)
def forecast_sales() -> None:
    @task
    def score_month() -> dict[str, Any]:
        from dags import jobs

        return jobs.score_month(run_month(), run_settings())

    @task
    def open_run() -> str:
        from dags import jobs

        return jobs.open_run(run_month(), run_settings(), settings_from())

    @task
    def list_shards() -> list[list[int]]:
        from dags import jobs

        return spread(jobs.list_shards(run_month(), run_settings()))

    @task(pool="training", execution_timeout=timedelta(hours=6))
    def predict_shards(forecast_run: str, numbers: list[int]) -> dict[str, int]:
        from dags import jobs

        return jobs.predict_shards(forecast_run, numbers, run_settings())

    # What failed for good is counted by the job, which goes on without it where it is little.
    @task(trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS)
    def close_run(forecast_run: str) -> dict[str, Any]:
        from dags import jobs

        return jobs.close_run(forecast_run, run_settings())

    @task(outlets=[FORECASTS])
    def publish_run(forecast_run: str) -> dict[str, Any]:
        from dags import jobs

        settings = run_settings()
        if why := jobs.why_waiting(forecast_run, settings):
            raise AirflowSkipException(why)
        get_current_context()["outlet_events"][FORECASTS].add_partitions(f"{run_month():%Y-%m}")
        return jobs.publish_run(forecast_run, settings)

    forecast_run: Any = open_run()
    predicted = predict_shards.partial(forecast_run=forecast_run).expand(numbers=list_shards())
    (
        score_month()
        >> forecast_run
        >> predicted
        >> close_run(forecast_run)
        >> publish_run(forecast_run)
    )


forecast_sales()
