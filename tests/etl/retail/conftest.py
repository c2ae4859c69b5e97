"""A shop in the shape that Shopify documents for its Admin API, executed by a GraphQL engine."""

from __future__ import annotations

import base64
import copy
import json
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import graphql
import httpx
import pyarrow as pa
import pytest

from etl.registry import Store
from etl.retail.connection import Connection
from etl.retail.shopify import Shopify
from etl.retail.source import document_text
from etl.tables import ORDER_LINES

SHOPIFY_TOKEN = "shpat_secret-0002"
SHOP_URL = "https://sur.myshopify.com"

SPOILED_DOCUMENTS = 2_500 * int(os.environ.get("STORECAST_TEST_SCALE", "1"))

_SCHEMA = graphql.build_schema("""
scalar DateTime
scalar Decimal
scalar Money
enum OrderSortKeys { CREATED_AT ID ORDER_NUMBER PROCESSED_AT UPDATED_AT }
schema { query: QueryRoot }
type QueryRoot {
  shop: Shop!
  currentAppInstallation: AppInstallation!
  order(id: ID!): Order
  orders(
    first: Int, after: String, query: String, reverse: Boolean = false,
    sortKey: OrderSortKeys = PROCESSED_AT
  ): OrderConnection!
  productVariants(first: Int, after: String, query: String): ProductVariantConnection!
}
type AppInstallation { accessScopes: [AccessScope!]! }
type AccessScope { handle: String! }
type Shop {
  name: String! myshopifyDomain: String! currencyCode: String! ianaTimezone: String!
  shopAddress: ShopAddress! email: String!
}
type ShopAddress { countryCodeV2: String provinceCode: String }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type OrderConnection { nodes: [Order!]! pageInfo: PageInfo! }
type Customer { firstName: String lastName: String email: String }
type Order {
  id: ID! name: String! test: Boolean! createdAt: DateTime! processedAt: DateTime!
  updatedAt: DateTime! cancelledAt: DateTime displayFinancialStatus: String
  taxesIncluded: Boolean! customer: Customer
  lineItems(first: Int, after: String): LineItemConnection!
  refunds(first: Int): [Refund!]!
}
type Refund { id: ID! createdAt: DateTime refundLineItems(first: Int): RefundLineItemConnection! }
type RefundLineItemConnection { nodes: [RefundLineItem!]! pageInfo: PageInfo! }
type RefundLineItem { quantity: Int! lineItem: LineItem! restockType: String! }
type LineItemConnection { nodes: [LineItem!]! pageInfo: PageInfo! }
type LineItem {
  id: ID! name: String! sku: String isGiftCard: Boolean! quantity: Int! currentQuantity: Int!
  variant: ProductVariant taxLines(first: Int): [TaxLine!]!
  discountedUnitPriceAfterAllDiscountsSet: MoneyBag! originalUnitPriceSet: MoneyBag!
}
type TaxLine { title: String! rate: Float priceSet: MoneyBag! }
type MoneyBag { shopMoney: MoneyV2! presentmentMoney: MoneyV2! }
type MoneyV2 { amount: Decimal! currencyCode: String! }
type ProductVariantConnection { nodes: [ProductVariant!]! pageInfo: PageInfo! }
type ProductVariant {
  id: ID! sku: String displayName: String! price: Money! createdAt: DateTime!
  inventoryQuantity: Int inventoryItem: InventoryItem! product: Product!
}
type InventoryItem { id: ID! tracked: Boolean! }
type Product {
  id: ID! status: String! isGiftCard: Boolean! productType: String! category: TaxonomyCategory
}
type TaxonomyCategory { name: String! }
""")
_TERM = re.compile(r"(\w+):(>=|<)'([^']+)'")
_FIELDS = {"processed_at": "processedAt", "updated_at": "updatedAt", "created_at": "createdAt"}
_SORTED = {"PROCESSED_AT": "processedAt", "UPDATED_AT": "updatedAt", "CREATED_AT": "createdAt"}


@dataclass
class Shop:
    """A shop; documents are in wire shape, lines with `refunded` and `removed` units beside."""

    orders: list[dict] = field(default_factory=list)
    variants: list[dict] = field(default_factory=list)
    scopes: list[str] = field(default_factory=lambda: ["read_orders", "read_all_orders"])
    domain: str = "sur.myshopify.com"
    now: datetime = datetime(2026, 4, 10, tzinfo=UTC)
    most_objects: int = 25_000
    bucket: float = 2_000
    restore_rate: float = 100
    clock: Callable[[], float] = lambda: 0.0
    faults: dict[int, Callable[[httpx.Response], httpx.Response]] = field(default_factory=dict)
    asked: list[dict] = field(default_factory=list)
    costs: list[int] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    _filled_at: float = 0.0

    def source(self, token: str = SHOPIFY_TOKEN) -> Shopify:
        """The connector before this shop; its pauses fill the bucket."""
        connection = Connection(
            SHOP_URL,
            "M1",
            {"X-Shopify-Access-Token": token},
            sleep=self._sleep,
            client=httpx.Client(transport=httpx.MockTransport(self._transport)),
        )
        source = Shopify.over(connection, "M1")
        object.__setattr__(source, "now", lambda: self.now)
        return source

    def respond(self, token: str | None, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and JSON for a request to graphql.json."""
        if token != SHOPIFY_TOKEN:
            return 401, {"errors": "[API] Invalid API key or access token"}
        asked = json.loads(body)
        self.asked.append(asked)
        document, variables = _parsed(asked["query"]), asked.get("variables") or {}
        if isinstance(document, list):
            return 200, {"errors": [{"message": error.message} for error in document]}
        cost = _requested_cost(document.definitions[0].selection_set, variables)
        self.costs.append(cost)
        if cost > 1_000:
            return 200, _error("MAX_COST_EXCEEDED", f"Query cost is {cost}, which exceeds 1000")
        seconds = self.clock()
        filled = self.bucket + (seconds - self._filled_at) * self.restore_rate
        self.bucket, self._filled_at = min(2_000.0, filled), seconds
        if cost > self.bucket:
            return 200, _error("THROTTLED", "Throttled") | self._extensions(cost, None)
        result = graphql.execute_sync(_SCHEMA, document, self._root(), None, variables)
        if result.errors:
            return 200, {"errors": [{"message": str(error)} for error in result.errors]}
        actual = _actual_cost(result.data)
        self.bucket -= actual
        return 200, {"data": result.data} | self._extensions(cost, actual)

    def _extensions(self, requested: int, actual: int | None) -> dict[str, Any]:
        status = {
            "maximumAvailable": 2_000.0,
            "currentlyAvailable": self.bucket,
            "restoreRate": self.restore_rate,
        }
        cost = {"requestedQueryCost": requested, "actualQueryCost": actual}
        return {"extensions": {"cost": cost | {"throttleStatus": status}}}

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def _transport(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/admin/api/2026-10/graphql.json"
        status, answer = self.respond(
            request.headers.get("X-Shopify-Access-Token"), request.content
        )
        response = httpx.Response(status, json=answer)
        fault = self.faults.get(len(self.asked))
        return fault(response) if fault else response

    def _root(self) -> dict[str, Any]:
        return {
            "shop": {
                "name": "Sur",
                "myshopifyDomain": self.domain,
                "currencyCode": "ARS",
                "ianaTimezone": "America/Argentina/Buenos_Aires",
                "shopAddress": {"countryCodeV2": "AR", "provinceCode": "B"},
            },
            "currentAppInstallation": {"accessScopes": [{"handle": s} for s in self.scopes]},
            "orders": self._orders,
            "order": lambda info, id: next(
                (_order(o) for o in self._visible() if o["id"] == id), None
            ),
            "productVariants": lambda info, first, after=None, query=None: _connection(
                [((n,), v) for n, v in enumerate(self.variants)], first, after
            ),
        }

    def _visible(self) -> list[dict]:
        oldest = self.now - timedelta(days=60)
        every = "read_all_orders" in self.scopes
        return [o for o in self.orders if every or _at(o["createdAt"]) >= oldest]

    def _orders(self, info: Any, first: int, query: str, **more: Any) -> dict[str, Any]:
        found = [order for order in self._visible() if _matches(order, query)]
        key, after = _SORTED[more["sortKey"]], more.get("after")
        places = sorted((_at(order[key]).isoformat(), order["id"]) for order in found)
        by_id = {order["id"]: order for order in found}
        ordered = [(place, _order(by_id[place[1]])) for place in places[: self.most_objects]]
        return _connection(ordered, first, after)


@cache
def _parsed(query: str) -> graphql.DocumentNode | list[graphql.GraphQLError]:
    document = graphql.parse(query)
    return graphql.validate(_SCHEMA, document) or document


def _matches(order: dict, query: str) -> bool:
    for name, sign, value in _TERM.findall(query):
        instant = _at(order[_FIELDS[name]]).replace(microsecond=0)
        if instant < _at(value) if sign == ">=" else instant >= _at(value):
            return False
    return True


def _order(order: dict) -> dict[str, Any]:
    lines = [
        line | {"currentQuantity": line["quantity"] - line["refunded"] - line["removed"]}
        for line in order["lines"]
    ]
    keyed = [((n,), line) for n, line in enumerate(lines)]
    return order | {
        "lineItems": lambda info, first, after=None: _connection(keyed, first, after),
    }


def _connection(keyed: list[tuple[Any, dict]], first: int, after: str | None) -> dict[str, Any]:
    """One page behind the cursor `after`, which names a place in the order, not a number."""
    if not 1 <= first <= 250:
        raise graphql.GraphQLError("first must be 1 to 250")
    if after is not None:
        last = tuple(json.loads(base64.b64decode(after)))
        keyed = [(key, node) for key, node in keyed if key > last]
    page = keyed[:first]
    end = base64.b64encode(json.dumps(page[-1][0]).encode()).decode() if page else None
    info = {"hasNextPage": len(keyed) > first, "endCursor": end}
    return {"nodes": [node for _, node in page], "pageInfo": info}


def _requested_cost(selection: Any, variables: dict[str, Any]) -> int:
    """1 for an object, 2 and its nodes for a connection, 0 for anything else."""
    cost = 0
    for chosen in selection.selections if selection else ():
        name = chosen.name.value
        inner = _requested_cost(chosen.selection_set, variables)
        sized = [a.value for a in chosen.arguments or () if a.name.value == "first"]
        if sized:
            first = variables[sized[0].name.value]
            cost += 2 + first * inner
        elif chosen.selection_set and name != "pageInfo":
            cost += 1 + inner
    return cost


def _actual_cost(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_actual_cost, value))
    if not isinstance(value, dict):
        return 0
    return 1 + sum(_actual_cost(inner) for name, inner in value.items() if name != "pageInfo")


def _error(code: str, message: str) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture
def shop() -> Shop:
    """A shop for which time passes while its caller sleeps."""
    shop = Shop()
    shop.clock = lambda: sum(shop.slept)
    return shop


@pytest.fixture(scope="session")
def open_shop() -> Shop:
    """A shop that stays open for all tests."""
    return Shop(restore_rate=100_000, clock=time.monotonic)


@pytest.fixture(scope="session")
def shopify_token() -> str:
    return SHOPIFY_TOKEN


@pytest.fixture
def shopify_store() -> Store:
    """A store whose days begin at 03:00 UTC."""
    zone = "America/Argentina/Buenos_Aires"
    domain = "sur.myshopify.com"
    return Store("M1", "sur", "Sur", "B", "AR", zone, "ARS", 9, "shopify", domain)


def _bag(amount: str, currency: str = "ARS") -> dict[str, Any]:
    money = {"amount": amount, "currencyCode": currency}
    return {"shopMoney": money, "presentmentMoney": {"amount": "1.00", "currencyCode": "USD"}}


@pytest.fixture(scope="session")
def shopify_line() -> Callable[..., dict]:
    """Makes one line of a Shopify order; `tax` is the amount in the line's taxes."""
    count = iter(range(1, 1_000_000))

    def make(sku: str | None = "A", quantity: int = 1, price: str = "10.00", **more: Any) -> dict:
        tax = more.pop("tax", None)
        return {
            "id": f"gid://shopify/LineItem/{next(count)}",
            "name": f"Thing {sku}",
            "sku": sku,
            "isGiftCard": False,
            "quantity": quantity,
            "refunded": 0,
            "removed": 0,
            "variant": {"id": f"gid://shopify/ProductVariant/{sku}"},
            "discountedUnitPriceAfterAllDiscountsSet": _bag(price),
            "taxLines": [{"title": "IVA", "priceSet": _bag(tax)}] if tax else [],
        } | more

    return make


@pytest.fixture(scope="session")
def shopify_order(shopify_line) -> Callable[..., dict]:
    """Makes one Shopify order, with a customer who must not be asked for."""

    def make(number: int, at: str, lines: list[dict] | None = None, **more: Any) -> dict:
        return {
            "id": f"gid://shopify/Order/{number:09}",
            "name": f"#{number}",
            "test": False,
            "createdAt": at,
            "processedAt": at,
            "updatedAt": at,
            "cancelledAt": None,
            "displayFinancialStatus": "PAID",
            "taxesIncluded": False,
            "customer": {"firstName": "Juana", "lastName": "Molina", "email": "juana@example.com"},
            "lines": [shopify_line()] if lines is None else lines,
            "refunds": [],
        } | more

    return make


_SPOILED = [None, -1, 0, 2**70, 1.5, "", "x", "\ud800", "1e999", True, [], {}, [None], "9999-12-31"]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every holder and key at which something stands in a document, at any depth."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(entries):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _spoil(document: dict, chance: random.Random) -> None:
    """Takes out one field or element, or puts something else in its place."""
    holder, key = chance.choice(list(_places(document)))
    if chance.random() < 0.2:
        del holder[key]
    else:
        holder[key] = copy.copy(chance.choice(_SPOILED))


@pytest.fixture(scope="session")
def spoil() -> Callable[..., None]:
    """Brings thousands of spoiled copies of a document to the door: none crashes it."""

    def run(good: dict, seed: int, judge: Callable, drift: Callable[[Any], Any]) -> None:
        chance, text = random.Random(seed), json.dumps(good)
        accepted: list[dict] = []
        for _ in range(SPOILED_DOCUMENTS):
            document = json.loads(text)
            for _ in range(chance.randint(1, 3)):
                _spoil(document, chance)
            rows, refusals = judge(document)
            drift(document)
            assert rows or refusals
            assert all(refusal.reason.isprintable() for refusal in refusals)
            document_text(document).encode("ascii")
            accepted += rows
        assert 0.4 * SPOILED_DOCUMENTS < len(accepted) < 2 * SPOILED_DOCUMENTS
        assert pa.Table.from_pylist(accepted, ORDER_LINES.schema).num_rows == len(accepted)

    return run
