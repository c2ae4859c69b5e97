"""`python -m api`: publish a run, go back to the one before, issue tokens, serve, explain."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from api import by_hand
from api.audit import COMMAND_LINE, note_change, read_trail
from api.publish import publish_run, published_runs, rollback
from api.store import ForecastStore, open_store
from api.tokens import ROLES, hash_of, issue_token, list_tokens, revoke_token
from etl.errors import StorecastError
from etl.lake import Lake
from etl.settings import Settings, settings_from

__all__ = ["main", "serve", "work"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers the exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.run_command(options, settings_from(os.environ))
    except StorecastError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def serve(host: str, port: int, workers: int, refresh_workers: int = 0) -> None:
    """Serve the API and the dashboard until told to stop; requests under way are finished.

    `refresh_workers` processes beside it make refreshes, and end with it.
    """
    import uvicorn

    from api.refresh.worker import KeptWorkers

    # The server hands a signal on when it has ended; what stands around it is to end as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with (
        tempfile.TemporaryDirectory(prefix="storecast-api-") as folder,
        KeptWorkers(refresh_workers),
    ):
        if workers > 1:
            os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", folder)
            os.environ.setdefault("STORECAST_LIMITS_FILE", f"{folder}/limits")
        uvicorn.run(
            "api.app:app_from_environment",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            loop="uvloop",
            http="httptools",
            ws="none",
            access_log=False,
            server_header=False,
            log_level="warning",
            timeout_graceful_shutdown=10,
        )


def work(settings: Settings, kept: bool = False) -> None:
    """Make refreshes until SIGTERM or SIGINT; a kept worker also ends with who started it.

    What it is at is left after the present batch, for another worker to go on with.
    """
    from api.refresh.worker import Worker, end_with_input

    logging.basicConfig(format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("storecast").setLevel(logging.INFO)
    with closing(_store(settings)) as store:
        worker = Worker(store, settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stopped.set())
        if kept:
            end_with_input(worker.stopped.set)
        worker.run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "publish", "serve a run of the lake", _publish).add_argument(
        "--run", required=True, metavar="RUN", help="as in 2026-10.1"
    )
    _add(commands, "rollback", "serve the run before the present one", _rollback)
    _add(commands, "runs", "list published runs", _runs)
    serving = _add(commands, "serve", "serve the API and the dashboard", _serve)
    serving.add_argument("--host", default="127.0.0.1")
    serving.add_argument("--port", type=int, default=8000)
    serving.add_argument("--workers", type=int, default=1, help="API processes")
    serving.add_argument(
        "--refresh-workers", type=int, default=1, help="processes that make refreshes; 0: none"
    )
    working = _add(commands, "worker", "make refreshes, beside `serve` or elsewhere", _work)
    working.add_argument("--kept", action="store_true", help="end when standard input is closed")
    _add(commands, "audit", "list who changed what", _audit)
    _add_token_commands(commands)
    by_hand.add_commands(commands)
    return parser


def _add_token_commands(commands: Any) -> None:
    token = commands.add_parser("token", help="issue, list and revoke tokens")
    actions = token.add_subparsers(required=True, metavar="ACTION")
    issue = _add(actions, "issue", "make a token and print it, once", _token_issue)
    issue.add_argument("--merchant", help="the merchant that it reaches")
    issue.add_argument("--store", action="append", default=[], help="only this store; repeatable")
    issue.add_argument("--role", choices=ROLES, default="merchant")
    issue.add_argument("--days", type=int, default=365, help="days until it expires; 0: never")
    _add(actions, "list", "list tokens, without their secrets", _token_list)
    revoke = _add(actions, "revoke", "refuse a token from now on", _token_revoke)
    revoke.add_argument("token_id", help="as `token list` shows it")


def _add(commands: Any, name: str, meaning: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=meaning, description=meaning)
    parser.set_defaults(run_command=run)
    return parser


def _store(settings: Settings) -> ForecastStore:
    return open_store(settings.store_url)


def _publish(options: argparse.Namespace, settings: Settings) -> None:
    store = _store(settings)
    published = publish_run(Lake(settings.lake_url), store, options.run, settings)
    note_change(store, "run published", COMMAND_LINE, published)
    _print(published)


def _rollback(_: argparse.Namespace, settings: Settings) -> None:
    store = _store(settings)
    served = rollback(store)
    note_change(store, "run rolled back", COMMAND_LINE, served)
    _print(served)


def _runs(_: argparse.Namespace, settings: Settings) -> None:
    for run in published_runs(_store(settings)):
        _print(run)


def _serve(options: argparse.Namespace, settings: Settings) -> None:
    from api.refresh.dispatch import EmbeddedWorkers, dispatcher_for

    embedded = isinstance(dispatcher_for(settings), EmbeddedWorkers)
    refresh_workers = options.refresh_workers if embedded else 0
    serve(options.host, options.port, options.workers, refresh_workers)


def _work(options: argparse.Namespace, settings: Settings) -> None:
    work(settings, options.kept)


def _token_issue(options: argparse.Namespace, settings: Settings) -> None:
    now = datetime.now(UTC)
    ends = now + timedelta(days=options.days) if options.days else None
    store = _store(settings)
    token = issue_token(store, options.role, options.merchant, options.store, now, ends)
    about = {"token_id": hash_of(token)[:12], "role": options.role, "stores": options.store}
    note_change(store, "token issued", COMMAND_LINE, about, (options.merchant or "", "", ""))
    print(token)


def _token_list(_: argparse.Namespace, settings: Settings) -> None:
    for token in list_tokens(_store(settings)):
        _print(token)


def _token_revoke(options: argparse.Namespace, settings: Settings) -> None:
    store = _store(settings)
    revoked = revoke_token(store, options.token_id, datetime.now(UTC))
    owner = (revoked["merchant_id"] or "", "", "")
    note_change(store, "token revoked", COMMAND_LINE, {"token_id": options.token_id}, owner)
    _print(revoked)


def _audit(_: argparse.Namespace, settings: Settings) -> None:
    store, after = _store(settings), ""
    while True:
        page = read_trail(store, after, 1000)
        for change in page["changes"]:
            _print(change)
        if page["next"] is None:
            return
        after = page["next"]


def _print(document: dict[str, Any]) -> None:
    print(json.dumps(document, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
