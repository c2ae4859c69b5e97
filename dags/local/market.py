"""The retail sandbox as the marketplace of a local run: started, asked, its clock moved on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import httpx

from dags.local.client import StackError
from dags.local.processes import Ledger, Started

__all__ = ["Market", "open_market"]

_PROJECT = Path(__file__).resolve().parents[2]
_PATIENCE = 120.0


class Market:
    """A sandbox that answers at `url`, and the tokens of its merchants."""

    def __init__(self, url: str, tokens: Mapping[str, str]) -> None:
        self.url = url
        self.tokens = dict(tokens)
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    @property
    def merchants(self) -> list[str]:
        """The merchants that sell there."""
        return sorted(self.tokens)

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            return self._http.get("/sandbox/clock").is_success
        except httpx.TransportError:
            return False

    def move_clock(self, now: datetime) -> None:
        """Let everything happen that happens until `now`, and nothing after it."""
        self._http.put("/sandbox/clock", json={"now": now.isoformat()}).raise_for_status()


@contextmanager
def open_market(orders: Path, port: int, now: datetime, home: Path) -> Iterator[Market]:
    """A sandbox that replays `orders`, its clock at `now`; ended when the block ends."""
    ledger = Ledger(home / "sandbox.json")
    ledger.end_leftovers()
    log = home / "sandbox.log"
    home.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "etl", "sandbox", "--orders", str(orders)),
                *("--port", str(port), "--now", now.isoformat()),
            ],
            cwd=_PROJECT,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = Started(process)
    ledger.note([started])
    try:
        market = Market(f"http://127.0.0.1:{port}", _tokens(orders))
        with closing(market):
            _wait_until_up(market, started, log)
            yield market
    finally:
        ledger.end([started])


def _tokens(orders: Path) -> dict[str, str]:
    """The merchants' tokens, as the sandbox's own command tells them."""
    command = [sys.executable, "-m", "etl", "sandbox", "--orders", str(orders), "--print-tokens"]
    told = subprocess.run(command, cwd=_PROJECT, capture_output=True, text=True, check=False)
    if told.returncode:
        raise StackError(f"the sandbox cannot replay {orders}: {told.stderr.strip()[-1000:]}")
    tokens: dict[str, str] = json.loads(told.stdout)
    return tokens


def _wait_until_up(market: Market, started: Started, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not market.answers():
        if not started.running or time.monotonic() > deadline:
            raise StackError(
                f"the sandbox did not start: {log.read_text(errors='replace')[-1000:]}"
            )
        time.sleep(0.2)
