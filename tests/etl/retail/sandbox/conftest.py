"""A marketplace of two merchants, small enough to be worked out by hand, on a real port.

| order | store            | created (local)     | lines                                   |
|-------|------------------|---------------------|-----------------------------------------|
| 101   | north (São Paulo)| 2026-03-31 23:30    | A 2 × 10.00, B 1 × 5.50; one A refunded |
|       |                  |                     | on 2026-04-10                           |
| 102   | north            | 2026-04-01 09:00    | A 1 × 12.00; cancelled on 2026-04-03    |
| 103   | north            | 2026-04-02 10:00    | listing without SKU, 3 × no price       |
| R7    | north            | 2026-04-05 12:00    | A −1 × 10.00 (a return)                 |
| 201   | south (Santiago) | 2026-04-01 00:15    | C 4 × 100                               |
| 301   | other/north      | 2026-04-01 08:00    | A 7 × 1.00                              |
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from etl.retail.sandbox import Behaviour, read_history, running, sandbox_app, sandbox_tokens

NORTH, SOUTH, OTHER = 11, 12, 21


APRIL_AND_JUNE = (
    '[{"start": "2026-04-01", "end": "2026-04-02", "discount": 0.2},'
    ' {"start": "2026-06-01", "end": "2026-06-02", "discount": 0.3}]'
)
_TABLES = {
    "order_lines": """
merchant_id,store_id,order_id,line_id,product_id,listing_id,product_name,created_at,units_ordered,unit_price,currency,status
shop,north,101,1,A,L1,Apple,2026-03-31T23:30:00-03:00,2,10.0,BRL,paid
shop,north,101,2,B,L2,Bread,2026-03-31T23:30:00-03:00,1,5.5,BRL,paid
shop,north,102,1,A,L1,Apple,2026-04-01T09:00:00-03:00,1,12.0,BRL,cancelled
shop,north,103,1,L3,L3,Card,2026-04-02T10:00:00-03:00,3,,BRL,paid
shop,north,R7,1,A,L1,Apple,2026-04-05T12:00:00-03:00,-1,10.0,BRL,return
shop,south,201,1,C,L4,Cup,2026-04-01T00:15:00-03:00,4,100.0,CLP,paid
other,north,301,1,A,L9,Anvil,2026-04-01T08:00:00-06:00,7,1.0,MXN,paid
""",
    "stores": f"""
merchant_id,store_id,name,region,country,time_zone,currency,opening_hour,source,source_ref
shop,north,Shop North,Sudeste,BR,America/Sao_Paulo,BRL,9,mercadolibre,{NORTH}
shop,south,Shop South,Cono Sur,CL,America/Santiago,CLP,10,mercadolibre,{SOUTH}
other,north,Other North,México,MX,America/Mexico_City,MXN,8,mercadolibre,{OTHER}
""",
    "changes": """
merchant_id,store_id,order_id,line_id,changed_at,kind,units
shop,north,102,1,2026-04-03T15:00:00Z,cancelled,1
shop,north,101,1,2026-04-10T15:00:00Z,refunded,1
""",
    "listings": f"""
merchant_id;store_id;product_id;listing_id;name;category_id;category;currency;price;listed_on;retired_on;promotions
shop;north;A;L1;Apple;fruit;Fruit;BRL;9.0;2026-03-01;;{APRIL_AND_JUNE}
shop;north;B;L2;Bread;bakery;Bakery;BRL;5.5;2026-03-01;2026-04-04;[]
shop;north;L3;L3;Card;paper;Paper;BRL;2.0;2026-04-02;;[]
shop;south;C;L4;Cup;kitchen;Kitchen;CLP;90.0;2026-03-01;;[]
other;north;A;L9;Anvil;tools;Tools;MXN;1.0;2026-03-01;;[]
""",
    "stockouts": """
merchant_id,store_id,product_id,listing_id,date
shop,north,A,L1,2026-04-06
shop,north,A,L1,2026-04-07
""",
    "stock": """
merchant_id,store_id,listing_id,date,units_on_hand
shop,north,L1,2026-03-31,5
shop,north,L1,2026-04-05,0
shop,north,L1,2026-04-08,9
""",
}  # fmt: skip


def _frame(name: str) -> pd.DataFrame:
    separator = ";" if name == "listings" else ","
    return pd.read_csv(StringIO(_TABLES[name]), sep=separator, quoting=csv.QUOTE_NONE)


def _write(frame: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        frame.to_parquet(path, index=False)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By suffix: a folder with the orders above, and what lies beside them, in that format."""
    found = {}
    for suffix in (".csv", ".xlsx", ".parquet"):
        found[suffix] = tmp_path_factory.mktemp("orders")
        for name in _TABLES:
            _write(_frame(name), found[suffix] / f"{name}{suffix}")
    return found


@pytest.fixture
def lines_alone() -> pd.DataFrame:
    """The order lines above without anything beside them."""
    return _frame("order_lines")


@dataclass
class Caller:
    """A client with the token of one merchant, and the clock."""

    http: httpx.Client

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        return self.http.get(path, params=parameters)

    def orders(self, seller: int = NORTH, **parameters: Any) -> list[dict[str, Any]]:
        found = self.get("/orders/search", seller=seller, **parameters).json()
        return list(found["results"])

    def order(self, number: int, seller: int = NORTH) -> dict[str, Any]:
        return next(order for order in self.orders(seller) if order["id"] == number)

    def at(self, now: str) -> "Caller":
        answer = self.http.put("/sandbox/clock", json={"now": now})
        assert answer.status_code == 200
        return self


@pytest.fixture(scope="session")
def served(folders: dict[str, Path]) -> Iterator[str]:
    """The address of a sandbox over the orders above, without faults or limits."""
    app = sandbox_app(read_history(folders[".parquet"]), Behaviour(rate=0, fault_share=0))
    with running(app) as address:
        yield address


@pytest.fixture
def shop(served: str) -> Iterator[Caller]:
    """A caller with the token of the merchant `shop`, the clock after all that happens."""
    token = sandbox_tokens(["shop"])["shop"]
    with httpx.Client(base_url=served, headers={"Authorization": f"Bearer {token}"}) as client:
        yield Caller(client).at("2026-05-01T00:00:00Z")
