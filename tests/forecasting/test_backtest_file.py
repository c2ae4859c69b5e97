"""`python -m forecasting backtest`: forecasts of a file, and rolling origins, scored by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from forecasting import engines
from forecasting.__main__ import main
from forecasting.backtest_file import roll_origins
from forecasting.forecaster import Forecast


@pytest.fixture
def write_history(tmp_path):
    """A CSV of histories by product, from January 2023 on."""

    def write(name="history.csv", first="2023-01-01", **units):
        frames = [
            pd.DataFrame(
                {
                    "merchant_id": "M1",
                    "store_id": "S1",
                    "product_id": product,
                    "month": pd.date_range(first, periods=len(values), freq="MS").strftime("%Y-%m"),
                    "units_sold": values,
                }
            )
            for product, values in units.items()
        ]
        pd.concat(frames).to_csv(tmp_path / name, index=False)
        return str(tmp_path / name)

    return write


def _run(*arguments):
    return main([*arguments[:1], "--jobs", "1", *arguments[1:]])


def test_forecasts_of_a_file_are_scored_by_the_months_that_came(write_history, tmp_path, capsys):
    history = np.concatenate([np.full(12, 10.0), np.full(12, 14.0)])
    past = write_history(A=history, B=[5.0])
    out, scores = str(tmp_path / "p.csv"), tmp_path / "s.csv"
    _run("predict", "--history", past, "--out", out, "--engine", "seasonal_naive")
    actuals = write_history("actuals.csv", A=[*history, 15.0, 12.0])
    capsys.readouterr()
    assert _run("backtest", "--predictions", out, "--actuals", actuals, "--out", str(scores)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["not_scored"] == 10 + 12
    assert told["total"]["rows"] == 2
    assert told["total"]["wape"] == pytest.approx(3 / 27)
    assert told["total"]["mase"] == pytest.approx((1 / 4 + 2 / 4) / 2)
    rows = pd.read_csv(scores)
    assert rows["units_sold"].tolist() == [15.0, 12.0]
    assert rows["horizon"].tolist() == [1, 2]
    assert rows["units_naive"].tolist() == [14.0, 14.0]


def test_actuals_without_the_past_leave_the_scale_unknown(write_history, tmp_path, capsys):
    past = write_history(A=np.full(24, 10.0))
    out, scores = str(tmp_path / "p.parquet"), tmp_path / "s.parquet"
    _run("predict", "--history", past, "--out", out, "--engine", "seasonal_naive")
    actuals = write_history("actuals.csv", first="2025-01-01", A=[12.0])
    capsys.readouterr()
    _run("backtest", "--predictions", out, "--actuals", actuals, "--out", str(scores))
    total = json.loads(capsys.readouterr().out)["total"]
    assert (total["wape"], total["mase"], total["skill"]) == (pytest.approx(2 / 12), None, None)


def test_a_forecast_of_a_known_month_is_refused(write_history, tmp_path, capsys):
    past = write_history(A=np.full(24, 10.0))
    out = tmp_path / "p.csv"
    _run("predict", "--history", past, "--out", str(out), "--engine", "seasonal_naive")
    out.write_text(out.read_text().replace("2024-12-01,2025-03-01", "2024-12-01,2024-03-01"))
    scores = str(tmp_path / "s.csv")
    assert _run("backtest", "--predictions", str(out), "--actuals", past, "--out", scores) == 2
    assert "1 leaked rows: (M1, S1, A) predicts 2024-03" in capsys.readouterr().err


@dataclass(frozen=True)
class LastValue:
    """Repeats the last month, and tells how many months it was shown."""

    name: str = "last_value"

    def forecast(self, batch, horizon):
        flat = [np.full((3, horizon), series.units[-1]) for series in batch]
        return [
            Forecast(f[0], f, f, self.name, f"saw months={s.months}")
            for f, s in zip(flat, batch, strict=True)
        ]


def test_rolling_origins_know_only_what_came_before(write_history, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(engines.ENGINES, "last_value", f"{__name__}:LastValue")
    history = write_history(A=[1.0, 2.0, 4.0, 8.0], B=[3.0, 3.0])
    scores = tmp_path / "s.csv"
    arguments = ["--history", history, "--out", str(scores), "--engine", "last_value"]
    assert _run("backtest", *arguments, "--origins", "2", "--horizon", "5") == 0
    rows = pd.read_csv(scores)
    assert rows[["product_id", "cutoff_month", "horizon", "units_forecast", "units_sold"]].to_numpy(
        dtype=object
    ).tolist() == [
        ["A", "2023-02-01", 1, 2, 4],
        ["A", "2023-02-01", 2, 2, 8],
        ["A", "2023-03-01", 1, 4, 8],
        ["B", "2023-01-01", 1, 3, 3],
    ]
    assert rows["reason"].tolist() == [
        "saw months=2",
        "saw months=2",
        "saw months=3",
        "saw months=1",
    ]
    told = json.loads(capsys.readouterr().out)
    assert told["total"]["wape"] == pytest.approx((2 + 6 + 4 + 0) / 23)
    assert [group["rows"] for group in told["horizon"]] == [3, 1]
    assert told["model"][0]["model"] == "last_value"


def test_a_survey_is_made_of_what_was_known_at_the_first_origin(write_history, tmp_path):
    history = write_history(OLD=[9.0] * 8, NEW=[1.0] * 7 + [500.0])
    scores = tmp_path / "s.csv"
    engine = engines.open_engine("pmdarima", best_sellers=1)
    roll_origins(tmp_path / history, scores, engine, origins=1, horizon=1, jobs=1)
    rows = pd.read_csv(scores)
    beyond = rows[rows["reason"].fillna("").str.startswith("beyond_budget")]
    assert set(beyond["product_id"]) == {"NEW"}


def test_backtest_says_what_it_takes(tmp_path, capsys):
    assert _run("backtest", "--out", str(tmp_path / "s.csv")) == 2
    assert "--predictions with --actuals, or --history alone" in capsys.readouterr().err


def test_forecasts_of_months_that_have_not_come_are_refused_in_words(
    write_history, tmp_path, capsys
):
    past = write_history(A=np.full(24, 10.0))
    out, scores = str(tmp_path / "p.csv"), tmp_path / "s.csv"
    _run("predict", "--history", past, "--out", out, "--engine", "seasonal_naive")
    capsys.readouterr()
    assert _run("backtest", "--predictions", out, "--actuals", past, "--out", str(scores)) == 2
    told = capsys.readouterr().err
    assert "no month in common: the forecasts are of 2025-01 to 2025-12" in told
    assert "has 2023-01 to 2024-12" in told
    assert not scores.exists()


def test_actuals_of_other_products_are_refused_in_words(write_history, tmp_path, capsys):
    past = write_history(A=np.full(24, 10.0))
    out, scores = str(tmp_path / "p.csv"), str(tmp_path / "s.csv")
    _run("predict", "--history", past, "--out", out, "--engine", "seasonal_naive")
    others = write_history("actuals.csv", B=np.full(30, 10.0))
    assert _run("backtest", "--predictions", out, "--actuals", others, "--out", scores) == 2
    assert "no product in common" in capsys.readouterr().err


def test_histories_of_one_month_have_no_origin(write_history, tmp_path, capsys):
    past, scores = write_history(A=[10.0]), tmp_path / "s.csv"
    told = _run("backtest", "--history", past, "--out", str(scores), "--engine", "seasonal_naive")
    assert told == 2
    assert "no origin to forecast from" in capsys.readouterr().err
    assert not scores.exists()
