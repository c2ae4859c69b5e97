"""`python -m dags run`: the whole house on this machine, as `make run` calls it."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dags.alerts import Alert, tell
from dags.local.session import Wishes, run
from dags.messengers import messengers_of
from etl.errors import StorecastError
from etl.settings import settings_from

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when done, 2 with the message where a person must act."""
    options = _parser(Wishes()).parse_args(arguments)
    if options.command == "alert":
        return _try_alerts()
    # A shell that starts this in the background leaves SIGINT ignored, and Airflow's processes,
    # which are ended by it, would inherit that.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        run(
            Wishes(
                options.orders,
                options.engine,
                options.serve,
                options.data,
                options.port,
                options.daily,
            )
        )
    except StorecastError as error:
        print(f"python -m dags: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("python -m dags: stopped; nothing that was started goes on", file=sys.stderr)
        return 130
    return 0


def _try_alerts() -> int:
    """Send a test alert; 0 where every way took it."""
    at = datetime.now(UTC)
    test = Alert("test", f"a test alert, asked for by hand at {at:%H:%M:%S} UTC")
    try:
        settings = settings_from()
        ways = len(messengers_of(settings))
        lost = tell([test], settings, at)
    except StorecastError as error:
        print(f"python -m dags: {error}", file=sys.stderr)
        return 2
    print(f"{ways} ways are set up; {'not all of them took it' if lost else 'all took it'}")
    return 2 if lost else 0


def _parser(wishes: Wishes) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dags", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command", dest="command")
    commands.add_parser("alert", help="send a test alert by every way that the settings set up")
    run = commands.add_parser("run", help="replay orders through every DAG, publish, and serve")
    add = run.add_argument
    add("--orders", default="", help="CSV, XLSX or parquet file of orders; default: the sample")
    add("--engine", default="", help="forecasting engine; default: STORECAST_ENGINE's")
    add("--serve", action=argparse.BooleanOptionalAction, default=True)
    add(
        "--daily", action=argparse.BooleanOptionalAction, help="forecast the next days; sample: yes"
    )
    add("--data", type=Path, default=wishes.data, help="folder for lake, store and Airflow")
    add("--port", type=int, default=wishes.port, help="of the dashboard")
    return parser


if __name__ == "__main__":
    sys.exit(main())
