"""One store-day takes at most 40 MB above what the imports take, whatever its size."""

import json
import subprocess
import sys

import pytest

_INGEST = """
import json, sys, tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
import httpx
from etl.ingest import ingest_day
from etl.lake import Lake
from etl.registry import Store
from etl.retail.connection import Connection
from etl.retail.mercadolibre import MercadoLibre
from etl.settings import Settings

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)


def document(number, count):
    created = (MIDNIGHT + timedelta(days=1) * number / count).isoformat()
    lines = [
        {
            "item": {"id": f"MLA{number % 999}{n}", "title": "Thing of some length " * 2,
                     "seller_sku": f"SKU-{number % 999}{n}"},
            "quantity": 1 + n, "unit_price": 10.25, "currency_id": "USD",
        }
        for n in range(2)
    ]
    return {
        "id": number, "status": "paid", "date_created": created, "last_updated": created,
        "currency_id": "USD", "order_items": lines, "payments": [], "returns": [], "tags": [],
    }


def answer(count):
    def handle(request):
        query = request.url.params
        if not request.url.path.endswith("/orders/search"):
            return httpx.Response(404)
        edges = [datetime.fromisoformat(query[f"order.date_created.{e}"]) for e in ("from", "to")]
        shares = [(edge - MIDNIGHT) / timedelta(days=1) * count for edge in edges]
        first, last = max(0, -int(-shares[0] // 1)), min(count - 1, int(shares[1] // 1))
        offset = int(query["offset"])
        numbers = range(first + offset, min(first + offset + 50, last + 1))
        paging = {"total": max(last + 1 - first, 0), "offset": offset, "limit": 50}
        results = [document(number, count) for number in numbers]
        return httpx.Response(200, json={"results": results, "paging": paging})
    return handle


def pull(count):
    client = httpx.Client(transport=httpx.MockTransport(answer(count)))
    source = MercadoLibre(Connection("http://market", "M1", {}, client=client), "M1")
    store = Store("M1", "S1", "", "", "US", "UTC", "USD", 9, "mercadolibre", "7")
    with tempfile.TemporaryDirectory() as folder:
        day = ingest_day(
            Lake(folder), store, MIDNIGHT.date(), source, Settings(), MIDNIGHT + timedelta(days=9)
        )
    return day.orders, day.lines, peak()


def peak():
    # Not ru_maxrss: a child inherits that of the process which started it.
    (line,) = (x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x)
    return int(line.split()[1]) / 1024


small, large = pull(50), pull(int(sys.argv[1]))
print(json.dumps({"orders": large[0], "lines": large[1], "megabytes": large[2] - small[2]}))
"""


@pytest.mark.parametrize("orders", [2_000, 10_000])
def test_a_store_day_of_any_size_fits_in_forty_megabytes(orders):
    command = [sys.executable, "-c", _INGEST, str(orders)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert (found["orders"], found["lines"]) == (orders, 2 * orders)
    assert found["megabytes"] < 40
