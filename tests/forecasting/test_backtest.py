"""A month scored against the vintages that predicted it, worked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from etl.errors import IncompleteError, TableError
from etl.settings import Settings
from etl.tables import MONTHLY_SALES, SHARDS
from forecasting.backtest import score_month, vintages
from forecasting.predict import close_run, predict_shard

SETTINGS = Settings(engine="seasonal_naive", jobs=1, horizon=3)
DECEMBER, JANUARY = date(2025, 12, 1), date(2026, 1, 1)
FEBRUARY = date(2026, 2, 1)

# Seasonal differences of A are 12 throughout; B has no second year; C has gone.
A = np.arange(1.0, 25.0)
HISTORIES = {"A": A, "B": [4.0, 0.0, 5.0], "C": [9.0] + [0.0] * 23}


@pytest.fixture
def lake(make_lake):
    """Runs of December and January, and what was sold in January and February."""
    lake = make_lake(
        {
            DECEMBER: [HISTORIES],
            JANUARY: [{name: [*h, 0.0 if name == "C" else 10.0] for name, h in HISTORIES.items()}],
        }
    )
    for run_id in ("2025-12.1", "2026-01.1"):
        predict_shard(lake, run_id, 0, SETTINGS)
        close_run(lake, run_id, SETTINGS)
    _sell(lake, JANUARY, A=10, B=10)
    _sell(lake, FEBRUARY, A=20, B=1, C=3)
    return lake


def _sell(lake, month, **units):
    rows = pd.DataFrame(
        {
            "merchant_id": "M1",
            "store_id": "S1",
            "product_id": list(units),
            "month": month,
            "units_sold": list(units.values()),
            "units_remainder": 0,
            "revenue": Decimal(0),
            "currency": "ARS",
            "days_out_of_stock": None,
        }
    )
    lake.write_table(f"monthly_sales/month={month:%Y-%m}/part.parquet", rows, MONTHLY_SALES)


def _scores(lake, month):
    table = lake.read_table(f"scores/month={month:%Y-%m}/part.parquet")
    return table.to_pandas().set_index(["run_id", "product_id"])


def test_every_vintage_is_scored_at_its_lead_time(lake):
    summary = score_month(lake, FEBRUARY)
    scores = _scores(lake, FEBRUARY)
    assert summary["runs"] == ["2025-12.1", "2026-01.1"]
    assert scores.loc["2025-12.1"]["horizon"].tolist() == [2, 2, 2]
    assert scores.loc["2026-01.1"]["horizon"].tolist() == [1, 1, 1]
    assert scores.loc[("2025-12.1", "A"), "units_forecast"] == A[13]
    assert scores.loc[("2025-12.1", "A"), "units_sold"] == 20


def test_a_product_without_a_row_in_the_month_sold_none(lake):
    score_month(lake, JANUARY)
    assert _scores(lake, JANUARY).loc[("2025-12.1", "C"), "units_sold"] == 0


def test_scales_know_only_what_the_vintage_knew(lake):
    score_month(lake, FEBRUARY)
    scores = _scores(lake, FEBRUARY)
    assert scores.loc[("2025-12.1", "A"), "mase_scale"] == 12
    assert scores.loc[("2026-01.1", "A"), "mase_scale"] == pytest.approx((12 * 12 + 3) / 13)
    assert np.isnan(scores.loc[("2025-12.1", "B"), "mase_scale"])


def test_the_summary_is_that_of_three_months_by_hand(lake):
    summary = score_month(lake, JANUARY)
    total = summary["total"]
    # A: 13 for 10, B: 3 for 10; C is retired and counted apart.
    assert (total["rows"], summary["retired"]) == (2, {"rows": 1, "units_sold": 0.0})
    assert total["wape"] == pytest.approx((3 + 7) / 20)
    assert total["bias"] == pytest.approx(-4 / 20)
    assert total["mase"] == pytest.approx(3 / 12)
    assert total["rmsse"] == pytest.approx(3 / 12)
    assert total["smape"] == pytest.approx((2 * 3 / 23 + 2 * 7 / 13) / 2)
    # A: 13 ± 1.28·12; B: 3 ± 1.28·√7·√(4/3), which ends at 6.9.
    assert total["coverage80"] == 0.5
    assert (total["wape_naive"], total["skill"]) == (total["wape"], 0)
    assert total["wape_money"] == pytest.approx(total["wape"])
    assert [group["model"] for group in summary["model"]] == ["mean", "seasonal_naive"]
    assert summary["store"][0]["wape"] == total["wape"]
    assert [(group["demand_class"], group["rows"]) for group in summary["class"]] == [
        ("intermittent", 1),
        ("smooth", 1),
    ]


def test_each_bound_is_held_to_its_share(lake):
    quantiles = {one["bound"]: one for one in score_month(lake, JANUARY)["quantile"]}
    # A sold 10 with bounds around 13, B 10 with bounds around 3 that end at 9.0 (95 %).
    assert quantiles["hi95"]["promised"] == 0.975
    assert (quantiles["lo95"]["reached"], quantiles["hi95"]["reached"]) == (0, 0.5)
    a, b = 13 + 1.959964 * 12, 3 + 1.959964 * np.sqrt(7) * np.sqrt(4 / 3)
    loss = 0.025 * (a - 10) + 0.975 * (10 - b)
    assert quantiles["hi95"]["pinball"] == pytest.approx(2 * loss / 20, rel=1e-4)


def test_a_retired_product_that_sells_after_all_is_told_apart(lake):
    summary = score_month(lake, FEBRUARY)
    assert summary["retired"] == {"rows": 2, "units_sold": 6.0}


def test_a_vintage_is_scored_whole_where_its_shards_were_cut_again_since(make_lake):
    cut = [{"A": A, "B": [4.0, 0.0, 5.0]}, {"D": A}]
    lake = make_lake({DECEMBER: cut})
    for shard in (0, 1):
        predict_shard(lake, "2025-12.1", shard, SETTINGS)
    close_run(lake, "2025-12.1", SETTINGS)
    _sell(lake, JANUARY, A=10, B=10, D=13)
    score_month(lake, JANUARY)
    before = _scores(lake, JANUARY)
    # A late order brought AB, which moves B into the shard of D, and D into one of its own.
    make_lake({DECEMBER: [{"A": A, "AB": [1.0]}, {"B": [4.0, 0.0, 5.0]}, {"D": A}]})
    assert score_month(lake, JANUARY)["total"]["rows"] == 3
    pd.testing.assert_frame_equal(_scores(lake, JANUARY), before)


def test_scoring_twice_leaves_the_same_bytes(lake):
    score_month(lake, FEBRUARY)
    before = [lake.read_bytes(path) for path in lake.paths("scores")]
    score_month(lake, FEBRUARY)
    assert [lake.read_bytes(path) for path in lake.paths("scores")] == before


def test_leaked_rows_are_refused(lake):
    path = "predictions/run_id=2026-01.1/shard=0000.csv"
    leaked = lake.read_bytes(path).replace(b"2026-02-01", b"2026-01-01", 1)
    lake.write_bytes(path, leaked)
    with pytest.raises(
        TableError, match=r"1 leaked rows: \(M1, S1, A\) predicts 2026-01 from a cut"
    ):
        score_month(lake, FEBRUARY)


def test_only_closed_runs_within_their_horizon_are_vintages(lake):
    predict_shard(lake, "2025-12.2", 0, SETTINGS)
    assert vintages(lake, JANUARY) == ["2025-12.1"]
    assert vintages(lake, date(2026, 4, 1)) == ["2026-01.1"]
    assert vintages(lake, DECEMBER) == []


def test_a_month_that_nobody_predicted_has_an_empty_table(lake):
    _sell(lake, DECEMBER, A=1)
    summary = score_month(lake, DECEMBER)
    assert summary == {
        "month": "2025-12",
        "runs": [],
        "retired": {"rows": 0, "units_sold": 0.0},
        "total": {"rows": 0},
    }
    assert len(_scores(lake, DECEMBER)) == 0


def test_a_month_without_sales_says_how_to_build_them(lake):
    with pytest.raises(IncompleteError, match=r"no month 2026-03.*etl monthly --month 2026-03"):
        score_month(lake, date(2026, 3, 1))


def test_money_of_two_currencies_is_never_added(lake):
    path = "shards/cutoff_month=2025-12/shard=0000.parquet"
    shard = lake.read_table(path)
    column = shard.schema.get_field_index("currency")
    mixed = shard.set_column(column, shard.schema.field("currency"), [["ARS", "BRL", "ARS"]])
    lake.write_table(path, mixed, SHARDS)
    summary = score_month(lake, JANUARY)
    assert (summary["total"]["wape_money"], summary["total"]["currency"]) == (None, None)
    assert [group["currency"] for group in summary["model"]] == ["BRL", "ARS"]
