"""How the daily forecasts would have done, from rolling weeks."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from etl.daily import CLOSED, ON_SALE, SHELF_EMPTY, UNKNOWN
from forecasting.__main__ import main
from forecasting.daily.backtest import DAILY_SCORES, roll_weeks
from forecasting.daily.engines import open_daily_engine

NAIVE = open_daily_engine("weekday_naive")


def test_three_weeks_worked_by_hand(make_daily, tmp_path):
    """Each week sells 7 a day, the last one 10 on its first day and 4 on its second."""
    units = np.full(28, 7.0)
    units[21:23] = 10.0, 4.0
    told = roll_weeks([make_daily(units)], tmp_path / "s.csv", NAIVE, origins=2, jobs=1)
    assert told["total"]["rows"] == 14
    assert told["total"]["wape"] == told["total"]["wape_naive"] == pytest.approx(6 / 98)
    assert told["total"]["bias"] == pytest.approx(0.0)
    by_day = {row["horizon"]: row for row in told["horizon"]}
    assert by_day[1]["bias"] == pytest.approx(-3 / 17)
    assert by_day[2]["wape"] == pytest.approx(3 / 11)
    assert (by_day[3]["wape"], by_day[3]["coverage80"]) == (0.0, 1.0)
    assert [row["model"] for row in told["model"]] == ["weekday_naive"]
    written = pd.read_csv(tmp_path / "s.csv")
    assert list(written.columns) == DAILY_SCORES.names
    assert written["cutoff_date"].nunique() == 2


def test_an_origin_knows_nothing_of_what_came_after_it(make_daily, tmp_path):
    units = np.r_[np.full(28, 5.0), np.full(7, 500.0)]
    roll_weeks([make_daily(units)], tmp_path / "s.parquet", NAIVE, origins=1, jobs=1)
    assert set(pd.read_parquet(tmp_path / "s.parquet")["units_forecast"]) == {5.0}


def test_days_that_say_nothing_about_demand_are_left_out_and_gone_products_counted(
    make_daily, tmp_path
):
    units, state = np.full(28, 7.0), np.full(28, ON_SALE, dtype=np.int8)
    units[21:24], state[21:24] = 0.0, (SHELF_EMPTY, UNKNOWN, CLOSED)
    gone = np.r_[np.full(10, 3.0), np.zeros(400)]
    series = [make_daily(units, state=state), make_daily(gone, "P2")]
    engine = open_daily_engine("daily")
    told = roll_weeks(series, tmp_path / "s.parquet", engine, origins=1, jobs=1)
    assert (told["total"]["rows"], told["rows_of_gone_products"]) == (5, 7)


def test_the_command_takes_a_file_or_a_store(tmp_path, capsys, monkeypatch):
    rows = [
        {
            "merchant_id": "M1",
            "store_id": "S1",
            "product_id": "A",
            "date": date(2025, 1, 6) + timedelta(days=n),
            "units_sold": 3 + n % 7,
        }
        for n in range(60)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "h.csv", index=False)
    files = ["--history", str(tmp_path / "h.csv"), "--out", str(tmp_path / "s.parquet")]
    more = ["--engine", "weekday_naive", "--jobs", "1", "--origins", "3"]
    assert main(["backtest-daily", *files, *more]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["total"]["rows"], told["total"]["wape"]) == (21, 0.0)
    assert [row["horizon"] for row in told["horizon"]] == list(range(1, 8))
    monkeypatch.setenv("STORECAST_LAKE_URL", str(tmp_path / "lake"))
    out = ["--out", str(tmp_path / "t.parquet")]
    assert main(["backtest-daily", "--merchant", "M1", "--store", "S1", *out]) == 2
    assert "python -m etl daily --merchant M1 --store S1" in capsys.readouterr().err
    assert main(["backtest-daily", *files, "--merchant", "M1"]) == 2


def test_the_series_of_a_store_are_read_from_the_lake(make_store, tmp_path, capsys, monkeypatch):
    lake, manifest = make_store({"A": np.tile(np.arange(1.0, 8.0), 6)})
    told = asdict(manifest) | {"data_until": manifest.data_until.isoformat()}
    lake.write_json("daily/merchant_id=M1/store_id=S1/manifest.json", told)
    monkeypatch.setenv("STORECAST_LAKE_URL", lake.url)
    store = ["--merchant", "M1", "--store", "S1", "--out", str(tmp_path / "s.parquet")]
    assert main(["backtest-daily", *store, "--engine", "weekday_naive", "--jobs", "1"]) == 0
    total = json.loads(capsys.readouterr().out)["total"]
    assert (total["rows"], total["units_sold"], total["wape"]) == (28, 112.0, 0.0)
