"""`make run`, from order file to served dashboard."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import httpx

from dags.local.client import StackError
from dags.local.home import Home, home_of, only_run
from dags.local.market import Market, open_market
from dags.local.months import DAG_IDS, live_through, open_dags
from dags.local.rehearsal import Rehearsal, plan_rehearsal
from dags.local.stack import AirflowStack, free_port
from dags.local.watch import Watch
from etl.retail.sandbox import read_history

__all__ = ["Wishes", "run"]

_PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Wishes:
    """What a person may ask of a run.

    Orders empty: the sample; engine empty: the setting's; days None: for the sample only.
    """

    orders: str = ""
    engine: str = ""
    serve: bool = True
    data: Path = _PROJECT / "data"
    port: int = 8000
    days: bool | None = None

    @property
    def daily(self) -> bool:
        """Whether the next days are forecast too; the sample's stores ask for it."""
        return not self.orders if self.days is None else self.days


def run(wishes: Wishes) -> None:
    """Replay the orders through every DAG, publish, tell how to sign in, and serve if wished.

    Raises `StorecastError` where a part does not start or a task fails; nothing that was started
    stays behind.
    """
    began = time.monotonic()
    home = home_of(wishes.orders, wishes.data)
    with only_run(home):
        plan = _prepare(home)
        with open_market(home.orders, free_port(), plan.start, home.folder) as market:
            environment = _environment(home, market, plan, wishes)
            _forecast(home, market, plan, environment, wishes, began)
            if wishes.serve:
                _serve(wishes, market, environment)
            else:
                _tell_how_to_serve(market, environment)


def _prepare(home: Home) -> Rehearsal:
    """Make the sample where it is wanted and not there, and read what days the orders cover."""
    if not home.orders.exists():
        _say("Making the sample orders")
        _command({}, "etl", "sample", "--out", str(home.orders))
    history = read_history(home.orders)
    created = history.lines["created_ms"]
    first, last = (_day(int(ms)) for ms in (created.min(), created.max()))
    plan = plan_rehearsal(first, last)
    _say(
        f"Orders of {len(history.stores)} stores from {first} to {last}; "
        f"the month to forecast from is {plan.month:%Y-%m}"
    )
    return plan


def _day(milliseconds: int) -> date:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date()


def _environment(home: Home, market: Market, plan: Rehearsal, wishes: Wishes) -> dict[str, str]:
    """The settings that every part of the run gets; what the caller has set stands."""
    tokens = home.folder / "tokens.json"
    tokens.touch(mode=0o600)
    tokens.write_text(json.dumps(market.tokens))
    own = {
        "STORECAST_LAKE_URL": str(home.lake),
        "STORECAST_STORE_URL": home.store_url,
        "STORECAST_JOBS": "1",
        # A refresh asked for in the dashboard stands where the rehearsal ended.
        "STORECAST_NOW": plan.daily[-1].isoformat(),
        **({"STORECAST_ENGINE": wishes.engine} if wishes.engine else {}),
    }
    kept = {name: os.environ[name] for name in own if os.environ.get(name)}
    source = {"STORECAST_SOURCE_URL": market.url, "STORECAST_SOURCE_TOKENS": str(tokens)}
    return {**own, **kept, **source}


def _forecast(
    home: Home,
    market: Market,
    plan: Rehearsal,
    environment: Mapping[str, str],
    wishes: Wishes,
    began: float,
) -> None:
    """Live through the rehearsal in an Airflow that starts for it and ends after it."""
    workers = max(2, os.cpu_count() or 1)
    _say(f"Starting Airflow with {workers} workers")
    with AirflowStack(home.airflow, environment, workers) as stack:
        for merchant in market.merchants:
            _command(environment, "etl", "store", "sync", "--merchant", merchant)
        if wishes.daily:
            _command(environment, "etl", "store", "set", "--daily", "yes")
        client = stack.ready()
        watch = Watch(client, alive=stack.check)
        _say(f"Airflow is at {stack.url} (user operator, password {stack.password})")
        open_dags(client, watch)
        live_through(plan, market, client, watch, wishes.daily)
        runs = watch.verdict(list(DAG_IDS))
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    _say(
        "All green in Airflow: "
        + ", ".join(f"{count} × {dag_id}" for dag_id, count in runs.items())
        + f"; {minutes} min {seconds} s"
    )


def _serve(wishes: Wishes, market: Market, environment: Mapping[str, str]) -> None:
    """Serve the dashboard until somebody stops it; says where it is once it answers."""
    port = wishes.port if _is_free(wishes.port) else free_port()
    url = f"http://127.0.0.1:{port}"
    serving = subprocess.Popen(
        [sys.executable, "-m", "api", "serve", "--host", "127.0.0.1", "--port", str(port)],
        cwd=_PROJECT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        while serving.poll() is None and not _answers(url):
            time.sleep(0.2)
        _say(f"\nDashboard:  {url}/")
        _tell_sign_in(market, environment)
        _say("Press Ctrl-C to stop.")
        if serving.wait():
            raise StackError(f"python -m api serve ended with {serving.returncode}")
    except KeyboardInterrupt:
        serving.terminate()
        serving.wait()


def _tell_how_to_serve(market: Market, environment: Mapping[str, str]) -> None:
    """Say how to serve what was published, and how to sign in then."""
    settings = " ".join(
        f"{name}={environment[name]}" for name in ("STORECAST_LAKE_URL", "STORECAST_STORE_URL")
    )
    _say(f"\nServe it:   {settings} {sys.executable} -m api serve")
    _tell_sign_in(market, environment)


def _tell_sign_in(market: Market, environment: Mapping[str, str]) -> None:
    for merchant in market.merchants:
        token = _command(environment, "api", "token", "issue", "--merchant", merchant)
        _say(f"Sign in as {merchant} with the token  {token}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code < 500
    except httpx.TransportError:
        return False


def _command(environment: Mapping[str, str], room: str, *arguments: str) -> str:
    """What one of the three doors printed. Raises `StackError` with its message where it failed."""
    done = subprocess.run(
        [sys.executable, "-m", room, *arguments],
        cwd=_PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StackError(f"python -m {room} {' '.join(arguments)}: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


def _say(line: str) -> None:
    print(line, flush=True)
