"""The jobs of the DAGs' tasks, on plain values and without Airflow.

Each takes the settings and what it is about, calls the room that knows how, and returns a few
numbers or names, which is all that tasks hand to each other.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timedelta
from typing import Any

from api import publish
from api.month_report import write_month_report
from api.store import open_store
from dags.alerts import tell
from dags.found import drift_alerts, gate_alerts, shard_alerts
from dags.health import alerts_now
from dags.messengers import DeliveryError
from etl import ingest, ledger, monthly, registry, shards
from etl.errors import SettingError, SourceError
from etl.lake import Lake
from etl.registry import Store
from etl.retail.source import open_source
from etl.settings import Settings
from forecasting import backtest, drift, plan, predict, rollout
from forecasting.predictions import cutoff_of
from forecasting.series import shard_manifest

__all__ = [
    "StoreKey",
    "backfill_orders",
    "build_months",
    "build_shards",
    "check_health",
    "close_run",
    "list_shards",
    "list_stores",
    "open_run",
    "predict_shards",
    "publish_run",
    "pull_orders",
    "refresh_products",
    "score_month",
    "why_waiting",
    "write_report",
]

_LOG = logging.getLogger(__name__)

StoreKey = list[str]
"""Merchant and store, as tasks hand them on."""

_LEDGER_CHECKED = timedelta(days=366)
"""How far back the daily pull looks for days that are missing: marketplaces tell about a year."""


def list_stores(
    settings: Settings, merchant: str | None = None, store: str | None = None
) -> list[StoreKey]:
    """The registered stores, or those of one merchant, or one of them."""
    picked = registry.pick_stores(registry.read_stores(_lake(settings)), merchant, store)
    return [[one.merchant_id, one.store_id] for one in picked]


def pull_orders(stores: list[StoreKey], instant: datetime, settings: Settings) -> dict[str, int]:
    """Pull each store's latest local day that was over at `instant`, and its trailing window.

    Days of the last year that the ledger misses are pulled too, and days before the window of
    which an order changed since the pull before. Those first: where they fail, that pull stays the
    latest, and the next one looks back as far.
    """

    def pull(store: Store) -> int:
        last = _day_before(store, instant)
        window = ingest.trailing_days(last, settings)
        first = window[0]
        swept = _sweep(store, window, instant, settings)
        late = ledger.missing_days(
            _lake(settings), store, first - _LEDGER_CHECKED, first - timedelta(days=1)
        )
        known = ledger.pulled_days(_lake(settings), store)
        days = [*(late if known else []), *ledger.days_between(first, last)]
        return len(swept) + _pull(store, days, instant, settings)

    return {"stores": len(stores), "days": _each_alone(_stores(settings, stores), pull)}


def backfill_orders(
    stores: list[StoreKey], start: date, end: date, instant: datetime, settings: Settings
) -> dict[str, int]:
    """Pull each store's local days from `start` to `end`.

    Days before the trailing window of `instant` cannot change any more: where a month of them is
    there whole, it is not pulled again, so that a back-fill that was stopped goes on.
    """

    def pull(store: Store) -> int:
        pulled = 0
        changing = ingest.trailing_days(_day_before(store, instant), settings)[0]
        spans = [(start, min(end, changing - timedelta(days=1)), True)]
        spans.append((max(start, changing), end, False))
        source = open_source(settings, store)
        for first, last, only_missing in spans:
            if first <= last:
                pulled += len(
                    ingest.backfill(
                        _lake(settings),
                        store,
                        first,
                        last,
                        source,
                        settings,
                        instant,
                        _progress_of(store),
                        only_missing,
                    )
                )
        return pulled

    return {"stores": len(stores), "days": _each_alone(_stores(settings, stores), pull)}


def refresh_products(
    stores: list[StoreKey], instant: datetime, settings: Settings
) -> dict[str, int]:
    """Read what each store has on sale at `instant` into the registry."""

    def refresh(store: Store) -> int:
        source, today = open_source(settings, store), instant.astimezone(store.zone).date()
        return registry.refresh_products(_lake(settings), store, source, seen_on=today)

    return {"stores": len(stores), "products": _each_alone(_stores(settings, stores), refresh)}


def build_months(month: date, settings: Settings) -> list[str]:
    """Build `month` and every earlier month whose days changed; returns the months built."""
    lake = _lake(settings)
    built = monthly.build_changed_months(lake, registry.read_stores(lake), month, settings)
    return [f"{one:%Y-%m}" for one in built]


def build_shards(month: date, settings: Settings) -> dict[str, int]:
    """Cut the history up to `month` into shards; returns how many, of how many series."""
    manifest = shards.build_shards(_lake(settings), month, settings)
    return {"shards": len(manifest["shards"]), "series": manifest["series"]}


def score_month(month: date, settings: Settings) -> dict[str, Any]:
    """Score what published runs promised for `month`; returns the totals, by currency.

    Then look for drift, decide whether an engine on trial goes on, and write the report. Where a
    version was taken back, the last run of the version before is served again.
    """
    lake = _lake(settings)
    summary = backtest.score_month(lake, month)
    drifted = drift.write_alerts(lake, month)
    state = rollout.review(lake, month)
    write_report(month, settings)
    tell([*drift_alerts(month, drifted), *gate_alerts(state)], settings)
    _serve_again(lake, month, settings)
    return {name: summary[name] for name in ("month", "runs", "total")}


def _serve_again(lake: Lake, month: date, settings: Settings) -> None:
    """Serve what was served before a version took over that was taken back by this month's scores.

    Its next runs are held, so that else its last one would go on being served.
    """
    with closing(open_store(settings.store_url)) as store:
        served = store.current()
        before = served and rollout.run_before_the_fall(lake, month, served.run_id)
        if served and before:
            publish.publish_run(lake, store, before, settings)
            _LOG.warning("%s is served again in place of %s", before, served.run_id)


def write_report(month: date, settings: Settings) -> dict[str, str]:
    """Write the analysts' report of a scored month, with what merchants said; where it is."""
    with closing(open_store(settings.store_url)) as store:
        return write_month_report(_lake(settings), store, month)


def open_run(month: date, settings: Settings, configured: Settings | None = None) -> str:
    """The name of the run to make from `month`: its next revision that is not closed.

    `configured` are the settings that a change of engine, of its options or of its version is
    judged by; an engine that a person asks for by hand is not. What the engine must know of all
    series is found here, once.
    """
    lake = _lake(settings)
    if configured:
        tell(gate_alerts(rollout.judge(lake, month, configured)), settings)
    run_id = predict.next_run_id(lake, month)
    judged = configured is not None and configured.engine == settings.engine
    plan.begin_run(lake, run_id, settings, judged=judged)
    predict.survey_run(lake, run_id, settings)
    return run_id


def list_shards(month: date, settings: Settings) -> list[int]:
    """The numbers of the month's shards."""
    return [shard["shard"] for shard in shard_manifest(_lake(settings), month)["shards"]]


def predict_shards(run_id: str, numbers: list[int], settings: Settings) -> dict[str, int]:
    """Train and predict some shards of a run; returns how many series they hold.

    A shard that fails does not stop the others. Tried again, those that are made are left.
    """
    made = predict.predict_shards(_lake(settings), run_id, numbers, settings, each_alone=True)
    return {"shards": len(made), "series": sum(shard["series"] for shard in made)}


def close_run(run_id: str, settings: Settings) -> dict[str, Any]:
    """Verify that the run is whole and write its manifest; returns counts by model and reason.

    Shards that failed for good are left to the simple rule, or out, where they are few; `failed`
    names them. The month's report is written anew, now that it can say how every series is served.
    """
    lake = _lake(settings)
    manifest = predict.close_run(lake, run_id, settings, without_failed=True)
    if lake.exists(f"scores/month={manifest['cutoff_month']}/summary.json"):
        write_report(cutoff_of(run_id), settings)
    told = {name: manifest[name] for name in ("run_id", "series", "models", "reasons")}
    failed = manifest.get("failed", [])
    tell(shard_alerts(run_id, failed), settings)
    return told | {"failed": failed}


def why_waiting(run_id: str, settings: Settings) -> str:
    """Why the run is not to be published by itself, and what to do; nothing where it is.

    One that the gate holds waits while the run before is served; where none is, it does not.
    """
    if settings.approval == "wait":
        return f"{run_id} waits for an analyst: python -m api publish --run {run_id}"
    why = plan.why_held(_lake(settings), run_id)
    with closing(open_store(settings.store_url)) as store:
        if not why or store.current() is None:
            return ""
    return (
        f"{run_id} is held by the gate: {why}. Install the release before and clear open_run; or "
        "run python -m forecasting accept and clear publish_run"
    )


def publish_run(run_id: str, settings: Settings) -> dict[str, Any]:
    """Load the run into the forecast store and serve it."""
    with closing(open_store(settings.store_url)) as store:
        return publish.publish_run(_lake(settings), store, run_id, settings)


def check_health(instant: datetime, settings: Settings) -> dict[str, int]:
    """Alert an operator to what is wrong with lake and store; how many alerts there are, by code.

    Raises `DeliveryError` where one could not be delivered.
    """
    found = alerts_now(settings, instant)
    if lost := tell(found, settings, instant):
        raise DeliveryError(f"{lost} of {len(found)} alerts were not delivered; see the log")
    return dict(Counter(alert.code for alert in found))


def _lake(settings: Settings) -> Lake:
    return Lake(settings.lake_url)


def _stores(settings: Settings, keys: list[StoreKey]) -> list[Store]:
    known = registry.read_stores(_lake(settings))
    return [one for merchant, store in keys for one in registry.pick_stores(known, merchant, store)]


def _each_alone(stores: list[Store], work: Callable[[Store], int]) -> int:
    """What `work` counts over all the stores; one's marketplace or token is not the next one's.

    Raises the first error of theirs, after every store was tried; one of the lake at once.
    """
    total = 0
    errors: list[SourceError | SettingError] = []
    for store in stores:
        try:
            total += work(store)
        except (SourceError, SettingError) as error:
            _LOG.warning("%s/%s failed: %s", store.merchant_id, store.store_id, error)
            errors.append(error)
    if errors:
        errors[0].add_note(f"{len(errors)} of {len(stores)} stores failed; the log names them all")
        raise errors[0]
    return total


def _day_before(store: Store, instant: datetime) -> date:
    """The store's latest local day that was over at `instant`."""
    return instant.astimezone(store.zone).date() - timedelta(days=1)


def _progress_of(store: Store) -> ingest.Progress:
    """Logs how far a back-fill of the store is, and when it will be done at this pace."""
    began = time.monotonic()

    def log(done: int, days: int) -> None:
        left = timedelta(seconds=round((time.monotonic() - began) / done * (days - done)))
        name = f"{store.merchant_id}/{store.store_id}"
        _LOG.info("%s: %d of %d days, about %s to go", name, done, days, left)

    return log


def _sweep(store: Store, window: list[date], instant: datetime, settings: Settings) -> list[date]:
    """Pull again the days before `window` of which an order changed since it was last pulled."""
    lake = _lake(settings)
    since = ingest.unswept_since(lake, store, window)
    if since is None or since >= instant:
        return []
    source = open_source(settings, store)
    return ingest.sweep(lake, store, since, instant, source, settings, before=window[0])


def _pull(store: Store, days: list[date], instant: datetime, settings: Settings) -> int:
    """Pull `days`, each stretch of neighbouring ones by one search."""
    source = open_source(settings, store)
    for first, last in ledger.neighbouring(days):
        ingest.backfill(_lake(settings), store, first, last, source, settings, instant)
    return len(days)
