"""Files of orders in three formats and two column sets, and what is said of others."""

from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from etl.errors import InputError
from etl.retail.sandbox import read_history
from etl.retail.sandbox.book import index_orders
from etl.retail.sandbox.order_files import read_merchants
from etl.retail.sandbox.shop import open_shop

UCI = pd.read_csv(
    StringIO("""
Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country
489434,85048,GLASS BALL,12,2009-12-01 07:45:00,6.95,13085,United Kingdom
489434,79323P,PINK LIGHTS,12,2009-12-01 07:45:00,6.75,13085,United Kingdom
489434,85048,GLASS BALL,1,2009-12-01 07:46:00,6.95,13085,United Kingdom
C489449,85048,GLASS BALL,-12,2010-07-01 10:33:00,6.95,,United Kingdom
489463,71477,short,-240,2009-12-01 10:52:00,0.0,,United Kingdom
490000,85048,,2,2009-12-03 12:00:00,7.5,,EIRE
490001,85048,GLASS BALL,5,2009-12-03 12:00:00,7.5,,Atlantis
""")
)


def write(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        frame.assign(InvoiceDate=pd.to_datetime(frame["InvoiceDate"])).to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".parquet"])
def test_uci_columns_in_each_format(tmp_path: Path, suffix: str) -> None:
    history = read_history(write(UCI, tmp_path / f"orders{suffix}"))
    lines = history.lines
    assert lines["merchant_id"].unique().tolist() == ["uci"]
    assert lines["units"].tolist() == [12, 12, 1, -12, -240, 2, 5]
    assert lines["product_id"].tolist()[:2] == ["85048", "79323P"]
    assert lines["is_return"].tolist() == [False, False, False, True, False, False, False]
    created = pd.to_datetime(lines["created_ms"], unit="ms")
    # Both minutes of the invoice are one order; July is summer time in London.
    assert created[2] == pd.Timestamp("2009-12-01 07:45:00")
    assert created[3] == pd.Timestamp("2010-07-01 09:33:00")
    stores = history.stores.set_index("store_id")
    assert stores["country"].to_dict() == {"united-kingdom": "GB", "eire": "IE", "atlantis": "ZZ"}
    assert set(stores["time_zone"]) == {"Europe/London"}
    assert set(stores["currency"]) == {"GBP"}
    assert history.stockouts is None
    assert read_merchants(tmp_path / f"orders{suffix}") == ["uci"]


def test_uci_orders_are_numbered_by_their_invoice(tmp_path: Path) -> None:
    book = index_orders(read_history(write(UCI, tmp_path / "orders.csv")))
    assert sorted(book.number.tolist()) == [489434, 489463, 490000, 490001, 67_000_000_489_449]
    assert len(book.units) == 7
    assert book.units.sum() == UCI["Quantity"].sum()


def test_uci_repeated_lines_stay_apart(tmp_path: Path) -> None:
    book = index_orders(read_history(write(UCI, tmp_path / "orders.csv")))
    order = book.number.tolist().index(489434)
    assert book.units[book.first_line[order] : book.first_line[order + 1]].tolist() == [12, 12, 1]


def test_xlsx_sheets_are_read_one_below_the_other(tmp_path: Path) -> None:
    path = tmp_path / "online_retail_II.xlsx"
    with pd.ExcelWriter(path) as book:
        UCI.head(3).to_excel(book, sheet_name="Year 2009-2010", index=False)
        UCI.tail(4).to_excel(book, sheet_name="Year 2010-2011", index=False)
    assert read_history(path).lines["units"].tolist() == UCI["Quantity"].tolist()


def test_latin_1_copies_of_the_file_are_read(tmp_path: Path) -> None:
    named = UCI.assign(Description="CAFÉ £")
    named.to_csv(tmp_path / "orders.csv", index=False, encoding="latin-1")
    assert read_history(tmp_path / "orders.csv").lines["title"][0] == "CAFÉ £"


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".parquet"])
def test_storecasts_columns_in_each_format(
    folders: dict[str, Path], lines_alone: pd.DataFrame, suffix: str
) -> None:
    history = read_history(folders[suffix])
    assert history.lines["units"].tolist() == lines_alone["units_ordered"].tolist()
    assert history.lines["unit_price"].isna().tolist() == [False] * 3 + [True] + [False] * 3
    assert history.lines["created_ms"].tolist()[0] == 1_775_010_600_000
    assert history.changes["units"].tolist() == [1, 1]
    assert history.stores["opening_hour"].tolist() == [9, 10, 8]
    shop = open_shop(history, index_orders(history))
    assert shop.listings["L2"].retired_on == date(2026, 4, 4)
    assert shop.listings["L1"].promotions[0]["discount"] == 0.2
    assert shop.listings["L3"].sku is None
    assert read_merchants(folders[suffix]) == ["other", "shop"]


def test_lines_alone_are_enough(tmp_path: Path, lines_alone: pd.DataFrame) -> None:
    needed = lines_alone.drop(columns=["line_id", "listing_id", "product_name", "status"])
    path = write_csv(needed, tmp_path / "mine.csv")
    history = read_history(path)
    assert history.lines["line_id"].tolist() == ["1", "2", "1", "1", "1", "1", "1"]
    assert history.lines["listing_id"].nunique() == 5
    assert history.stores["time_zone"].unique().tolist() == ["UTC"]
    assert history.changes.empty
    assert read_merchants(path) == ["other", "shop"]


def test_units_cancelled_took_effect_when_the_line_was_updated(
    tmp_path: Path, lines_alone: pd.DataFrame
) -> None:
    lines = lines_alone.assign(
        units_cancelled=[1, 0, 1, 0, 0, 0, 0], updated_at="2026-04-20T00:00:00Z"
    )
    changes = read_history(write_csv(lines, tmp_path / "mine.csv")).changes
    assert changes["order_id"].tolist() == ["101", "102"]
    assert changes["kind"].tolist() == ["refunded", "cancelled"]
    assert set(changes["changed_ms"]) == {1_776_643_200_000}


def write_csv(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_csv(path, index=False)
    return path


def test_missing_column_is_named_with_both_column_sets(tmp_path: Path) -> None:
    path = write(UCI.drop(columns=["Price", "Country"]), tmp_path / "orders.csv")
    with pytest.raises(InputError) as error:
        read_history(path)
    message = str(error.value)
    assert "orders.csv lacks Price, Country; found Invoice, StockCode, Description" in message
    assert "Storecast's columns (merchant_id, store_id, order_id, product_id" in message
    assert "UCI's Online Retail II (Invoice, StockCode" in message


def test_missing_column_of_storecasts_set_is_named(
    tmp_path: Path, lines_alone: pd.DataFrame
) -> None:
    path = write_csv(lines_alone.drop(columns="unit_price"), tmp_path / "orders.csv")
    with pytest.raises(InputError, match=r"orders.csv lacks unit_price; found merchant_id"):
        read_history(path)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("units_ordered", "two", "units_ordered must be a number; found 'two' in row 1"),
        ("units_ordered", "1.5", "units_ordered must be a whole number; found 1.5 in row 1"),
        ("units_ordered", None, "units_ordered may not be empty; row 1 is"),
        ("order_id", None, "order_id may not be empty; row 1 is"),
        ("created_at", "yesterday", "created_at must be ISO 8601"),
        ("created_at", "2026-04-01T10:00:00", "1 have an offset|offset everywhere or nowhere"),
        ("currency", "USD", "store north sells in two currencies"),
        ("listing_id", "L4", "listing L4 sells in two stores"),
    ],
)
def test_values_that_cannot_be_read_are_named(
    tmp_path: Path, lines_alone: pd.DataFrame, column: str, value: Any, message: str
) -> None:
    lines = lines_alone.astype(object)
    lines.loc[0, column] = value
    with pytest.raises(InputError, match=message):
        index_orders(read_history(write_csv(lines, tmp_path / "orders.csv")))


def test_files_that_are_not_there_or_not_readable_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"there are no orders at .*; name a file of order lines, or make"
    ):
        read_history(tmp_path / "sample")
    with pytest.raises(InputError, match=r"holds no order_lines.parquet, .csv or .xlsx"):
        read_history(tmp_path)
    (tmp_path / "orders.txt").write_text("x")
    with pytest.raises(InputError, match=r"must end in .parquet, .csv or .xlsx"):
        read_history(tmp_path / "orders.txt")
    for name in ("orders.parquet", "orders.xlsx"):
        (tmp_path / name).write_text("not what it says")
        with pytest.raises(InputError, match=f"{name} cannot be read as"):
            read_history(tmp_path / name)


def test_ids_that_come_to_one_number_are_refused(tmp_path: Path, lines_alone: pd.DataFrame) -> None:
    lines = lines_alone.assign(order_id=["101", "101", "R0007", "103", "R7", "201", "301"])
    with pytest.raises(InputError, match="come to the same number"):
        index_orders(read_history(write_csv(lines, tmp_path / "orders.csv")))


def test_a_store_without_a_row_in_stores_is_named(folders: dict[str, Path], tmp_path: Path) -> None:
    lines = pd.read_csv(folders[".csv"] / "order_lines.csv")
    write_csv(lines, tmp_path / "order_lines.csv")
    stores = pd.read_csv(folders[".csv"] / "stores.csv")
    write_csv(stores[stores["store_id"] != "south"], tmp_path / "stores.csv")
    with pytest.raises(InputError, match="store south of shop is not in the stores file"):
        read_history(tmp_path)
