"""Reads a second of the query API, beside a bare Starlette route in the same run.

    python tests/bench/bench_query_api.py            20,000 series, 16 connections
    python tests/bench/bench_query_api.py --scale    200,000 and 2,000,000, at 1, 16 and 64

Ours are taken with sign-on, limits, metrics and the request log on, over documents chosen at random
from one merchant's tenth of the store; the peer answers constant bytes of the same size. Each runs
in one process under the same server (uvicorn, uvloop, httptools); the client is wrk (Debian's
package), and spells of both alternate. `share_of_bare` compares requests a second; `share_by_cpu`
compares requests by the CPU time of the serving process, which other work on the machine disturbs
less.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from page import circumstances, put_section, table_of

from api.render import Listing, render_forecasts
from api.store import open_store
from api.store.documents import StoreDocument
from api.tokens import issue_token
from api.vintage import BOUNDS, Run, ShardForecasts

ROOT = Path(__file__).parents[2]
STORES = 200
ABOUT = (
    "One forecast, and a page of 50 products, over random documents, with sign-on, limits, metrics "
    "and the request log on, beside a bare Starlette route of constant bytes of the same size; one "
    "process each, client wrk. `share_by_cpu` compares requests by CPU time of the server."
)
RUN = Run("2026-10.1", date(2026, 10, 1), "arima", "bench", ())
MONTHS = [date(2026 + (10 + h) // 12, (10 + h) % 12 + 1, 1) for h in range(12)]


def fill(url: str, series: int) -> str:
    """A store of that many series of ten merchants; answers a token of the first merchant."""
    store = open_store(url)
    generator = np.random.default_rng(1)
    edition = store.begin(RUN.run_id, RUN.digest)
    products = series // STORES
    for number in range(STORES):
        merchant, name = f"M{number % 10}", f"S{number:04d}"
        store.put_forecasts(edition.load, documents(generator, merchant, name, products))
        shown = json.dumps({"store_id": name, "series": products}).encode()
        store.put_stores(edition.load, [StoreDocument(merchant, name, "north", shown)])
    store.publish(edition.load, {"series": series}, datetime.now(UTC).isoformat())
    token = issue_token(store, "merchant", "M0", (), datetime.now(UTC), None)
    store.close()
    return token


def documents(generator: np.random.Generator, merchant: str, store: str, products: int):
    """Documents of one store with 36 months of history."""
    level = generator.gamma(2.0, 20.0, (products, 1))
    units = level * generator.uniform(0.7, 1.3, (products, 12))
    spread = {"50": 0.2, "80": 0.4, "95": 0.6}
    numbers = {"units_forecast": units}
    for name in BOUNDS[1:]:
        sign = -1 if name.startswith("lo") else 1
        numbers[name] = units * (1 + sign * spread[name[2:]])
    history = generator.poisson(level, (products, 36)).tolist()
    keys = [(merchant, store, f"SKU-{i:06d}") for i in range(products)]
    series = [
        {
            "merchant_id": merchant,
            "store_id": store,
            "product_id": key[2],
            "category": f"category {i % 20}",
            "currency": "ARS",
            "first_month": date(2023, 11, 1),
            "units_sold": history[i],
            "mean_net_price": 10.0 + i % 90,
            "empty_shelves": None,
            "active": True,
        }
        for i, key in enumerate(keys)
    ]
    listings = {key: Listing(f"Product {key[2]}", 10.0, "active", 500) for key in keys}
    batch = ShardForecasts(keys, MONTHS, numbers, ["arima"] * products, [""] * products, series)
    return render_forecasts(RUN, batch, listings, {})


PEER = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
sizes = {"/one": int(sys.argv[2]), "/page": int(sys.argv[3])}
async def constant(request, bodies={path: b"x" * size for path, size in sizes.items()}):
    return Response(bodies[request.url.path], media_type="application/json")
app = Starlette(routes=[Route(path, constant) for path in sizes])
uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False,
            log_level="warning")
"""


@contextmanager
def server(command: list[str], port: int, environment: dict[str, str]):
    """A server process on that port, stopped at the end."""
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url: str, token: str) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


@dataclass(frozen=True)
class Figures:
    """What one spell of load showed; `per_cpu_second` is requests by the server's CPU time."""

    per_second: float
    per_cpu_second: float
    server_cpu: float
    p50_ms: float
    p99_ms: float
    failed: int


def measure(
    pid: int, url: str, paths: list[str], token: str, connections: int, seconds: int
) -> Figures:
    """Load from wrk on the server of that process."""
    listed = ",".join(json.dumps(path) for path in paths)
    script = (
        f"local paths = {{{listed}}}\nmath.randomseed(7)\n"
        f'wrk.headers["Authorization"] = "Bearer {token}"\n'
        "request = function() return wrk.format(nil, paths[math.random(#paths)]) end\n"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        before, started = cpu_seconds(pid), time.perf_counter()
        told = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", file.name, url],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        used, elapsed = cpu_seconds(pid) - before, time.perf_counter() - started
    requests = int(re.search(r"(\d+) requests in", told)[1])
    p50, p99 = (_milliseconds(re.search(rf"(?m)^\s+{p}%\s+(\S+)", told)[1]) for p in (50, 99))
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])
    return Figures(rate, requests / used, used / elapsed, p50, p99, int(failed[1]) if failed else 0)


def _row(
    series: int, kind: str, size: int, connections: int, own: list[Figures], bare: list[Figures]
) -> dict:
    """Two spells of each, in turn, as one row."""

    def mean(figures: list[Figures], name: str) -> float:
        return statistics.mean(getattr(one, name) for one in figures)

    return {
        "series": series,
        "read": kind,
        "bytes": size,
        "connections": connections,
        "per_second": round(mean(own, "per_second")),
        "p50_ms": round(mean(own, "p50_ms"), 2),
        "p99_ms": round(mean(own, "p99_ms"), 2),
        "failed": sum(one.failed for one in own),
        "server_cpu": round(mean(own, "server_cpu"), 2),
        "bare_per_second": round(mean(bare, "per_second")),
        "bare_p99_ms": round(mean(bare, "p99_ms"), 2),
        "share_of_bare": round(mean(own, "per_second") / mean(bare, "per_second"), 3),
        "share_by_cpu": round(mean(own, "per_cpu_second") / mean(bare, "per_cpu_second"), 3),
    }


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare(folder: Path, series: int, spells: tuple[int, ...], seconds: int) -> list[dict]:
    """Figures of one store size, at each number of connections."""
    url = f"sqlite:///{folder}/store-{series}.sqlite"
    token_file = folder / f"token-{series}"
    if not token_file.exists():
        started = time.perf_counter()
        token_file.write_text(fill(url, series))
        print(f"filled {series} series in {time.perf_counter() - started:.0f} s", flush=True)
    token = token_file.read_text()
    port, peer_port = free_port(), free_port()
    environment = {
        "STORECAST_STORE_URL": url,
        "STORECAST_REQUEST_LOG": str(folder / "requests.jsonl"),
        "STORECAST_REQUESTS_PER_SECOND": "1000000",
        "STORECAST_REQUEST_BURST": "1000000",
    }
    chooser = random.Random(3)
    products = series // STORES
    stores = [f"S{number:04d}" for number in range(0, STORES, 10)]
    ones = [
        f"/v1/stores/{chooser.choice(stores)}/products/SKU-{chooser.randrange(products):06d}/forecast"
        for _ in range(20_000)
    ]
    pages = [f"/v1/stores/{store}/products" for store in stores]
    ours, base = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    serve = [sys.executable, "-m", "api", "serve", "--port", str(port)]
    found = []
    with server(serve, port, environment) as process:
        sizes = [str(len(fetch(ours + path, token))) for path in (ones[0], pages[0])]
        peer = [sys.executable, "-c", PEER, str(peer_port), *sizes]
        with server(peer, peer_port, {}) as bare_process:
            for kind, paths, peer_path in (("one", ones, "/one"), ("page of 50", pages, "/page")):
                for connections in spells:
                    bare = [
                        measure(bare_process.pid, base, [peer_path], token, connections, seconds)
                    ]
                    own = [measure(process.pid, ours, paths, token, connections, seconds)]
                    bare.append(
                        measure(bare_process.pid, base, [peer_path], token, connections, seconds)
                    )
                    own.append(measure(process.pid, ours, paths, token, connections, seconds))
                    size = int(sizes[kind != "one"])
                    found.append(_row(series, kind, size, connections, own, bare))
                    print(json.dumps(found[-1]), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", action="store_true", help="200,000 and 2,000,000 series")
    parser.add_argument("--series", type=int, nargs="+", help="other sizes")
    parser.add_argument("--seconds", type=int, help="length of one spell of load")
    parser.add_argument("--folder", type=Path, help="keep the stores here between runs")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("skipped: the client wrk is not installed (Debian: apt-get install wrk)")
        return
    sizes = options.series or ([200_000, 2_000_000] if options.scale else [20_000])
    connections = (1, 16, 64) if options.scale or options.series else (16,)
    seconds = options.seconds or (8 if options.scale else 3)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="storecast-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    measured = circumstances()
    try:
        rows = [row for size in sizes for row in compare(folder, size, connections, seconds)]
    finally:
        if options.folder is None:
            shutil.rmtree(folder)
    text = f"{ABOUT}\n\n{measured}\n\n{table_of(rows)}"
    print(text)
    if options.scale:
        put_section("query-api", "Reads of the query API beside a bare route", text)


if __name__ == "__main__":
    main()
