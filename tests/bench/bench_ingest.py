"""One store-day pulled from a marketplace of a stated limit: how much of the limit is used?

    python tests/bench/bench_ingest.py            2,000 and 10,000 orders
    python tests/bench/bench_ingest.py --scale    up to 40,000, and writes docs/benchmarks.md

The marketplace lets so many requests a second pass (a token bucket that holds those of one second)
and answers all others with 429 and how long to wait; an answer holds at most 50 orders and takes a
stated time. What it can give at best is therefore 50 orders for each request of the limit. It and
the puller are processes of their own, over HTTP.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from page import circumstances, put_section, table_of
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from etl.ingest import ingest_day
from etl.lake import Lake
from etl.registry import Store
from etl.retail.mercadolibre import MercadoLibre
from etl.retail.sandbox import running
from etl.retail.sandbox.faults import RateLimit
from etl.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
STORE = Store("M1", "S1", "", "", "US", "UTC", "USD", 9, "mercadolibre", "7")
PAGE = 50


class Marketplace:
    """A day of `orders` orders, evenly over it, behind a limit of `rate` requests a second."""

    def __init__(self, orders: int, rate: float, latency: float) -> None:
        self.orders, self.latency = orders, latency
        self.limit = RateLimit(rate)
        self.answered = self.refused = 0

    def app(self) -> Starlette:
        """What is served."""
        return Starlette(
            routes=[Route("/orders/search", self.search), Route("/{rest:path}", _nothing)]
        )

    def search(self, request: Request) -> JSONResponse:
        """One page of orders, or 429."""
        if wait := self.limit.wait("M1"):
            self.refused += 1
            return JSONResponse({"message": "slow down"}, 429, {"Retry-After": str(wait)})
        self.answered += 1
        time.sleep(self.latency)
        query = request.query_params
        edges = [datetime.fromisoformat(query[f"order.date_created.{e}"]) for e in ("from", "to")]
        first, last = ((edge - MIDNIGHT) / DAY * self.orders for edge in edges)
        first, last = max(0, math.ceil(first)), min(self.orders - 1, math.floor(last))
        start = first + int(query["offset"])
        found = range(start, min(start + PAGE, last + 1))
        paging = {"total": max(last + 1 - first, 0), "offset": start - first, "limit": PAGE}
        return JSONResponse({"results": [self._order(n) for n in found], "paging": paging})

    def _order(self, number: int) -> dict:
        created = (MIDNIGHT + DAY * number / self.orders).isoformat()
        item = {"id": f"MLA{number % 999}", "title": "A thing", "seller_sku": f"SKU-{number % 999}"}
        line = {"item": item, "quantity": 1, "unit_price": 10.25, "currency_id": "USD"}
        return {
            "id": number,
            "status": "paid",
            "date_created": created,
            "last_updated": created,
            "currency_id": "USD",
            "order_items": [line, {**line, "quantity": 2}],
            "payments": [],
            "returns": [],
            "tags": [],
        }


def _nothing(request: Request) -> JSONResponse:
    return JSONResponse({"message": "resource not found"}, 404)


def pull(url: str) -> dict[str, float]:
    """Pull the day here: seconds, CPU seconds, orders, and memory above what imports took."""
    before = _peak_megabytes()
    settings = Settings(source_url=url)
    source = MercadoLibre.open(settings, "M1", "token")
    began = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        day = ingest_day(lake, STORE, MIDNIGHT.date(), source, settings, MIDNIGHT + 9 * DAY)
    return {
        "seconds": time.perf_counter() - began[0],
        "cpu": time.process_time() - began[1],
        "orders": day.orders,
        "megabytes": _peak_megabytes() - before,
    }


def _peak_megabytes() -> float:
    """Of this process alone: ru_maxrss is inherited from the process that started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def measure(orders: int, rate: float, latency: float) -> dict[str, float]:
    """One day of so many orders, pulled by a process of its own."""
    market = Marketplace(orders, rate, latency)
    with running(market.app()) as url:
        command = [sys.executable, __file__, "--pull", url]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    took = json.loads(done.stdout)
    if took["orders"] != orders:
        raise SystemExit(f"{took['orders']} of {orders} orders were pulled")
    reached = orders / took["seconds"]
    return {
        "orders": orders,
        "requests a second": rate,
        "ms an answer": round(latency * 1000),
        "s": round(took["seconds"], 1),
        "orders a second": round(reached),
        "share of the limit": round(reached / (rate * PAGE), 3),
        "answered": market.answered,
        "refused": market.refused,
        "CPU s": round(took["cpu"], 1),
        "MB above imports": round(took["megabytes"]),
    }


def main() -> None:
    """Measure each size and limit; at full scale write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", action="store_true", help="up to 40,000 orders")
    parser.add_argument("--pull", metavar="URL", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.pull:
        print(json.dumps(pull(chosen.pull)))
        return
    sizes = (2_000, 10_000, 40_000) if chosen.scale else (2_000, 10_000)
    limits = [(10.0, 0.02), (25.0, 0.02)] if chosen.scale else [(25.0, 0.02)]
    rows = []
    for orders in sizes:
        for limit in limits:
            rows.append(measure(orders, *limit))
            print(rows[-1], flush=True)
    if chosen.scale:
        put_section(
            "ingest",
            "One store-day from a marketplace with a limit",
            "`tests/bench/bench_ingest.py --scale`: a day of one MercadoLibre seller, over HTTP, "
            "from a server that lets so many requests a second pass, a second's worth at once, and "
            "answers the others with 429. The limit in orders is 50 for each request; what a "
            "window reads twice, to be sure that its pages join up, counts against us. The aims "
            f"are 0.8 of it, and 40 MB.\n\n{circumstances()}\n\n{table_of(rows)}",
        )


if __name__ == "__main__":
    main()
