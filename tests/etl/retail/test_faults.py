"""A month lived through day by day against a marketplace that fails at every other answer.

Nothing is lost and nothing counts twice, to the unit. `make bench-scale` has ten times the faults.
"""

import os
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from etl.ingest import ingest_day, trailing_days
from etl.ledger import day_folder, days_between, read_day
from etl.settings import Settings

FAULTS = 1_000 * int(os.environ.get("STORECAST_TEST_SCALE", "1"))
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
ORDERS_A_DAY = 110


class Trouble:
    """Spoils every other answer, in one of eight ways, from a seed."""

    def __init__(self, marketplace, seed):
        self.marketplace = marketplace
        self.chance = random.Random(seed)
        self.count: Counter[str] = Counter()
        ways = ("busy", "down", "reset", "slow", "truncated", "repeated", "moved", "skewed")
        self.ways = {name: getattr(self, f"_{name}") for name in ways}

    def __bool__(self):
        return True

    def get(self, number):
        """As a mapping of faults by answer would give it."""
        if self.chance.random() < 0.5:
            return None
        return self.spoil

    def spoil(self, request, response):
        name = self.chance.choice(list(self.ways))
        later = int(request.url.params.get("offset", 0)) > 0
        search = "order.date_created.from" in request.url.params
        if (name in ("repeated", "moved") and not later) or (name == "skewed" and not search):
            name = "down"
        self.count[name] += 1
        return self.ways[name](request, response)

    def _busy(self, request, response):
        return httpx.Response(429, headers={"Retry-After": str(self.chance.randint(0, 90))})

    def _down(self, request, response):
        return httpx.Response(self.chance.choice((500, 502, 503, 504)))

    def _reset(self, request, response):
        raise httpx.ReadError("connection reset by peer")

    def _slow(self, request, response):
        raise httpx.ReadTimeout("the read operation timed out")

    def _truncated(self, request, response):
        content = response.content
        return httpx.Response(200, content=content[: self.chance.randrange(1, len(content))])

    def _repeated(self, request, response):
        """The page before, again."""
        offset = max(int(request.url.params["offset"]) - 49, 0)
        url = request.url.copy_set_param("offset", offset)
        return self.marketplace._truth(httpx.Request("GET", url, headers=request.headers))

    def _moved(self, request, response):
        """As if an order before this page had left the search: all behind it moved up."""
        page = response.json()
        page["results"] = page["results"][1:]
        if self.chance.random() < 0.5:
            page["paging"]["total"] -= 1
        return httpx.Response(200, json=page)

    def _skewed(self, request, response):
        """The marketplace's clock is half a minute off: its window is another than was asked."""
        skew = timedelta(seconds=self.chance.choice((-30, 30)))
        url = request.url
        for edge in ("from", "to"):
            name = f"order.date_created.{edge}"
            instant = datetime.fromisoformat(url.params[name]) + skew
            url = url.copy_set_param(name, instant.isoformat())
        return self.marketplace._truth(httpx.Request("GET", url, headers=request.headers))


@pytest.fixture
def orders(order, line):
    """A month of orders, some of which are cancelled or refunded days later."""
    chance = random.Random(7)
    made = []
    for day in days_between(FIRST, LAST):
        midnight = datetime.combine(day, datetime.min.time(), tzinfo=UTC) + timedelta(hours=3)
        for _ in range(ORDERS_A_DAY):
            created = midnight + timedelta(seconds=chance.randrange(86_400))
            units = chance.randint(1, 5)
            made.append(order(len(made) + 1, created.isoformat(), [line("A", units)]))
    return made


def _age(orders, day, chance, returned):
    """What happens to orders of the last week on `day`."""
    instant = datetime.combine(day, datetime.min.time(), tzinfo=UTC) + timedelta(hours=20)
    week = [o for o in orders if 0 <= (day - _day(o)).days <= 7 and o["status"] == "paid"]
    for changed in chance.sample(week, 10):
        units = changed["order_items"][0]["quantity"]
        if chance.random() < 0.5:
            changed["status"] = "cancelled"
        else:
            changed |= {"status": "partially_refunded", "returns": [returned("MLA-A", units)]}
        changed["last_updated"] = instant.isoformat()


def _day(document):
    return (datetime.fromisoformat(document["date_created"]) - timedelta(hours=3)).date()


def _net(document):
    if document["status"] != "paid":
        return 0
    return document["order_items"][0]["quantity"]


def test_nothing_is_lost_and_nothing_counts_twice(marketplace, orders, lake, store, returned):
    settings = Settings(trailing_days=7, source_attempts=40)
    chance, seed = random.Random(11), 0
    faults: Counter[str] = Counter()
    while sum(faults.values()) < FAULTS:
        marketplace.stockouts = []
        marketplace.orders = [dict(order) for order in orders]
        marketplace.faults = trouble = Trouble(marketplace, seed)
        source = marketplace.source(settings)
        for day in days_between(FIRST, LAST):
            _age(marketplace.orders, day, chance, returned)
            pulled_at = datetime.combine(day, datetime.max.time(), tzinfo=UTC) + timedelta(hours=4)
            for pulled in trailing_days(day, settings):
                if pulled >= FIRST:
                    ingest_day(lake, store, pulled, source, settings, pulled_at)
        faults += trouble.count
        seed += 1
        _assert_equal_to_the_unit(lake, store, marketplace.orders)
    assert len(faults) == 8


def _assert_equal_to_the_unit(lake, store, truth):
    for day in days_between(FIRST, LAST):
        expected = {str(o["id"]): _net(o) for o in truth if _day(o) == day}
        manifest = read_day(lake, store, day)
        lines = lake.read_table(f"{day_folder(store, day)}/{manifest.files['lines']}").to_pylist()
        found = {row["order_id"]: row["units_ordered"] - row["units_cancelled"] for row in lines}
        assert len(lines) == len(found)
        assert found == expected
        assert manifest.units == sum(expected.values())
