"""Refreshes of daily forecasts through real API processes and workers, timed from the request.

    python tests/bench/bench_refresh.py            a store of 60 products, a year of days
    python tests/bench/bench_refresh.py --scale    a store of 500 products, two years of days

Measured: one product, from the request to its new document; a store, its first results, its end
and the memory of its worker's processes; 200 people who ask for one store at once through two API
processes; four small stores that are asked for while a large one is made; and a store whose worker
and API are killed while it is made. What was trained is counted where models are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pandas as pd
import psutil
from page import circumstances, put_section, table_of

from api.store import open_store
from api.store.documents import ForecastDocument, StoreDocument
from api.tokens import issue_token
from etl.ingest import backfill
from etl.lake import Lake
from etl.registry import add_store, read_stores
from etl.retail.sandbox import Behaviour, read_history, running, sandbox_app, sandbox_tokens
from etl.retail.source import open_merchant, open_source
from etl.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
LAST = date(2026, 11, 4)
NOW = "2026-11-05T08:00:00Z"
SMALL = {"M2/A": 5, "M3/A": 5, "M4/A": 5, "M4/B": 5}
ABOUT = (
    "`python -m api serve` with one refresh worker each, on SQLite and a lake in a folder, the "
    "default daily engine; the last day is pulled by the first refresh of a store."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", action="store_true")
    options = parser.parse_args()
    products, days, ones = (500, 730, 40) if options.scale else (60, 365, 8)
    folder = Path(tempfile.mkdtemp(prefix="storecast-bench-"))
    try:
        measured = circumstances()
        stores = {"M1/BIG": products, "M1/ONE": ones, **SMALL}
        write_orders(folder / "orders", stores, days)
        behaviour = Behaviour(now=NOW, rate=0, fault_share=0.0)
        with running(sandbox_app(read_history(folder / "orders"), behaviour)) as url:
            house = House(folder, url, behaviour.seed, stores)
            house.pull(LAST - timedelta(days=days - 1))
            rows = []
            for measure, size in (
                (one_product, ones),
                (whole_store, products),
                (many_at_once, products),
                (small_beside_large, products),
                (killed, products),
            ):
                rows.append(measure(house, size))
                print(table_of(rows[-1:]), flush=True)
        text = f"{ABOUT}\n\n{measured}\n\n" + "\n\n".join(table_of([row]) for row in rows)
        if options.scale:
            put_section("refresh", "Fresh days when asked", text)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_orders(folder: Path, stores: dict[str, int], days: int) -> None:
    """Daily orders of ten lines each: products with a weekly shape, some busy and some rare."""
    chooser, rows = random.Random(3), []
    for name, products in stores.items():
        merchant, store = name.split("/")
        rates = {f"P{n:04d}": chooser.choice((0.1, 0.4, 1.5, 5.0)) for n in range(products)}
        for offset in range(days):
            day = LAST - timedelta(days=days - 1 - offset)
            weekly = 1.0 + 0.5 * (day.weekday() >= 4)
            sold = {p: poisson(chooser, rate * weekly) for p, rate in rates.items()}
            for line, (product, units) in enumerate((p, u) for p, u in sold.items() if u):
                rows.append(
                    {
                        "merchant_id": merchant,
                        "store_id": store,
                        "order_id": int(f"{len(stores)}{offset:05d}{line // 10:04d}"),
                        "line_id": line % 10,
                        "product_id": product,
                        "created_at": f"{day}T12:{line // 10 % 60:02d}:00",
                        "units_ordered": units,
                        "unit_price": 10.0,
                        "currency": "ARS",
                    }
                )
    folder.mkdir()
    pd.DataFrame(rows).to_parquet(folder / "order_lines.parquet")
    shops = [dict(zip(("merchant_id", "store_id"), n.split("/"), strict=True)) for n in stores]
    common = {"region": "R", "country": "AR", "currency": "ARS", "opening_hour": 9}
    zone = "America/Argentina/Buenos_Aires"
    pd.DataFrame(
        [
            {**shop, **common, "name": shop["store_id"], "time_zone": zone, "source_ref": f"{n}"}
            for n, shop in enumerate(shops, 100)
        ]
    ).to_parquet(folder / "stores.parquet")


def poisson(chooser: random.Random, mean: float) -> int:
    threshold, count, product = 2.718281828**-mean, 0, chooser.random()
    while product > threshold:
        count += 1
        product *= chooser.random()
    return count


class House:
    """A lake of pulled stores; each measurement gets a fresh copy of it, and an empty store."""

    def __init__(self, folder: Path, url: str, seed: int, stores: dict[str, int]) -> None:
        self.folder, self.url, self.stores = folder, url, stores
        self.tokens = json.dumps(sandbox_tokens(["M1", "M2", "M3", "M4"], seed))
        self.lake = Lake(folder / "lake")

    def pull(self, first: date) -> None:
        """All days but the last."""
        settings = Settings(source_url=self.url, source_tokens=self.tokens)
        for merchant in ("M1", "M2", "M3", "M4"):
            for store in open_merchant(settings, "mercadolibre", merchant).stores():
                add_store(self.lake, store)
        at = datetime(2026, 11, 4, 12, tzinfo=UTC)
        for store in read_stores(self.lake):
            source = open_source(settings, store)
            backfill(self.lake, store, first, LAST - timedelta(days=1), source, settings, at)

    @contextmanager
    def served(self, apis: int = 1):
        """A copy of the house behind so many API processes: addresses, client by merchant."""
        with kept_folder() as place, ExitStack() as stack:
            shutil.copytree(self.lake.url, f"{place}/lake")
            url = f"sqlite:///{place}/store.sqlite"
            self.store = store = open_store(url)
            edition = store.begin("2026-10.1", "bench")
            shown = [
                StoreDocument(
                    s.merchant_id,
                    s.store_id,
                    "R",
                    json.dumps({"store_id": s.store_id, "time_zone": s.time_zone}).encode(),
                )
                for s in read_stores(self.lake)
            ]
            store.put_stores(edition.load, shown)
            store.put_forecasts(
                edition.load,
                [
                    ForecastDocument(
                        *(name.split("/")),
                        f"P{number:04d}",
                        "c",
                        "high",
                        *[0.0] * 5,
                        "",
                        *[b"{}"] * 3,
                    )
                    for name, count in self.stores.items()
                    for number in range(count)
                ],
            )
            store.publish(edition.load, {}, "2026-11-03T06:00:00+00:00")
            environment = {
                "STORECAST_LAKE_URL": f"{place}/lake",
                "STORECAST_STORE_URL": url,
                "STORECAST_SOURCE_URL": self.url,
                "STORECAST_SOURCE_TOKENS": self.tokens,
                "STORECAST_NOW": NOW,
                "STORECAST_REQUEST_LOG": f"{place}/requests.jsonl",
                "STORECAST_REQUESTS_PER_SECOND": "100000",
                "STORECAST_REQUEST_BURST": "100000",
                "STORECAST_REFRESHES_PER_HOUR": "100000",
            }
            self.servers = [stack.enter_context(api_process(environment)) for _ in range(apis)]
            self.addresses = [address for address, _ in self.servers]
            now = datetime.now(UTC)
            self.clients = {
                merchant: stack.enter_context(
                    httpx.Client(
                        headers={
                            "authorization": "Bearer "
                            + issue_token(store, "merchant", merchant, [], now, None)
                        },
                        timeout=600,
                        limits=httpx.Limits(max_connections=250, max_keepalive_connections=0),
                    )
                )
                for merchant in ("M1", "M2", "M3", "M4")
            }
            self._until_idle()
            yield self
            store.close()

    def _until_idle(self) -> None:
        """The workers have started, loaded the engine, and look for work."""
        used = -1.0
        while used < 1.0 or self.worker_cpu() - used > 0.2:
            used = self.worker_cpu()
            time.sleep(3)

    def worker_cpu(self) -> float:
        """CPU seconds of the workers and of what they have started and seen end."""
        workers = [w for _, api in self.servers for w in psutil.Process(api.pid).children()]
        return sum(sum(worker.cpu_times()[:4]) for worker in workers)

    def ask(self, merchant: str, store: str, api: int = 0, **body) -> dict:
        path = f"{self.addresses[api]}/v1/stores/{store}/refresh"
        answer = self.clients[merchant].post(path, json=body or None)
        answer.raise_for_status()
        return answer.json()

    def state(self, merchant: str, refresh_id: str, api: int = 0) -> dict:
        return self.clients[merchant].get(f"{self.addresses[api]}/v1/refreshes/{refresh_id}").json()

    def until_ended(self, merchant: str, refresh_id: str, api: int = 0) -> dict:
        while (told := self.state(merchant, refresh_id, api))["state"] not in ("done", "failed"):
            time.sleep(0.1)
        assert told["state"] == "done", told
        return told

    def until_listed(self, merchant: str, store: str, since: float) -> float:
        """Seconds until the store's page shows a product."""
        path = f"{self.addresses[0]}/v1/stores/{store}/daily?limit=1"
        while not self.clients[merchant].get(path).json()["products"]:
            time.sleep(0.05)
        return time.monotonic() - since


@contextmanager
def kept_folder():
    """A folder that goes afterwards, though a killed worker's children may still write there."""
    place = tempfile.mkdtemp(prefix="storecast-bench-")
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def api_process(environment: dict[str, str]):
    """`python -m api serve` with one worker: its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "api", "serve", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        while process.poll() is None:
            try:
                if httpx.get(f"{address}/healthz").status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield address, process
    finally:
        process.terminate()
        process.wait(60)


def one_product(house: House, ones: int) -> dict:
    """Products of a store whose data is current, one after the other."""
    with house.served() as served:
        served.until_ended("M1", served.ask("M1", "ONE", products=["P0000"])["id"])
        seconds, cpu = [], served.worker_cpu()
        for number in range(1, ones):
            product, began = f"P{number:04d}", time.monotonic()
            served.ask("M1", "ONE", products=[product])
            path = f"{served.addresses[0]}/v1/stores/ONE/products/{product}/daily"
            while served.clients["M1"].get(path).status_code != 200:
                time.sleep(0.02)
            seconds.append(time.monotonic() - began)
        cpu = served.worker_cpu() - cpu
    ordered = sorted(seconds)
    return {
        "one product, data current": len(seconds),
        "p50_s": round(statistics.median(ordered), 2),
        "p95_s": round(ordered[max(0, round(0.95 * len(ordered)) - 1)], 2),
        "max_s": round(ordered[-1], 2),
        "worker_cpu_s_each": round(cpu / len(seconds), 2),
    }


def whole_store(house: House, products: int) -> dict:
    """One store from nothing: its first results, its end, and memory on the way."""
    with house.served() as served, peak_memory(served.servers[0][1]) as peak:
        cpu, began = served.worker_cpu(), time.monotonic()
        refresh_id = served.ask("M1", "BIG")["id"]
        first = served.until_listed("M1", "BIG", began)
        told = served.until_ended("M1", refresh_id)
        seconds, cpu = time.monotonic() - began, served.worker_cpu() - cpu
        asked = time.monotonic()
        again = served.ask("M1", "BIG")
        present = time.monotonic() - asked
    assert again["outcome"] == "present"
    return {
        "store of products": products,
        "trained": told["trained"],
        "first_s": round(first, 1),
        "all_s": round(seconds, 1),
        "worker_cpu_s": round(cpu, 1),
        "worker_peak_mb": round(max(peak) / 1e6),
        "asked_again_ms": round(present * 1000),
        "then": again["outcome"],
    }


@contextmanager
def peak_memory(server: subprocess.Popen):
    """Bytes of the worker and its processes together, four times a second."""
    sizes, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.25):
            total = 0
            for process in psutil.Process(server.pid).children(recursive=True):
                try:
                    total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            sizes.append(total)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield sizes
    finally:
        ended.set()
        thread.join()


def many_at_once(house: House, products: int) -> dict:
    """200 requests for one store through two API processes, each with a worker."""
    with house.served(apis=2) as served:
        with ThreadPoolExecutor(200) as people:
            began = time.monotonic()
            answers = list(people.map(lambda n: served.ask("M1", "BIG", api=n % 2), range(200)))
            answered = time.monotonic() - began
        ids = {answer["id"] for answer in answers}
        (refresh_id,) = ids
        told = served.until_ended("M1", refresh_id)
        rows = served.store.refreshes.latest("M1", "BIG")
    outcomes = Counter(answer["outcome"] for answer in answers)
    return {
        "asked at once": len(answers),
        "refreshes": len(rows),
        "started": outcomes["started"],
        "joined": outcomes["joined"],
        "answered_s": round(answered, 1),
        "products": products,
        "trained": told["trained"],
    }


def small_beside_large(house: House, products: int) -> dict:
    """Four small stores of three merchants, asked for two seconds after a large one."""
    with house.served() as served:
        large = served.ask("M1", "BIG")["id"]
        time.sleep(2)
        began = time.monotonic()
        asked = {
            (merchant, store): served.ask(merchant, store)["id"]
            for merchant, store in (name.split("/") for name in SMALL)
        }
        waits = []
        while asked:
            for (merchant, store), refresh_id in list(asked.items()):
                if served.state(merchant, refresh_id)["state"] == "done":
                    waits.append(time.monotonic() - began)
                    del asked[merchant, store]
            time.sleep(0.1)
        left = served.state("M1", large)
        told = served.until_ended("M1", large)
        seconds = time.monotonic() - began
    return {
        "small stores beside a large one": len(SMALL),
        "first_done_s": round(min(waits), 1),
        "last_done_s": round(max(waits), 1),
        "large_then_at": f"{left['done']} of {products}",
        "large_done_s": round(seconds, 1),
        "large_trained": told["trained"],
    }


def killed(house: House, products: int) -> dict:
    """Of two APIs with a worker each: kill -9 of the worker at work, then of the next one and its
    API."""
    with house.served(apis=2) as served:
        refresh_id = served.ask("M1", "BIG")["id"]
        queue, made = served.store.refreshes, []
        for loss in (0, 1):
            while True:
                row = queue.get(refresh_id)
                if row.holder and row.losses == loss and row.done > products * (1 + loss) / 5:
                    break
                time.sleep(0.05)
            made.append(row.done)
            pid = int(row.holder.split("/")[1])
            if loss:
                for place, (_, api) in enumerate(served.servers):
                    if pid in [one.pid for one in psutil.Process(api.pid).children()]:
                        api.kill()
                        alive = 1 - place
            os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        told = served.until_ended("M1", refresh_id, api=alive)
        row = queue.get(refresh_id)
        count = len(served.store.daily.stamps("M1", "BIG"))
    return {
        "killed at": " and ".join(map(str, made)),
        "losses": row.losses,
        "ended": told["state"],
        "products": products,
        "documents": count,
        "trained": told["trained"],
        "ended_after_s": round(time.monotonic() - began, 1),
    }


if __name__ == "__main__":
    main()
