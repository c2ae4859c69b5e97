"""Totals by plain SQL agree with what the sandbox serves, at any moment."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from etl.errors import InputError
from etl.retail.sandbox.totals import source_totals

LONG_AFTER = datetime(2026, 5, 1, tzinfo=UTC)


def by_hand(totals: pd.DataFrame) -> dict[tuple[str, str, date], int]:
    keys = zip(totals["merchant_id"], totals["store_id"], totals["month"].dt.date, strict=True)
    return dict(zip(keys, totals["units_net"], strict=True))


@pytest.fixture(params=[".csv", ".parquet"])
def readable(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Path:
    return folders[request.param]


def test_units_by_store_and_local_month(readable: Path) -> None:
    totals = source_totals(readable, LONG_AFTER)
    assert by_hand(totals) == {
        ("shop", "north", date(2026, 3, 1)): 2,  # 101: 3 units, one refunded in April
        ("shop", "north", date(2026, 4, 1)): 2,  # 102 cancelled, 103: 3, R7: −1
        ("shop", "south", date(2026, 4, 1)): 4,
        ("other", "north", date(2026, 4, 1)): 7,
    }
    assert totals["lines"].sum() == 7
    assert totals["units_ordered"].sum() == 17
    assert totals["units_cancelled"].sum() == 2


def test_totals_are_those_of_the_moment(readable: Path) -> None:
    early = source_totals(readable, datetime(2026, 4, 2, tzinfo=UTC))
    assert early["units_cancelled"].sum() == 0
    assert early["lines"].sum() == 5
    assert source_totals(readable)["units_net"].sum() == 15


def test_totals_agree_with_what_is_served(readable: Path, shop: Any) -> None:
    for now in ("2026-04-02T00:00:00+00:00", "2026-04-05T00:00:00+00:00", LONG_AFTER.isoformat()):
        shop.at(now)
        served = 0
        for order in shop.orders():
            units = sum(item["quantity"] for item in order["order_items"])
            back = sum(c["orders"][0]["return_quantity"] for c in order["returns"])
            served += 0 if order["status"] == "cancelled" else units - back
        totals = source_totals(readable, datetime.fromisoformat(now))
        north = totals[(totals["merchant_id"] == "shop") & (totals["store_id"] == "north")]
        assert served == north["units_net"].sum()


def test_by_product(readable: Path) -> None:
    totals = source_totals(readable, LONG_AFTER, by_product=True)
    apples = totals[(totals["product_id"] == "A") & (totals["merchant_id"] == "shop")]
    assert apples["units_net"].tolist() == [1, -1]


def test_uci_columns(tmp_path: Path) -> None:
    pd.DataFrame(
        {
            "Invoice": ["1", "1", "C2", "3"],
            "StockCode": ["A", "B", "A", "A"],
            "Description": "x",
            "Quantity": [5, 2, -1, -8],
            "InvoiceDate": [
                "2010-06-30 23:59:00", "2010-07-01 00:00:00", "2010-07-02 10:00:00",
                "2010-07-03 10:00:00",
            ],
            "Price": [1.0, 1.0, 1.0, 0.0],
            "Country": ["United Kingdom", "United Kingdom", "United Kingdom", "EIRE"],
        }
    ).to_csv(tmp_path / "orders.csv", index=False)  # fmt: skip
    assert by_hand(source_totals(tmp_path / "orders.csv")) == {
        ("uci", "united-kingdom", date(2010, 6, 1)): 7,
        ("uci", "united-kingdom", date(2010, 7, 1)): -1,
        ("uci", "eire", date(2010, 7, 1)): -8,
    }
    # 22:59 UTC is 23:59 in the summer of London.
    first = source_totals(tmp_path / "orders.csv", datetime(2010, 6, 30, 22, 59, tzinfo=UTC))
    assert first["units_net"].tolist() == [5]


def test_other_files_and_moments_without_offset_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="in CSV or parquet; found"):
        source_totals(tmp_path / "orders.xlsx")
    with pytest.raises(InputError, match="as_of needs its offset"):
        source_totals(tmp_path, datetime(2026, 4, 1))
