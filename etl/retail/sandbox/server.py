"""Serve the sandbox: by command, or in a thread of the caller for as long as it is needed."""

from __future__ import annotations

import argparse
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from etl.errors import InputError
from etl.retail.sandbox.app import sandbox_app
from etl.retail.sandbox.marketplace import Behaviour
from etl.retail.sandbox.order_files import read_history, read_merchants
from etl.retail.sandbox.tokens import sandbox_tokens
from etl.settings import Settings

__all__ = ["add_commands", "running", "serve"]

_START_SECONDS = 30.0


def serve(
    orders: str, host: str = "127.0.0.1", port: int = 8090, behaviour: Behaviour | None = None
) -> None:
    """Replay the orders of a file at that address until stopped; says when it is ready."""
    listener = _bind(host, port)
    app = sandbox_app(read_history(orders), behaviour)
    market = app.state.marketplace
    print(
        f"sandbox at http://{host}:{listener.getsockname()[1]}: {len(market.book.number):,} orders "
        f"of {len(market.book.sellers)} stores; its clock stands at {market.clock}",
        flush=True,
    )
    uvicorn.Server(_configuration(app)).run(sockets=[listener])


@contextmanager
def running(app: Starlette) -> Iterator[str]:
    """The base address of `app`, served on a free local port inside the `with` block."""
    listener = _bind("127.0.0.1", 0)
    server = uvicorn.Server(_configuration(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)
        listener.close()


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `sandbox` to the commands of `python -m etl`."""
    command = subparsers.add_parser(
        "sandbox", help="replay a file of orders as a marketplace would, over HTTP"
    )
    add = command.add_argument
    add("--orders", default="data/sample", help="folder of a sample, or a CSV, XLSX, parquet file")
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=8090)
    add("--now", help="where its clock starts (ISO 8601 with offset); default: the last order")
    add("--rate", type=float, default=Behaviour.rate, help="requests per second; 0: no limit")
    add("--fault-share", type=float, default=Behaviour.fault_share, help="share answered by a 5xx")
    add("--seed", type=int, default=Behaviour.seed, help="of tokens and faults")
    add("--print-tokens", action="store_true", help="print the merchants' tokens as JSON and end")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, _: Settings) -> None:
    if arguments.print_tokens:
        tokens = sandbox_tokens(read_merchants(arguments.orders), arguments.seed)
        json.dump(tokens, sys.stdout)
        sys.stdout.write("\n")
        return
    behaviour = Behaviour(arguments.now, arguments.rate, arguments.fault_share, arguments.seed)
    serve(arguments.orders, arguments.host, arguments.port, behaviour)


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        why = error.strerror if isinstance(error, OSError) else "a port is 0 to 65535"
        raise InputError(
            f"the sandbox cannot listen on {host}:{port}: {why}; give another --port"
        ) from error
    listener.listen(128)
    return listener


def _configuration(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(app, access_log=False, log_level="warning", lifespan="off", ws="none")


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the sandbox did not start")
        time.sleep(0.01)
