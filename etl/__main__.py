"""`python -m etl`: from a marketplace to training shards, by hand.

Every job here is the function that the DAGs call. An error that a person can act on is printed, and
the program ends with 2. A month is written YYYY-MM, a day YYYY-MM-DD, an instant in ISO 8601.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from etl import by_hand, sample
from etl.dates import read_day, read_instant, read_month
from etl.errors import StorecastError
from etl.retail import sandbox
from etl.retail.source import CONNECTORS
from etl.settings import settings_from

__all__ = ["main"]


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
    try:
        chosen = parser.parse_args(arguments)
        chosen.run(chosen, settings_from())
    except StorecastError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; what was pulled and built until then stays", file=sys.stderr)
        return 130
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
    add.add_argument("--daily", choices=("yes", "no"), default="no", help="forecast its days too")
    add.set_defaults(run=by_hand.register_store)
    change = actions.add_parser("set", help="ask for daily forecasts of stores, or for none")
    change.add_argument("--daily", choices=("yes", "no"), required=True)
    _add_scope(change)
    change.set_defaults(run=by_hand.set_stores)
    actions.add_parser("list", help="show the registered stores").set_defaults(
        run=by_hand.list_stores
    )
    sync = actions.add_parser("sync", help="register a merchant's stores as its source tells them")
    sync.add_argument("--merchant", required=True)
    sync.add_argument("--source", default="mercadolibre", choices=CONNECTORS)
    sync.set_defaults(run=by_hand.sync_stores)


def _add_ingest_commands(commands: Any) -> None:
    for name, meaning in (
        ("ingest", "pull local business days, each replaced exactly"),
        ("backfill", "pull what is missing of a range of days; goes on where it was stopped"),
    ):
        command = commands.add_parser(name, help=meaning)
        command.add_argument("--from", dest="start", type=read_day, required=True, metavar="DAY")
        command.add_argument("--to", dest="end", type=read_day, required=True, metavar="DAY")
        command.add_argument("--as-of", type=read_instant, help="time of the pull; default: now")
        _add_scope(command)
        command.set_defaults(run=by_hand.ingest, only_missing=name == "backfill")
    sweep = commands.add_parser("sweep", help="pull older days again whose orders changed since")
    sweep.add_argument("--since", type=read_instant, required=True, help="changed from then on")
    sweep.add_argument("--as-of", type=read_instant, help="time of the pull; default: now")
    _add_scope(sweep)
    sweep.set_defaults(run=by_hand.sweep)
    ledger = commands.add_parser("ledger", help="show the days that are missing")
    ledger.add_argument("--from", dest="start", type=read_day, required=True, metavar="DAY")
    ledger.add_argument("--to", dest="end", type=read_day, required=True, metavar="DAY")
    _add_scope(ledger)
    ledger.set_defaults(run=by_hand.show_ledger)


def _add_table_commands(commands: Any) -> None:
    monthly = commands.add_parser("monthly", help="make the monthly tables up to a month")
    monthly.add_argument("--month", type=read_month, required=True)
    monthly.add_argument(
        "--without-missing", metavar="REASON", help="close the month without its missing days"
    )
    monthly.set_defaults(run=by_hand.build_months)
    daily = commands.add_parser("daily", help="make the daily series of stores")
    _add_scope(daily)
    daily.set_defaults(run=by_hand.build_days)
    shards = commands.add_parser("shards", help="make the training shards of a cutoff month")
    shards.add_argument("--cutoff", type=read_month, required=True)
    shards.set_defaults(run=by_hand.cut_shards)


def _add_quarantine_commands(commands: Any) -> None:
    quarantine = commands.add_parser("quarantine", help="what was refused at the door")
    actions = quarantine.add_subparsers(required=True, metavar="ACTION")
    for name, run, meaning in (
        ("list", by_hand.list_quarantine, "refused lines of a month with their reasons"),
        ("replay", by_hand.replay_quarantine, "judge a month's documents by the rules of now"),
    ):
        action = actions.add_parser(name, help=meaning)
        action.add_argument("--month", type=read_month, required=True)
        _add_scope(action)
        action.set_defaults(run=run)
    drift = commands.add_parser("drift", help="fields by which documents left their shape")
    drift.add_argument("--month", type=read_month, required=True)
    _add_scope(drift)
    drift.set_defaults(run=by_hand.show_drift)


def _add_scope(command: argparse.ArgumentParser) -> None:
    command.add_argument("--merchant", help="only this merchant")
    command.add_argument("--store", help="only this store")


if __name__ == "__main__":
    sys.exit(main())
