"""No customer's data reaches the lake, whatever a marketplace sends with an order."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from etl.retail import shopify_queries, vendure_queries
from etl.retail.mercadolibre_documents import PERSONAL

SECRETS = ("JUANA", "Juana", "Molina", "juana@example.com", "Falsa 123", "4242", "11-5555-0101")
PERSON = {"id": 4242, "nickname": "JUANA", "first_name": "Juana", "last_name": "Molina"}
WHERE = {"address_line": "Calle Falsa 123", "comment": "ring at Molina's"}


@pytest.fixture
def telling(order, line):
    """An order in which every field that MercadoLibre documents about a customer is filled."""
    return order(
        9,
        "2026-03-02T12:00:00.000-03:00",
        [line(), line("B", price=None)],
        buyer={**PERSON, "email": "juana@example.com", "phone": {"number": "11-5555-0101"}},
        shipping={"id": 5, "receiver_address": WHERE},
        billing_info={"doc_number": "4242"},
        comment="for Juana",
        feedback={"buyer": {"message": "Juana says thanks"}},
        context={"device": "Juana's phone"},
        payments=[
            {
                "id": 1,
                "status": "approved",
                "payer": PERSON,
                "payer_id": 4242,
                "card": {"cardholder": {"name": "Juana Molina"}},
            }
        ],
        returns=[
            {
                "claim_id": 3,
                "status": "closed",
                "orders": [],
                "shipments": [{"destination": {"name": "Juana", "shipping_address": WHERE}}],
            }
        ],
    )


def test_nothing_of_the_customer_is_in_any_file_of_the_lake(pull, marketplace, telling, files):
    marketplace.orders = [telling]
    (day,) = pull("2026-03-02")
    assert (day.orders, day.lines, set(day.files)) == (1, 1, {"orders", "lines", "quarantine"})
    contents = files()
    orders = [path for path in contents if path.endswith(".jsonl.gz")]
    contents |= {path: gzip.decompress(contents[path]) for path in orders}
    contents |= {path: quarantined(content) for path, content in contents.items() if "quar" in path}
    for path, content in contents.items():
        for secret in SECRETS:
            assert secret.encode() not in content, path
    (document,) = map(json.loads, contents[orders[0]].splitlines())
    assert not names_in(document) & PERSONAL
    assert {"id", "order_items", "payments", "returns"} <= set(document)


def quarantined(content):
    import io

    import pyarrow.parquet as pq

    rows = pq.read_table(io.BytesIO(content)).to_pylist()
    assert rows
    return json.dumps(rows, default=str).encode()


def names_in(document):
    """Every field's name, at any depth."""
    if isinstance(document, dict):
        return set(document) | {name for part in document.values() for name in names_in(part)}
    if isinstance(document, list):
        return {name for part in document for name in names_in(part)}
    return set()


@pytest.mark.parametrize("queries", [shopify_queries, vendure_queries])
def test_no_query_asks_for_a_customer(queries):
    asked = {
        word.lower()
        for name in queries.__all__
        for word in re.findall(r"\w+", str(getattr(queries, name)))
    }
    personal = {"customer", "customers", "billingaddress", "shippingaddress", "email", "phone"}
    personal |= {"firstname", "lastname", "displayaddress", "note", "clientip", "emailaddress"}
    assert {"orders", "lineitems"} & asked or {"orders", "lines"} <= asked
    assert asked & personal == set()
