"""What each command of `python -m etl` does and prints; the jobs are those that the DAGs call."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tqdm import tqdm

from etl.closing import accept_gaps
from etl.daily import build_daily
from etl.errors import IncompleteError, InputError
from etl.ingest import backfill, replay_day
from etl.ingest import sweep as pull_changed
from etl.lake import Lake
from etl.ledger import DayManifest, days_between, missing_days, month_days, read_days
from etl.monthly import build_changed_months, monthly_manifest
from etl.quarantine import read_quarantine
from etl.registry import (
    Store,
    add_store,
    as_asked,
    ask_for_daily,
    pick_stores,
    read_stores,
    refresh_products,
)
from etl.retail.source import open_merchant, open_source
from etl.settings import Settings
from etl.shards import build_shards

__all__ = [
    "build_days",
    "build_months",
    "cut_shards",
    "ingest",
    "list_quarantine",
    "list_stores",
    "register_store",
    "replay_quarantine",
    "set_stores",
    "show_drift",
    "show_ledger",
    "sweep",
    "sync_stores",
]

_SHOWN = 20


def register_store(chosen: argparse.Namespace, settings: Settings) -> None:
    """Register one store."""
    store = Store(
        merchant_id=chosen.merchant,
        store_id=chosen.store,
        name=chosen.name or chosen.store,
        region=chosen.region,
        country=chosen.country,
        time_zone=chosen.time_zone,
        currency=chosen.currency,
        opening_hour=chosen.opening_hour,
        source=chosen.source,
        source_ref=chosen.source_ref,
        daily_forecasts=chosen.daily == "yes",
    )
    add_store(_lake(settings), store)
    print(f"registered {_name(store)}")


def set_stores(chosen: argparse.Namespace, settings: Settings) -> None:
    """Ask for daily forecasts of registered stores, or for none."""
    lake, stores = _scope(settings, chosen)
    ask_for_daily(lake, stores, chosen.daily == "yes")
    for store in stores:
        print(f"{_name(store)}: daily forecasts {chosen.daily}")


def list_stores(chosen: argparse.Namespace, settings: Settings) -> None:
    """Print the registered stores."""
    for store in read_stores(_lake(settings)):
        print(
            f"{_name(store)}\t{store.name}\t{store.region}\t{store.country}"
            f"\t{store.time_zone}\t{store.currency}\t{store.source} {store.source_ref}"
            + ("\tdaily" if store.daily_forecasts else "")
        )


def sync_stores(chosen: argparse.Namespace, settings: Settings) -> None:
    """Register a merchant's stores and their products as its marketplace tells them."""
    lake = _lake(settings)
    source = open_merchant(settings, chosen.source, chosen.merchant)
    for store in source.stores():
        add_store(lake, as_asked(lake, store))
        products = refresh_products(lake, store, source)
        print(f"registered {_name(store)} with {products} products")


def ingest(chosen: argparse.Namespace, settings: Settings) -> None:
    """Pull a range of days, or what is missing of it."""
    if chosen.start > chosen.end:
        raise InputError(f"--from {chosen.start} is after --to {chosen.end}; swap them")
    lake, stores = _scope(settings, chosen)
    days = len(days_between(chosen.start, chosen.end)) * len(stores)
    pulled_at = chosen.as_of or datetime.now(UTC)
    with tqdm(total=days, unit="day", disable=None) as bar:
        for done_stores, store in enumerate(stores):
            bar.set_description(f"{_name(store)}")
            manifests = backfill(
                lake,
                store,
                chosen.start,
                chosen.end,
                open_source(settings, store),
                settings,
                pulled_at,
                progress=partial(_advance, bar, done_stores),
                only_missing=chosen.only_missing,
            )
            print(_summary(store, manifests))


def _advance(bar: tqdm[Any], done_stores: int, days: int, days_of_store: int) -> None:
    """Move the bar to where it stands: whole stores, and so many days of the next one."""
    bar.update(done_stores * days_of_store + days - bar.n)


def _summary(store: Store, manifests: Sequence[DayManifest]) -> str:
    refused = sum(map(_refused, manifests))
    return (
        f"{_name(store)}: {len(manifests)} days, "
        f"{sum(day.orders for day in manifests)} orders, {sum(day.lines for day in manifests)} "
        f"lines, {refused} in quarantine"
    )


def show_ledger(chosen: argparse.Namespace, settings: Settings) -> None:
    """Print the days that are missing."""
    lake, stores = _scope(settings, chosen)
    for store in stores:
        missing = missing_days(lake, store, chosen.start, chosen.end)
        days = ", ".join(map(str, missing[:_SHOWN])) or "complete"
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        print(f"{_name(store)}: {days}{more}")


def build_months(chosen: argparse.Namespace, settings: Settings) -> None:
    """Make the months that changed."""
    lake, stores = _scope(settings, chosen)
    if chosen.without_missing is not None:
        gaps = accept_gaps(lake, chosen.month, stores, chosen.without_missing)
        print(f"{sum(map(len, gaps.values()))} missing days accepted in {len(gaps)} stores")
    changed = build_changed_months(lake, stores, chosen.month, settings)
    for month in changed:
        built = monthly_manifest(lake, month) or {}
        print(f"{month:%Y-%m}: {built['rows']} rows, {built['units_sold']} units")
    if monthly_manifest(lake, chosen.month) is None:
        raise IncompleteError(
            f"{chosen.month:%Y-%m} is not built: no day of any store was pulled up to it; "
            "pull them with `python -m etl ingest --from DAY --to DAY`"
        )
    if not changed:
        print(f"nothing changed up to {chosen.month:%Y-%m}")


def build_days(chosen: argparse.Namespace, settings: Settings) -> None:
    """Make the daily series of the stores."""
    lake, stores = _scope(settings, chosen)
    for store in stores:
        manifest = build_daily(lake, store, settings)
        print(
            f"{_name(store)}: {manifest.series} series up to {manifest.data_until}, "
            f"watermark {manifest.watermark}"
        )


def cut_shards(chosen: argparse.Namespace, settings: Settings) -> None:
    """Make the training shards of a cutoff."""
    manifest = build_shards(_lake(settings), chosen.cutoff, settings)
    print(f"{manifest['series']} series in {len(manifest['shards'])} shards")


def list_quarantine(chosen: argparse.Namespace, settings: Settings) -> None:
    """Print the refused lines of a month."""
    lake, stores = _scope(settings, chosen)
    rows = read_quarantine(lake, stores, *month_days(chosen.month))
    for row in rows.drop_columns(["document"]).to_pylist():
        print(
            f"{row['date']}\t{row['merchant_id']}/{row['store_id']}\torder {row['order_id']} "
            f"line {row['line_id']}\t{row['units']} units\t{row['reason']}"
        )
    print(f"{rows.num_rows} lines in quarantine in {chosen.month:%Y-%m}")


def replay_quarantine(chosen: argparse.Namespace, settings: Settings) -> None:
    """Read the documents of a month's days with refused lines again, by the rules of now."""
    lake, stores = _scope(settings, chosen)
    days = days_between(*month_days(chosen.month))
    before = after = 0
    for store in stores:
        for day in read_days(lake, [store], days):
            if day.refused:
                before += _refused(day)
                after += _refused(replay_day(lake, store, day.day, settings) or day)
    print(f"{before} lines were in quarantine in {chosen.month:%Y-%m}, {after} are")


def sweep(chosen: argparse.Namespace, settings: Settings) -> None:
    """Pull again the older days whose orders changed since they were pulled."""
    lake, stores = _scope(settings, chosen)
    until = chosen.as_of or datetime.now(UTC)
    for store in stores:
        source = open_source(settings, store)
        days = pull_changed(lake, store, chosen.since, until, source, settings)
        print(f"{_name(store)}: {len(days)} older days changed and were pulled again")


def show_drift(chosen: argparse.Namespace, settings: Settings) -> None:
    """Print the fields by which a month's documents leave the documented shape."""
    lake, stores = _scope(settings, chosen)
    days = read_days(lake, stores, days_between(*month_days(chosen.month)))
    fields: Counter[str] = Counter()
    for day in days:
        fields.update(day.drift)
    for field, documents in sorted(fields.items()):
        print(f"{field}\t{documents} documents")
    print(f"{len(fields)} fields differ in {sum(day.orders for day in days)} documents")


def _refused(day: DayManifest) -> int:
    return sum(count["lines"] for count in day.refused.values())


def _name(store: Store) -> str:
    return f"{store.merchant_id}/{store.store_id}"


def _scope(settings: Settings, chosen: argparse.Namespace) -> tuple[Lake, list[Store]]:
    lake = _lake(settings)
    names = vars(chosen)
    return lake, pick_stores(read_stores(lake), names.get("merchant"), names.get("store"))


def _lake(settings: Settings) -> Lake:
    return Lake(settings.lake_url)
