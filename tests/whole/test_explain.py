"""`python -m api explain`: from a served number down to the orders of the small lake."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from api.__main__ import main
from dags import jobs
from etl.registry import products_path
from etl.shards import build_shards
from etl.tables import CORRECTIONS, MONTHLY_SALES, PRODUCTS

MUG = ("andes", "centro", "MUG")
OCTOBER_LINES = "raw/source=mercadolibre/merchant_id=andes/store_id=centro/day=2026-10-25"


@pytest.fixture
def explain(lived, monkeypatch, capsys):
    """Explains a product of a lake; answers status, output and errors."""

    def run(*arguments, at=lived):
        monkeypatch.setenv("STORECAST_LAKE_URL", at.settings.lake_url)
        monkeypatch.setenv("STORECAST_STORE_URL", at.settings.store_url)
        status = main(["explain", *arguments])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


@pytest.fixture
def explained(explain):
    """The JSON of an explanation, all of whose numbers agree."""

    def run(*arguments):
        status, out, _ = explain(*arguments, "--json")
        found = json.loads(out)
        assert (status, found["agrees"]) == (0, True)
        return found

    return run


def test_october_s_seven_mugs_are_two_paid_orders_and_a_cancelled_one(explained):
    sales = explained(*MUG)["sales"]
    assert (sales["month"], sales["row"]["units_sold"], sales["row"]["revenue"]) == (
        "2026-10",
        7,
        "70.00",
    )
    told = [(line["order_id"], line["units_net"]) for line in sales["sales"]["lines"]]
    assert len(told) == 3
    assert sum(units for _, units in told) == 4 + 0 + 3
    assert [day["day"] for day in sales["days"]] == ["2026-10-05", "2026-10-20", "2026-10-25"]
    assert [day["orders"] for day in sales["days"]] == [
        [order] for order, _ in sorted_by_day(sales)
    ]


def sorted_by_day(sales):
    lines = sorted(sales["sales"]["lines"], key=lambda line: line["date"])
    return [(line["order_id"], line["units_net"]) for line in lines]


def test_the_row_of_the_predictions_file_is_the_number_served(explained, lived):
    found = explained(*MUG, "--month", "2027-02")
    file = found["predictions"]
    rows = pd.read_csv(lived.lake.uri(file["path"]))
    first, last = (int(line) for line in file["lines"].split("-"))
    mine = rows.iloc[first - 2 : last - 1]
    assert (mine["store_id"] == "centro").all() and (mine["product_id"] == "MUG").all()
    (february,) = mine.loc[mine["month"] == "2027-02-01", "units_forecast"]
    assert found["prediction"]["units_forecast"] == february
    assert found["document"]["units_forecast"] == round(february, 3)


def test_run_model_and_history_are_named(explained):
    found = explained(*MUG)
    assert (found["run"]["engine"], found["run"]["cutoff_month"]) == ("ensemble", "2026-10")
    assert found["model"]["path"].startswith("models/engine=ensemble/configuration=")
    assert sum(found["model"]["model"]["weights"].values()) == pytest.approx(1, abs=0.001)
    assert [month["month"] for month in found["history"]][:2] == ["2025-10", "2025-11"]
    # October is 5 + 10 % 3, November 5 + 11 % 3; so on to September, and the 7 of October.
    assert [month["units_sold"] for month in found["history"]] == [
        *(6, 7, 5, 6, 7, 5, 6, 7, 5, 6, 7, 5),
        7,
    ]
    assert found["shard"]["months"] == 13


def test_a_past_month_is_followed_to_its_one_order(explained):
    sales = explained(*MUG, "--month", "2026-03")["sales"]
    (line,) = sales["sales"]["lines"]
    assert (sales["row"]["units_sold"], line["units_net"], line["date"]) == (5, 5, "2026-03-05")


def test_the_text_says_what_was_checked(explain):
    status, out, _ = explain(*MUG)
    assert status == 0
    assert "sold        2026-10: 7 units, remainder 0, 70.00 ARS" in out
    assert "2 ordered, 2 cancelled, 0.00 ARS (cancelled)" in out
    assert f"{OCTOBER_LINES}/orders-" in out
    assert out.splitlines()[-1].endswith("numbers and hashes, all agree")


def test_a_changed_file_is_found_and_named(explain, months):
    path = "monthly_sales/month=2026-10/part.parquet"
    table = months.lake.read_table(path)
    units = [unit + 1 for unit in table["units_sold"].to_pylist()]
    place = table.column_names.index("units_sold")
    changed = table.set_column(place, table.schema.field(place), [units])
    months.lake.write_table(path, changed, MONTHLY_SALES)
    status, out, err = explain(*MUG, at=months)
    assert status == 2
    assert "units of 2026-10: shard, monthly_sales: 7 and 8" in out
    assert "units of 2026-10: monthly_sales, sum of its sales lines: 8 and 7" in out
    assert f"{path}: its manifest, file:" in out
    assert "numbers behind andes/centro/MUG disagree" in err


def test_a_corrected_month_that_nothing_tells_of_is_found(explain, months):
    path = "predictions/run_id=2026-10.1/corrections.parquet"
    row = ("2026-10.1", *MUG, date(2026, 3, 1), 5.0, 9.0, "empty_shelf")
    months.lake.write_table(path, pd.DataFrame([row], columns=CORRECTIONS.names), CORRECTIONS)
    status, out, _ = explain(*MUG, at=months)
    assert status == 2
    assert "corrected   2026-03: 5 sold, 9 learnt from (shelf empty)" in out
    assert f"corrected months: {path}, the shard's history: [" in out
    assert "corrected months: document, file: [] and [('2026-03', 9.0)]" in out


def test_a_history_is_found_where_the_shards_were_cut_again(explain, months):
    smaller = replace(months.settings, shard_series=1)
    build_shards(months.lake, date(2026, 10, 1), smaller)
    status, out, _ = explain(*MUG, at=months)
    assert status == 0
    assert "shards/cutoff_month=2026-10/shard=0001.parquet" in out
    assert "predictions/run_id=2026-10.1/shard=0000.csv" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("andes", "centro", "BOX"), "the store serves no product 'BOX' in store 'centro'"),
        ((*MUG, "--month", "2024-01"), "neither in the history (2025-10 to 2026-10)"),
    ],
)
def test_what_is_not_served_cannot_be_explained(explain, arguments, message):
    status, out, err = explain(*arguments)
    assert (status, out) == (2, "")
    assert message in err


def test_a_listing_that_has_not_sold_yet_is_explained_like_any_product(explain, months):
    lake, settings, october = months.lake, months.settings, date(2026, 10, 1)
    path = products_path("andes", "centro")
    listed = lake.read_table(path).to_pandas()
    vase = listed.iloc[[0]].assign(
        product_id="VASE", listing_id="VASE", status="active", listed_on=date(2026, 9, 12)
    )
    lake.write_table(path, pd.concat([listed, vase]), PRODUCTS)
    jobs.build_shards(october, settings)
    run_id = jobs.open_run(october, settings)
    jobs.predict_shards(run_id, jobs.list_shards(october, settings), settings)
    jobs.close_run(run_id, settings)
    jobs.publish_run(run_id, settings)

    status, out, _ = explain("andes", "centro", "VASE", "--json", at=months)
    found = json.loads(out)
    assert (status, found["agrees"]) == (0, True)
    assert found["document"]["reason"]["code"] == "never_sold"
    assert [month["units_sold"] for month in found["history"]] == [None, None]
    assert found["shard"]["first_month"] == "2026-09"
    status, out, _ = explain("andes", "centro", "VASE", at=months)
    assert status == 0
    assert "2026-09: no row, monthly_sales/month=2026-09" in out
