"""Listings derived from order lines, where nobody told them."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from etl.retail.sandbox import read_history
from etl.retail.sandbox.book import OrderBook, index_orders
from etl.retail.sandbox.clock import milliseconds
from etl.retail.sandbox.shop import Shop, open_shop


@pytest.fixture
def derived(tmp_path: Path) -> Iterator[tuple[Shop, OrderBook]]:
    columns = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Country"]
    rows = [
        ("1", "A", "APPLE", 3, "2010-01-05 10:00:00", 2.0, "EIRE"),
        ("2", "A", "RED APPLE", 1, "2010-02-05 10:00:00", 2.5, "EIRE"),
        ("3", "A", "lost", -1, "2010-03-05 10:00:00", 0.0, "EIRE"),
        ("4", "B", None, 1, "2010-03-06 10:00:00", 4.0, "EIRE"),
    ]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "orders.csv", index=False)
    history = read_history(tmp_path / "orders.csv")
    book = index_orders(history)
    yield open_shop(history, book), book


def test_derived_listing_as_of_a_moment(derived: tuple[Shop, OrderBook]) -> None:
    shop, book = derived
    (seller,) = book.sellers.values()
    march = milliseconds("2010-03-10T00:00:00Z")
    apple, other = sorted(shop.listed(seller, march), key=lambda x: str(x.sku))
    assert (apple.sku, apple.title) == ("A", "RED APPLE")  # as last sold at a price
    assert (other.sku, other.title) == ("B", "B")
    document = shop.document(apple, seller, march)
    assert document["price"] == 2.5
    assert document["available_quantity"] is None
    assert document["category_id"] is document["category_name"] is None
    assert document["promotions"] == []
    january = milliseconds("2010-01-10T00:00:00Z")
    assert [x.sku for x in shop.listed(seller, january)] == ["A"]
    assert shop.document(apple, seller, january)["price"] == 2.0


def test_derived_listing_closes_twelve_months_after_its_last_sale(
    derived: tuple[Shop, OrderBook],
) -> None:
    shop, book = derived
    (seller,) = book.sellers.values()
    apple = next(x for x in shop.listings.values() if x.sku == "A")
    # Last sold on 5 February 2010, at 10:00; the lost one of March is no sale.
    assert shop.status(apple, seller, milliseconds("2011-02-05T10:00:00Z")) == "active"
    later = milliseconds("2011-02-05T10:00:01Z")
    assert shop.status(apple, seller, later) == "closed"
    assert shop.document(apple, seller, later)["stop_time"] == "2010-02-05T10:00:00.000+00:00"


def test_stockouts_are_not_known(derived: tuple[Shop, OrderBook]) -> None:
    shop, book = derived
    (seller,) = book.sellers.values()
    day = pd.Timestamp("2010-02-01").date()
    assert shop.empty_days(seller, day, day, milliseconds("2010-03-10T00:00:00Z")) is None
