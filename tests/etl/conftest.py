"""A store, a lake, and a marketplace in MercadoLibre's shape that tests can make misbehave."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from etl.ingest import backfill
from etl.lake import Lake
from etl.registry import Store, add_store
from etl.retail.connection import Connection
from etl.retail.mercadolibre import MercadoLibre
from etl.settings import Settings

TOKEN = "APP_USR-secret-0001"
URL = "https://market.example"
LATER = datetime(2028, 1, 1, tzinfo=UTC)

Fault = Callable[[httpx.Request, httpx.Response], httpx.Response]


@pytest.fixture
def settings() -> Settings:
    return Settings(source_url=URL, source_tokens=json.dumps({"M1": TOKEN}), shard_series=2)


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def store() -> Store:
    """A store whose days begin at 03:00 UTC."""
    return Store(
        merchant_id="M1",
        store_id="S1",
        name="Centro",
        region="AMBA",
        country="AR",
        time_zone="America/Argentina/Buenos_Aires",
        currency="ARS",
        opening_hour=9,
        source="mercadolibre",
        source_ref="77",
    )


@pytest.fixture
def line():
    """Makes one line of an order document."""

    def make(sku: str | None = "A", quantity: Any = 1, price: Any = 10.0, **more: Any) -> dict:
        return {
            "item": {"id": more.pop("item", f"MLA-{sku}"), "title": "Thing", "seller_sku": sku},
            "quantity": quantity,
            "unit_price": price,
            "currency_id": "ARS",
            **more,
        }

    return make


@pytest.fixture
def order(line):
    """Makes one order document, with a buyer who must not pass the door."""

    def make(number: int, created: str, lines: Iterable[dict] | None = None, **more: Any) -> dict:
        return {
            "id": number,
            "status": "paid",
            "date_created": created,
            "last_updated": created,
            "currency_id": "ARS",
            "order_items": [line()] if lines is None else list(lines),
            "payments": [{"id": 1, "status": "approved", "payer_id": 4242}],
            "returns": [],
            "seller": {"id": 77},
            "buyer": {"id": 4242, "nickname": "JUANA"},
            "tags": [],
            **more,
        }

    return make


@pytest.fixture
def returned():
    """Makes the post-purchase return of some units of an item."""

    def make(item: str, units: int, status: str = "closed") -> dict:
        return {"status": status, "orders": [{"item_id": item, "return_quantity": units}]}

    return make


@dataclass
class Marketplace:
    """Answers searches over `orders`; `faults` spoil the answers whose numbers they carry."""

    orders: list[dict] = field(default_factory=list)
    items: list[dict] = field(default_factory=list)
    stores: list[dict] = field(default_factory=list)
    stockouts: list[dict] | None = None
    faults: dict[int, Fault] = field(default_factory=dict)
    answers: int = 0
    slept: list[float] = field(default_factory=list)
    asked: list[httpx.Request] = field(default_factory=list)

    def source(self, settings: Settings, merchant: str = "M1") -> MercadoLibre:
        client = httpx.Client(transport=httpx.MockTransport(self.answer))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        connection = Connection(
            URL,
            merchant,
            headers,
            attempts=settings.source_attempts,
            sleep=self.slept.append,
            client=client,
        )
        return MercadoLibre(connection, merchant)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.answers += 1
        self.asked.append(request)
        fault = self.faults.get(self.answers)
        response = self._truth(request)
        return fault(request, response) if fault else response

    def _truth(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return httpx.Response(401, json={"message": "invalid access token"})
        path, query = request.url.path, request.url.params
        if path == "/stores":
            return httpx.Response(200, json={"results": self.stores})
        if path == "/orders/search":
            return self._search(query)
        if path.endswith("/items/search"):
            return _page([item["id"] for item in self.items], query)
        if path == "/items":
            wanted = query["ids"].split(",")
            found = [{"code": 200, "body": i} for i in self.items if i["id"] in wanted]
            return httpx.Response(200, json=found)
        if path.endswith("/stockouts") and self.stockouts is not None:
            days = (query["from"], query["to"])
            told = [s for s in self.stockouts if days[0] <= s["date"] <= days[1]]
            return httpx.Response(200, json={"results": told})
        return httpx.Response(404, json={"message": "resource not found"})

    def _search(self, query: httpx.QueryParams) -> httpx.Response:
        found = self.orders
        for instant in ("date_created", "last_updated"):
            name = f"order.date_{instant.removeprefix('date_')}"
            if f"{name}.from" in query:
                edges = [datetime.fromisoformat(query[f"{name}.{edge}"]) for edge in ("from", "to")]
                found = [o for o in found if edges[0] <= _instant(o, instant) <= edges[1]]
        return _page(sorted(found, key=lambda o: (_created(o), str(o.get("id")))), query)


def _created(document: dict) -> datetime:
    return _instant(document, "date_created")


def _instant(document: dict, field: str) -> datetime:
    try:
        return datetime.fromisoformat(document[field])
    except (KeyError, TypeError, ValueError):
        return datetime(2026, 3, 1, 12, tzinfo=UTC)


def _page(found: list, query: httpx.QueryParams) -> httpx.Response:
    offset, limit = int(query.get("offset", 0)), int(query.get("limit", 50))
    if limit > 50 or offset + limit > 10_000:
        return httpx.Response(400, json={"message": "limit or offset is out of range"})
    paging = {"total": len(found), "offset": offset, "limit": limit}
    results = found[offset : offset + limit]
    return httpx.Response(200, json={"results": results, "paging": paging})


@pytest.fixture
def marketplace() -> Marketplace:
    return Marketplace()


@pytest.fixture
def pull(lake, store, settings, marketplace):
    """Pulls days of the store from the marketplace and registers it."""

    def run(start: str, end: str | None = None, pulled_at: datetime = LATER) -> list:
        add_store(lake, store)
        first, last = date.fromisoformat(start), date.fromisoformat(end or start)
        source = marketplace.source(settings)
        return backfill(lake, store, first, last, source, settings, pulled_at)

    return run


@pytest.fixture
def files(lake):
    """Name and bytes of every file of the lake."""

    def read() -> dict[str, bytes]:
        return {path: lake.read_bytes(path) for path in lake.paths("")}

    return read


@pytest.fixture
def every_hour(order):
    """Orders of one line each, from an instant on, an hour (or less) apart."""

    def make(start: str, count: int, minutes: float = 60) -> list[dict]:
        first = datetime.fromisoformat(start)
        return [
            order(n + 1, (first + timedelta(minutes=minutes * n)).isoformat()) for n in range(count)
        ]

    return make
