"""One shop, told three ways: each marketplace holds the same orders, worked out by hand.

| order     | store | placed (UTC)     | lines            | what became of it                    |
|-----------|-------|------------------|------------------|--------------------------------------|
| edge      | sur   | 2026-03-01 03:00 | LAMP 2, VASE 1   |                                      |
| refunded  | sur   | 2026-03-05 15:00 | LAMP 3           | 1 refunded, on 2026-04-05            |
| removed   | sur   | 2026-03-06 15:00 | LAMP 3           | 2 taken out again before it was sent |
| cancelled | sur   | 2026-03-07 15:00 | VASE 4           | cancelled                            |
| unpaid    | sur   | 2026-03-08 15:00 | VASE 9           | never paid                           |
| minutes   | sur   | 2026-03-10 12:00 | VASE 1           | and 60 more, a minute apart          |
| at once   | sur   | 2026-03-11 12:00 | VASE 1           | and 4 more at the same instant       |
| next      | sur   | 2026-04-01 03:00 | LAMP 7           |                                      |
| other     | norte | 2026-03-09 12:00 | LAMP 5           |                                      |

March, in Buenos Aires, sells 5 LAMP at 12.50 and 67 VASE at 8.00 without the tax of 20 % that two
of the marketplaces put into their prices.
"""

from __future__ import annotations

import http.server
import itertools
import json
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from etl.registry import Store
from etl.retail.connection import Connection
from etl.retail.mercadolibre import MercadoLibre
from etl.retail.sandbox import Behaviour, read_history, running, sandbox_app, sandbox_tokens
from etl.retail.shopify import Shopify
from etl.retail.source import RetailSource
from etl.retail.vendure import Vendure

ZONE = "America/Argentina/Buenos_Aires"
PROJECT = Path(__file__).parents[4]
PRODUCTS = {
    "LAMP": {"name": "Lamp", "net": Decimal("12.50"), "gross_cents": 1500, "stock": 500},
    "VASE": {"name": "Vase", "net": Decimal("8.00"), "gross_cents": 960, "stock": 500},
}


def _order(at: str, lines: dict[str, int], **more: Any) -> dict[str, Any]:
    return {"at": f"2026-{at}:00Z", "lines": list(lines.items())} | more


ORDERS = [
    _order("03-01T03:00", {"LAMP": 2, "VASE": 1}, cart="2026-02-27T09:00:00Z"),
    _order("03-05T15:00", {"LAMP": 3}, refunded={"LAMP": 1}, changed="2026-04-05T12:00:00Z"),
    _order("03-06T15:00", {"LAMP": 3}, removed={"LAMP": 2}, changed="2026-03-06T18:00:00Z"),
    _order("03-07T15:00", {"VASE": 4}, cancelled=True, changed="2026-03-08T15:00:00Z"),
    _order("03-08T15:00", {"VASE": 9}, unpaid=True),
    _order("03-10T12:00", {"VASE": 1}, copies=60, apart_seconds=60),
    _order("03-11T12:00", {"VASE": 1}, copies=4, apart_seconds=0),
    _order("04-01T03:00", {"LAMP": 7}),
    _order("03-09T12:00", {"LAMP": 5}, store="norte"),
]
CUSTOMER = {
    "firstName": "Juana",
    "lastName": "Molina",
    "emailAddress": "juana@example.com",
    "street": "Calle Falsa 123",
}


@dataclass(frozen=True)
class Market:
    """One marketplace: its connector behind an address, and the store that the tests look at."""

    name: str
    url: str
    store: Store
    token: str
    connect: Callable[[Connection], RetailSource]
    header: Callable[[str], dict[str, str]]

    def source(self, url: str = "", token: str = "") -> RetailSource:
        """The connector, at the address of a proxy or with another token where they are given."""
        headers = self.header(token or self.token)
        return self.connect(
            Connection(url or self.url, "M1", headers, sleep=lambda _: time.sleep(0.001))
        )


def _instants(order: dict[str, Any]) -> list[datetime]:
    first = datetime.fromisoformat(order["at"])
    apart = timedelta(seconds=order.get("apart_seconds", 0))
    return [first + apart * n for n in range(order.get("copies", 0) + 1)]


def _store(source: str, source_ref: str) -> Store:
    return Store("M1", "sur", "Sur", "", "AR", ZONE, "ARS", 9, source, source_ref)


# MercadoLibre: the sandbox, from files


def _order_rows() -> tuple[list[dict], list[dict]]:
    """Rows of order_lines and of changes. The sandbox knows no order that waits for payment."""
    rows, changes, count = [], [], itertools.count(1)
    for order in ORDERS:
        for at in _instants(order) if "unpaid" not in order else ():
            number = next(count)
            names = {"merchant_id": "M1", "store_id": order.get("store", "sur"), "order_id": number}
            for line_id, (sku, units) in enumerate(order["lines"], start=1):
                rows.append(
                    names
                    | {
                        "line_id": line_id,
                        "product_id": sku,
                        "listing_id": f"MLA-{names['store_id']}-{sku}",
                        "product_name": PRODUCTS[sku]["name"],
                        "created_at": at.isoformat(),
                        "units_ordered": units,
                        "unit_price": float(PRODUCTS[sku]["net"]),
                        "currency": "ARS",
                        "status": "cancelled" if order.get("cancelled") else "paid",
                    }
                )
                back = (order.get("refunded") or order.get("removed") or {}).get(sku, 0)
                if back or order.get("cancelled"):
                    kind = "cancelled" if order.get("cancelled") else "refunded"
                    change = {"line_id": line_id, "changed_at": order["changed"], "kind": kind}
                    changes.append(names | change | {"units": back or units})
    return rows, changes


@contextmanager
def _mercadolibre(folder: Path) -> Iterator[Market]:
    rows, changes = _order_rows()
    stores = [
        {
            "merchant_id": "M1",
            "store_id": name,
            "name": name,
            "region": "",
            "country": "AR",
            "time_zone": ZONE,
            "currency": "ARS",
            "opening_hour": 9,
            "source": "mercadolibre",
            "source_ref": seller,
        }
        for name, seller in (("sur", 11), ("norte", 12))
    ]
    listings = [
        {
            "merchant_id": "M1",
            "store_id": "sur",
            "product_id": sku,
            "listing_id": f"MLA-sur-{sku}",
            "name": product["name"],
            "category_id": "C1",
            "category": "Home",
            "currency": "ARS",
            "price": float(product["net"]),
            "listed_on": "2026-02-01",
            "retired_on": None,
            "promotions": "[]",
        }
        for sku, product in PRODUCTS.items()
    ]
    tables = {"order_lines": rows, "changes": changes, "stores": stores, "listings": listings}
    for name, table in tables.items():
        pd.DataFrame(table).to_parquet(folder / f"{name}.parquet", index=False)
    behaviour = Behaviour(now="2026-04-10T00:00:00Z", rate=0, fault_share=0.0)
    with running(sandbox_app(read_history(folder), behaviour)) as url:
        token = sandbox_tokens(["M1"], behaviour.seed)["M1"]
        store = _store("mercadolibre", "11")
        connect = partial(MercadoLibre, merchant_id="M1")
        yield Market("mercadolibre", url, store, token, connect, _bearer)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# Shopify: the shop of tests/etl/retail/conftest.py, behind a port


@contextmanager
def _shopify(shop: Any, token: str, make: Any, line: Any) -> Iterator[Market]:
    shop.orders = _shopify_orders(make, line)
    shop.variants = [
        {
            "id": f"gid://shopify/ProductVariant/{number}",
            "sku": sku,
            "displayName": product["name"],
            "price": str(product["net"]),
            "createdAt": "2026-02-01T12:00:00Z",
            "inventoryQuantity": product["stock"],
            "inventoryItem": {"tracked": True},
            "product": {"status": "ACTIVE", "isGiftCard": False, "productType": "Home"},
        }
        for number, (sku, product) in enumerate(PRODUCTS.items(), start=1)
    ]

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = shop.respond(self.headers.get("X-Shopify-Access-Token"), body)
            _send(self, status, json.dumps(answer).encode())

        def log_message(self, *_: Any) -> None:
            """Nothing: the tests say what went wrong."""

    with _serving(Handler) as url:
        store = _store("shopify", shop.domain)
        connect = partial(Shopify.over, merchant_id="M1")
        yield Market("shopify", url, store, token, connect, _shopify_header)


def _shopify_orders(make: Any, line: Any) -> list[dict]:
    orders, count = [], itertools.count(1)
    for order in ORDERS:
        for at in _instants(order) if order.get("store") is None else ():
            lines = [_shopify_line(line, order, sku, units) for sku, units in order["lines"]]
            orders.append(
                make(
                    next(count),
                    at.isoformat(),
                    lines,
                    taxesIncluded=True,
                    updatedAt=order.get("changed", at.isoformat()),
                    cancelledAt=order["changed"] if order.get("cancelled") else None,
                    displayFinancialStatus="PENDING" if order.get("unpaid") else "PAID",
                )
            )
    return orders


def _shopify_line(line: Any, order: dict, sku: str, units: int) -> dict:
    gross = Decimal(PRODUCTS[sku]["gross_cents"]) / 100
    return line(
        sku,
        units,
        str(gross),
        tax=str((gross - PRODUCTS[sku]["net"]) * units),
        refunded=order.get("refunded", {}).get(sku, 0),
        removed=order.get("removed", {}).get(sku, 0),
    )


def _shopify_header(token: str) -> dict[str, str]:
    return {"X-Shopify-Access-Token": token}


# Vendure: a real one


@pytest.fixture(scope="session")
def vendure(tmp_path_factory) -> Iterator[dict[str, Any]]:
    """What `vendure_shop.cjs` prints when its shop is open: port, keys, tokens of channels."""
    for command in ("node", "npm"):
        if shutil.which(command) is None:
            pytest.skip(f"needs {command}, which runs a real Vendure shop")
    scenario = tmp_path_factory.mktemp("vendure") / "scenario.json"
    told = {"currency": "ARS", "time_zone": ZONE, "tax_percent": 20, "stores": ["sur", "norte"]}
    orders = [{"store": "sur"} | order for order in ORDERS]
    told |= {"products": PRODUCTS, "orders": orders, "customer": CUSTOMER}
    scenario.write_text(json.dumps(told, default=str))
    script = Path(__file__).with_name("vendure_shop.cjs")
    command = ["node", str(script), str(_vendure_folder()), str(scenario)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            opened = next((line for line in process.stdout if line.startswith("{")), "")
            assert opened, "the Vendure shop did not open; it says why above"
            yield json.loads(opened)
        finally:
            process.terminate()


def _vendure_folder() -> Path:
    """Where Vendure is installed; once for this checkout, as `.ci/install` does it."""
    folder, wanted = PROJECT / ".tools" / "vendure", Path(__file__).with_name("package.json")
    installed = folder / "installed.json"
    if not installed.exists() or installed.read_bytes() != wanted.read_bytes():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(wanted, folder / "package.json")
        flags = ["--no-audit", "--no-fund", "--no-package-lock", "--prefix", str(folder)]
        subprocess.run(["npm", "install", *flags], check=True, capture_output=True, timeout=400)
        shutil.copy(wanted, installed)
    return folder


def _vendure_market(told: dict[str, Any]) -> Market:
    return Market(
        "vendure",
        f"http://127.0.0.1:{told['port']}",
        _store("vendure", told["stores"]["sur"]),
        told["keys"]["sur"],
        partial(Vendure.over, merchant_id="M1"),
        _vendure_header,
    )


def _vendure_header(token: str) -> dict[str, str]:
    return {"vendure-api-key": token}


@pytest.fixture(scope="session", params=["mercadolibre", "shopify", "vendure"])
def market(request, tmp_path_factory) -> Iterator[Market]:
    """Each marketplace in turn."""
    if request.param == "mercadolibre":
        with _mercadolibre(tmp_path_factory.mktemp("sandbox")) as opened:
            yield opened
    elif request.param == "shopify":
        shop, token, make, line = map(
            request.getfixturevalue,
            ("open_shop", "shopify_token", "shopify_order", "shopify_line"),
        )
        with _shopify(shop, token, make, line) as opened:
            yield opened
    else:
        yield _vendure_market(request.getfixturevalue("vendure"))


# The way to a marketplace, which fails


@dataclass
class Proxy:
    """Passes requests on to a marketplace, and spoils the answers as `plan` says, one by one."""

    url: str = ""
    plan: Iterator[str | None] = field(default_factory=lambda: itertools.repeat(None))
    spoiled: int = 0


@pytest.fixture
def proxy(market) -> Iterator[Proxy]:
    proxy = Proxy()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass_on(b"")

        def do_POST(self) -> None:
            self._pass_on(self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *_: Any) -> None:
            """Nothing: the tests say what went wrong."""

        def _pass_on(self, body: bytes) -> None:
            fault = next(proxy.plan)
            headers = {n: v for n, v in self.headers.items() if n.lower() not in _OF_ONE_WAY}
            address = market.url + self.path
            answer = onward.request(self.command, address, headers=headers, content=body)
            if fault is None:
                _send(self, answer.status_code, answer.content)
            else:
                proxy.spoiled += 1
                _FAULTS[fault](self, answer)

    with httpx.Client(timeout=60) as onward, _serving(Handler) as proxy.url:
        yield proxy


_OF_ONE_WAY = frozenset({"host", "content-length", "connection", "accept-encoding"})
Handler = http.server.BaseHTTPRequestHandler


def _send(handler: Handler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def _reset(handler: Handler, answer: httpx.Response) -> None:
    """Close the connection so that the other side reads a reset."""
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.close_connection = True


def _truncate(handler: Handler, answer: httpx.Response) -> None:
    """Promise the whole body and send half of it."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(answer.content)))
    handler.end_headers()
    handler.wfile.write(answer.content[: len(answer.content) // 2])
    handler.close_connection = True


def _drip(handler: Handler, answer: httpx.Response) -> None:
    """Send the body in small pieces with pauses."""
    body = answer.content
    handler.send_response(answer.status_code)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    step = len(body) // 5 + 1
    for start in range(0, len(body), step):
        handler.wfile.write(body[start : start + step])
        handler.wfile.flush()
        time.sleep(0.005)


_FAULTS: dict[str, Callable[[Handler, httpx.Response], None]] = {
    "429": lambda handler, _: _send(handler, 429, b"{}", Retry_After="0"),
    "500": lambda handler, _: _send(handler, 500, b"{}"),
    "503": lambda handler, _: _send(handler, 503, b"<html>unavailable</html>"),
    "reset": _reset,
    "truncated": _truncate,
    "slow": _drip,
}


@contextmanager
def _serving(handler: type[Handler]) -> Iterator[str]:
    """The address of a server on a free port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def march() -> tuple[datetime, datetime]:
    """March in Buenos Aires."""
    return datetime(2026, 3, 1, 3, tzinfo=UTC), datetime(2026, 4, 1, 3, tzinfo=UTC)


@pytest.fixture(scope="session")
def documents(market, march) -> list[dict]:
    """What the marketplace shows of March, pulled once for the tests that only look at it."""
    return list(market.source().orders(market.store, *march))


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch) -> None:
    """Vendure's pages hold 20 orders, so that March has several; a real one is slow with more."""
    monkeypatch.setattr("etl.retail.vendure._PAGE", 20)
