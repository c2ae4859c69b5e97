"""Living through a rehearsal: the DAG runs of its days and months, one after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from dags.local.client import AirflowClient, DagRun
from dags.local.market import Market
from dags.local.rehearsal import Rehearsal
from dags.local.watch import Watch

__all__ = ["DAG_IDS", "live_through", "open_dags"]

DAG_IDS = (
    "ingest_sales",
    "build_monthly_sales",
    "forecast_sales",
    "forecast_days",
    "refresh_forecasts",
    "check_health",
)
_POOLS = Path(__file__).resolve().parents[1] / "pools.json"


def open_dags(client: AirflowClient, watch: Watch) -> None:
    """Wait until Airflow knows the DAGs, make their pools, and let their runs begin."""
    watch.until_parsed(set(DAG_IDS))
    for name, pool in json.loads(_POOLS.read_text()).items():
        client.ensure_pool(name, pool["slots"], pool["description"])
    for dag_id in DAG_IDS:
        client.unpause(dag_id)


def live_through(
    plan: Rehearsal, market: Market, client: AirflowClient, watch: Watch, daily: bool = False
) -> dict[str, Any]:
    """Back-fill, forecast from the month before, let the last days go by, forecast from the month.

    With `daily`, forecast the next days too, of the stores that asked for them. Returns what the
    closing of the last run told: its id, its series, its models and reasons.
    """
    first, last = plan.backfill
    span = {"from": f"{first}", "to": f"{last}"}
    _ingest(client, watch, plan.start, span, f"back-fill of {first} to {last}")
    _month(client, watch, plan.month_before, plan.start)
    for instant in plan.daily:
        market.move_clock(instant)
        _ingest(client, watch, instant, {}, f"on {instant:%Y-%m-%d}")
    closed = _month(client, watch, plan.month, plan.daily[-1])
    if daily:
        _days(client, watch, plan.daily[-1])
    return closed


def _ingest(
    client: AirflowClient, watch: Watch, at: datetime, further: Mapping[str, str], about: str
) -> None:
    run = client.trigger("ingest_sales", {"at": at.isoformat(), **further})
    watch.until_done(run, about)
    watch.say(f"    {client.result(run, 'count_days'):,} store-days pulled")


def _month(client: AirflowClient, watch: Watch, month: date, at: datetime) -> dict[str, Any]:
    """Build the month; its shards start the forecast. Returns what its closing told."""
    key = f"{month:%Y-%m}"
    before = {run.run_id for run in client.runs("forecast_sales")}
    built = client.trigger("build_monthly_sales", {"at": at.isoformat()}, partition_key=key)
    watch.until_done(built, f"of {key}")
    forecast = watch.until_next("forecast_sales", before)
    watch.until_done(forecast, f"from {key}, started by its shards")
    _tell_scores(client, watch, forecast)
    closed: dict[str, Any] = client.result(forecast, "close_run")
    watch.say(f"    run {closed['run_id']}: {closed['series']:,} series")
    for name in ("models", "reasons"):
        counts = ", ".join(f"{key} {count:,}" for key, count in closed[name].items())
        watch.say(f"    {name}: {counts or 'none'}")
    return closed


def _days(client: AirflowClient, watch: Watch, at: datetime) -> None:
    """Forecast the next days of every store that asked for them."""
    run = client.trigger("forecast_days", {"all": True, "at": at.isoformat()})
    watch.until_done(run, "of every store that asked")


def _tell_scores(client: AirflowClient, watch: Watch, forecast: DagRun) -> None:
    scores = client.result(forecast, "score_month")
    total = scores["total"]
    if not total["rows"]:
        watch.say("    back-test: no earlier run had predicted this month")
        return
    watch.say(
        f"    back-test: {total['rows']:,} predictions of {', '.join(scores['runs'])}: "
        f"WAPE {total['wape']:.1%} (seasonal naive {total['wape_naive']:.1%}), "
        f"bias {total['bias']:+.1%}, the 80 % interval held {total['coverage80']:.0%}"
    )
