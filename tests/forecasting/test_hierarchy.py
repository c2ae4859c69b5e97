"""Totals that add up, with intervals from how misses go together, worked by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from etl.settings import Settings
from etl.tables import SCORES
from forecasting.dependence import Dependence, InStore
from forecasting.hierarchy import Totals
from forecasting.predict import close_run, predict_shard

MONTHS = [date(2026, 1, 1), date(2026, 2, 1)]
Z95 = 1.959963984540054
_SIDES = (("lo", -5.0), ("hi", 5.0))


def _rows(products, spread=10.0, mean=1000.0):
    """Two months of each (merchant, store, product), normal around the mean."""
    rows = pd.DataFrame(
        [(*key, month, h + 1) for key in products for h, month in enumerate(MONTHS)],
        columns=["merchant_id", "store_id", "product_id", "month", "horizon"],
    )
    rows["units_forecast"] = mean
    for level, z in ((50, 0.6745), (80, 1.2816), (95, Z95)):
        rows[f"lo{level}"], rows[f"hi{level}"] = mean - z * spread, mean + z * spread
    return rows


def _totals(rows, dependence, category="toys"):
    totals = Totals(dependence)
    totals.add(rows, pd.Series(category, index=rows.index))
    return totals.table("2025-12.1").to_pandas().set_index(["store_id", "category", "horizon"])


def test_points_add_up_at_every_level_and_over_all_months():
    rows = _rows([("M", "S1", "A"), ("M", "S1", "B"), ("M", "S2", "A")])
    found = _totals(rows, Dependence())["units_forecast"]
    assert found["S1", "", 1] == 2000
    assert found["", "", 1] == found["S1", "", 1] + found["S2", "", 1]
    assert found["", "toys", 0] == found["", "toys", 1] + found["", "toys", 2] == 6000


@pytest.mark.parametrize(
    ("dependence", "store", "merchant"),
    [
        (Dependence(0, 0, 0, 1), 100 * 2, 100 * 4),
        (Dependence(1, 0, 0, 1), (10 + 10) ** 2, 2 * (10 + 10) ** 2),
        (Dependence(1, 1, 0, 1), 20**2, 40**2),
        (Dependence(0.5, 0.25, 0, 2), 4 * 300, 4 * (0.5 * 400 + 0.25 * 800 + 0.25 * 1600)),
    ],
)
def test_variance_of_a_total_is_that_of_misses_that_go_together(dependence, store, merchant):
    products = [("M", s, p) for s in ("S1", "S2") for p in "AB"]
    found = _totals(_rows(products), dependence)
    width = (found["hi95"] - found["lo95"]) / (2 * Z95)
    assert width["S1", "", 1] == pytest.approx(np.sqrt(store), rel=1e-3)
    assert width["", "", 1] == pytest.approx(np.sqrt(merchant), rel=1e-3)


def test_months_that_miss_together_widen_the_sum_of_months():
    rows = _rows([("M", "S", "A"), ("M", "S", "B")])
    apart, together = (_totals(rows, Dependence(0, 0, c, 1)) for c in (0, 1))
    for found, variance in ((apart, 2 * 200), (together, 2 * 400)):
        width = found.loc[("S", "", 0), "hi95"] - found.loc[("S", "", 0), "lo95"]
        assert width / (2 * Z95) == pytest.approx(np.sqrt(variance), rel=1e-3)


def test_one_product_is_its_own_total():
    rows = _rows([("M", "S", "A")])
    rows["hi95"] = 5000.0
    found = _totals(rows, Dependence())
    assert found.loc[("S", "toys", 1), ["lo50", "hi95"]].tolist() == [rows["lo50"].iloc[0], 5000]


def test_bounds_of_little_are_skewed_and_never_negative():
    rows = _rows([("M", "S", p) for p in "ABC"], spread=1.0, mean=0.4)
    lower = ["lo50", "lo80", "lo95"]
    found = _totals(rows.assign(**rows[lower].clip(lower=0)), Dependence())
    month = found.loc[("S", "", 1)]
    assert 0 <= month["lo95"] <= month["lo80"] <= month["lo50"] <= month["hi50"] <= month["hi95"]
    assert month["hi95"] - 1.2 > 1.2 - month["lo95"]


def test_nothing_expected_for_sure_has_no_width():
    found = _totals(_rows([("M", "S", p) for p in "AB"], spread=0.0, mean=0.0), Dependence())
    assert found["hi95"].max() == 0


def test_a_store_whose_products_miss_together_has_wider_totals_than_one_where_they_do_not():
    rows = _rows([("M", s, p) for s in ("apart", "together") for p in "AB"])
    stores = {("M", "apart"): InStore(0.0, 1.0), ("M", "together"): InStore(1.0, 2.0)}
    found = _totals(rows, Dependence(0.5, 0.0, 0, 1, stores))
    width = (found["hi95"] - found["lo95"]) / (2 * Z95)
    assert width["apart", "", 1] == pytest.approx(np.sqrt(200), rel=1e-3)
    assert width["together", "", 1] == pytest.approx(2 * 20, rel=1e-3)
    assert width["", "", 1] == pytest.approx(np.sqrt(200 + 40**2), rel=1e-3)


def test_bounds_hold_the_point_and_nothing_where_a_store_may_sell_nothing():
    rows = _rows([("M", "S", p) for p in "AB"], spread=40.0, mean=10.0)
    lower = ["lo50", "lo80", "lo95"]
    found = _totals(rows.assign(**rows[lower].clip(lower=0)), Dependence(1, 0, 0, 2))
    month = found.loc[("S", "", 1)]
    assert month["lo80"] == month["lo95"] == 0
    assert month["hi50"] >= month["units_forecast"]
    assert month["lo50"] <= month["units_forecast"]


def test_a_closed_run_has_its_totals(make_lake):
    settings = Settings(engine="seasonal_naive", jobs=1)
    cutoff = date(2025, 12, 1)
    lake = make_lake({cutoff: [{"A": np.arange(1.0, 25.0)}, {"B": np.full(24, 5.0)}]})
    for shard in (0, 1):
        predict_shard(lake, "2025-12.1", shard, settings)
    manifest = close_run(lake, "2025-12.1", settings)
    totals = lake.read_table(manifest["totals"]["path"]).to_pandas()
    whole = totals[(totals["horizon"] == 0) & (totals["store_id"] == "")]
    assert whole["units_forecast"].tolist() == [pytest.approx(manifest["units_forecast"])] * 2
    assert manifest["totals"]["correlations"]["within_store"] == Dependence().within_store


def test_a_run_measures_what_went_together_on_the_months_that_were_scored(make_lake):
    settings = Settings(engine="seasonal_naive", jobs=1)
    cutoff = date(2025, 12, 1)
    lake = make_lake({cutoff: [{"A": np.arange(1.0, 25.0), "B": np.arange(9.0, 33.0)}]})
    predict_shard(lake, "2025-12.1", 0, settings)
    before = close_run(lake, "2025-12.1", settings)
    for month in (10, 11, 12):
        _write_scores(lake, date(2025, month, 1))
    predict_shard(lake, "2025-12.2", 0, settings)
    after = close_run(lake, "2025-12.2", settings)
    assert after["totals"]["correlations"]["spread"] > before["totals"]["correlations"]["spread"]
    widths = [
        lake.read_table(run["totals"]["path"]).to_pandas().eval("hi80 - lo80").iloc[0]
        for run in (before, after)
    ]
    assert widths[1] > 1.2 * widths[0]


def test_of_each_cutoff_the_newest_run_is_measured(make_lake):
    settings = Settings(engine="seasonal_naive", jobs=1)
    lake = make_lake({date(2025, 12, 1): [{"A": np.arange(1.0, 25.0)}]})
    found = []
    for run_id, told in (("2025-12.1", [10.0]), ("2025-12.2", [30.0, 10.0])):
        for month in (10, 11, 12):
            _write_scores(lake, date(2025, month, 1), told)
        predict_shard(lake, run_id, 0, settings)
        found.append(close_run(lake, run_id, settings)["totals"]["correlations"])
    assert found[0] == found[1]


def _write_scores(lake, month, told=(10.0,)):
    """Scores of a month in which all of forty products sold thirty, of a revision for each told."""
    rows = pd.concat([_scores(month, run + 1, units) for run, units in enumerate(told)])
    lake.write_table(f"scores/month={month:%Y-%m}/part.parquet", rows, SCORES)


def _scores(month, revision, units):
    promised = {f"{side}{level}": units + sign for level in (50, 80, 95) for side, sign in _SIDES}
    rows = pd.DataFrame({"product_id": [f"P{number}" for number in range(40)]}).assign(
        run_id=f"2025-09.{revision}",
        merchant_id="M1",
        store_id="S1",
        cutoff_month=date(2025, 9, 1),
        month=month,
        horizon=month.month - 9,
        units_forecast=units,
        units_sold=30.0,
        **dict.fromkeys(("model", "reason", "category", "currency"), "x"),
        **promised,
    )
    empty = {column.name: None for column in SCORES.columns if column.name not in rows}
    return rows.assign(**empty)
