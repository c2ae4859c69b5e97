"""`python -m etl`: from a marketplace to training shards, by hand.

Every job here is the function that the DAGs call. An error that a person can act on is printed, and
the program ends with 2. A month is written YYYY-MM, a day YYYY-MM-DD, an instant in ISO 8601.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from tqdm import tqdm

from etl import sample
from etl.errors import InputError, StorecastError
from etl.ingest import backfill
from etl.lake import Lake
from etl.ledger import days_between, missing_days, month_days
from etl.monthly import build_changed_months, monthly_manifest
from etl.quarantine import read_quarantine
from etl.registry import Store, add_store, pick_stores, read_stores, refresh_products
from etl.retail import sandbox
from etl.retail.source import CONNECTORS, open_merchant, open_source
from etl.settings import Settings, settings_from
from etl.shards import build_shards

__all__ = ["main"]

_SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m etl", description="From a marketplace to training shards."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_store_commands(commands)
    _add_ingest_commands(commands)
    _add_table_commands(commands)
    _add_quarantine_commands(commands)
    sample.add_commands(commands)
    sandbox.add_commands(commands)
    chosen = parser.parse_args(arguments)
    try:
        chosen.run(chosen, settings_from())
    except StorecastError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _add_store_commands(commands: Any) -> None:
    store = commands.add_parser("store", help="the registry: add, list or read stores")
    actions = store.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="register one store")
    for name in ("merchant", "store", "country", "time-zone", "currency", "source-ref"):
        add.add_argument(f"--{name}", required=True)
    add.add_argument("--name", help="what the merchant calls it; default: its id")
    add.add_argument("--region", default="", help="the planner's region")
    add.add_argument("--opening-hour", type=int, default=9)
    add.add_argument("--source", default="mercadolibre", choices=CONNECTORS)
    add.set_defaults(run=_add_store)
    actions.add_parser("list", help="show the registered stores").set_defaults(run=_list_stores)
    sync = actions.add_parser("sync", help="register a merchant's stores as its source tells them")
    sync.add_argument("--merchant", required=True)
    sync.add_argument("--source", default="mercadolibre", choices=CONNECTORS)
    sync.set_defaults(run=_sync_stores)


def _add_ingest_commands(commands: Any) -> None:
    for name, meaning in (
        ("ingest", "pull local business days, each replaced exactly"),
        ("backfill", "pull what is missing of a range of days; goes on where it was stopped"),
    ):
        command = commands.add_parser(name, help=meaning)
        command.add_argument("--from", dest="start", type=_day, required=True, metavar="DAY")
        command.add_argument("--to", dest="end", type=_day, required=True, metavar="DAY")
        command.add_argument("--as-of", type=_instant, help="time of the pull; default: now")
        _add_scope(command)
        command.set_defaults(run=_ingest, only_missing=name == "backfill")
    ledger = commands.add_parser("ledger", help="show the days that are missing")
    ledger.add_argument("--from", dest="start", type=_day, required=True, metavar="DAY")
    ledger.add_argument("--to", dest="end", type=_day, required=True, metavar="DAY")
    _add_scope(ledger)
    ledger.set_defaults(run=_show_ledger)


def _add_table_commands(commands: Any) -> None:
    monthly = commands.add_parser("monthly", help="make the monthly tables up to a month")
    monthly.add_argument("--month", type=_month, required=True)
    monthly.set_defaults(run=_build_months)
    shards = commands.add_parser("shards", help="make the training shards of a cutoff month")
    shards.add_argument("--cutoff", type=_month, required=True)
    shards.set_defaults(run=_build_shards)


def _add_quarantine_commands(commands: Any) -> None:
    quarantine = commands.add_parser("quarantine", help="what was refused at the door")
    actions = quarantine.add_subparsers(required=True, metavar="ACTION")
    show = actions.add_parser("list", help="refused lines of a month with their reasons")
    show.add_argument("--month", type=_month, required=True)
    _add_scope(show)
    show.set_defaults(run=_list_quarantine)


def _add_scope(command: argparse.ArgumentParser) -> None:
    command.add_argument("--merchant", help="only this merchant")
    command.add_argument("--store", help="only this store")


def _add_store(chosen: argparse.Namespace, settings: Settings) -> None:
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
    )
    add_store(_lake(settings), store)
    print(f"registered {store.merchant_id}/{store.store_id}")


def _list_stores(chosen: argparse.Namespace, settings: Settings) -> None:
    for store in read_stores(_lake(settings)):
        print(
            f"{store.merchant_id}/{store.store_id}\t{store.name}\t{store.region}\t{store.country}"
            f"\t{store.time_zone}\t{store.currency}\t{store.source} {store.source_ref}"
        )


def _sync_stores(chosen: argparse.Namespace, settings: Settings) -> None:
    lake = _lake(settings)
    source = open_merchant(settings, chosen.source, chosen.merchant)
    for store in source.stores():
        add_store(lake, store)
        products = refresh_products(lake, store, source)
        print(f"registered {store.merchant_id}/{store.store_id} with {products} products")


def _ingest(chosen: argparse.Namespace, settings: Settings) -> None:
    if chosen.start > chosen.end:
        raise InputError(f"--from {chosen.start} is after --to {chosen.end}; swap them")
    lake, stores = _scope(settings, chosen)
    days = len(days_between(chosen.start, chosen.end)) * len(stores)
    pulled_at = chosen.as_of or datetime.now(UTC)
    with tqdm(total=days, unit="day", disable=None) as bar:
        for store in stores:
            bar.set_description(f"{store.merchant_id}/{store.store_id}")
            manifests = backfill(
                lake,
                store,
                chosen.start,
                chosen.end,
                open_source(settings, store),
                settings,
                pulled_at,
                progress=lambda done, total: _advance(bar, done),
                only_missing=chosen.only_missing,
            )
            print(_summary(store, manifests))


def _advance(bar: tqdm[Any], days: int) -> None:
    bar.update(days)


def _summary(store: Store, manifests: Sequence[Any]) -> str:
    refused = sum(count["lines"] for day in manifests for count in day.refused.values())
    return (
        f"{store.merchant_id}/{store.store_id}: {len(manifests)} days, "
        f"{sum(day.orders for day in manifests)} orders, {sum(day.lines for day in manifests)} "
        f"lines, {refused} in quarantine"
    )


def _show_ledger(chosen: argparse.Namespace, settings: Settings) -> None:
    lake, stores = _scope(settings, chosen)
    for store in stores:
        missing = missing_days(lake, store, chosen.start, chosen.end)
        days = ", ".join(map(str, missing[:_SHOWN])) or "complete"
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        print(f"{store.merchant_id}/{store.store_id}: {days}{more}")


def _build_months(chosen: argparse.Namespace, settings: Settings) -> None:
    lake, stores = _scope(settings, chosen)
    changed = build_changed_months(lake, stores, chosen.month, settings)
    for month in changed:
        built = monthly_manifest(lake, month) or {}
        print(f"{month:%Y-%m}: {built['rows']} rows, {built['units_sold']} units")
    if not changed:
        print(f"nothing changed up to {chosen.month:%Y-%m}")


def _build_shards(chosen: argparse.Namespace, settings: Settings) -> None:
    manifest = build_shards(_lake(settings), chosen.cutoff, settings)
    print(f"{manifest['series']} series in {len(manifest['shards'])} shards")


def _list_quarantine(chosen: argparse.Namespace, settings: Settings) -> None:
    lake, stores = _scope(settings, chosen)
    rows = read_quarantine(lake, stores, *month_days(chosen.month))
    for row in rows.drop_columns(["document"]).to_pylist():
        print(
            f"{row['date']}\t{row['merchant_id']}/{row['store_id']}\torder {row['order_id']} "
            f"line {row['line_id']}\t{row['units']} units\t{row['reason']}"
        )
    print(f"{rows.num_rows} lines in quarantine in {chosen.month:%Y-%m}")


def _scope(settings: Settings, chosen: argparse.Namespace) -> tuple[Lake, list[Store]]:
    lake = _lake(settings)
    names = vars(chosen)
    return lake, pick_stores(read_stores(lake), names.get("merchant"), names.get("store"))


def _lake(settings: Settings) -> Lake:
    return Lake(settings.lake_url)


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
