"""`python -m forecasting predict-daily`: people's own files."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from etl.tables import DAILY_PREDICTIONS
from forecasting.__main__ import main
from forecasting.daily.history import open_daily_history

FIRST = date(2025, 1, 6)


def rows(product: str, units: object, store: str = "S1", first: date = FIRST) -> list[dict]:
    return [
        {
            "merchant_id": "M1",
            "store_id": store,
            "product_id": product,
            "date": first + timedelta(days=n),
            "units_sold": float(value),
        }
        for n, value in enumerate(np.asarray(units))
    ]


@pytest.fixture
def predict(tmp_path, capsys):
    """Runs the command on rows; gives the exit code, what was said and what was written."""

    def run(content: list[dict], *more: str, kind: str = "csv"):
        history, out = tmp_path / f"history.{kind}", tmp_path / "out.parquet"
        frame = pd.DataFrame(content)
        frame.to_csv(history, index=False) if kind == "csv" else frame.to_parquet(history)
        arguments = ["predict-daily", "--history", str(history), "--out", str(out), "--jobs", "1"]
        code = main([*arguments, *more])
        told = capsys.readouterr()
        return code, told.err, pd.read_parquet(out) if out.exists() else None

    return run


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_every_series_in_is_every_series_out(predict, kind):
    rng = np.random.default_rng(2)
    content = [
        *rows("A", rng.poisson(9, 90)),
        *rows("B", [1.5]),
        *rows("C", np.zeros(30)),
        *rows("A", rng.poisson(2, 60), store="S2"),
    ]
    code, _, out = predict(content, kind=kind)
    assert code == 0
    assert list(out.columns) == DAILY_PREDICTIONS.names
    assert len(out) == 4 * 7
    assert set(zip(out["store_id"], out["product_id"], strict=True)) == {
        ("S1", "A"), ("S1", "B"), ("S1", "C"), ("S2", "A"),
    }  # fmt: skip
    own = out[(out["store_id"] == "S1") & (out["product_id"] == "A")]
    assert own["date"].tolist() == [FIRST + timedelta(days=89 + n) for n in range(1, 8)]
    assert own["horizon"].tolist() == list(range(1, 8))
    assert (out["reason"] != "").all()


def test_horizon_engine_and_cutoff_are_kept_to(predict):
    content = [*rows("A", np.arange(60.0) % 7), *rows("B", np.ones(10), first=date(2025, 5, 1))]
    more = ("--horizon", "3", "--engine", "weekday_naive", "--cutoff", "2025-03-10")
    code, _, out = predict(content, *more)
    assert code == 0
    assert set(out["cutoff_date"]) == {date(2025, 3, 10)}
    assert len(out) == 6
    assert out[out["product_id"] == "B"]["units_forecast"].tolist() == [0, 0, 0]


def test_rows_in_any_order_and_days_missing_inside_are_zeros(tmp_path):
    path = tmp_path / "history.csv"
    content = [row for row in rows("A", [1, 2, 3, 4, 5]) if row["units_sold"] != 3]
    pd.DataFrame(content[::-1]).to_csv(path, index=False)
    with open_daily_history(path) as history:
        (series,) = history
    assert series.units.tolist() == [1, 2, 0, 4, 5]
    assert series.first_date == FIRST


def test_the_weekday_on_which_a_store_sells_nothing_is_closed(tmp_path):
    path = tmp_path / "history.parquet"
    units = np.tile([3.0, 2, 4, 3, 5, 6, 0], 8)
    pd.DataFrame([*rows("A", units), *rows("B", units[:49])]).to_parquet(path)
    with open_daily_history(path) as history:
        series = list(history)
    assert [np.flatnonzero(one.state == 2).tolist() for one in series] == [
        list(range(6, 56, 7)),
        list(range(6, 49, 7)),
    ]


BAD = [
    ({"units_sold": -1}, r"history.csv, row 2: units_sold must be a number, not negative; found"),
    ({"units_sold": "many"}, "row 2: units_sold must be a number"),
    ({"date": "2025-13-01"}, "row 2: date must be a calendar day"),
    ({"date": "2025-01-06"}, r"rows 1 and 2: \(M1, S1, A\) may have one row for a day"),
    ({"product_id": ""}, "row 2: product_id may not be empty"),
    ({"date": "1901-01-06"}, "a daily history spans at most 20000 days"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_a_bad_row_is_named_and_nothing_is_written(predict, change, message):
    content = rows("A", [1, 2, 3])
    content[1] |= change
    code, said, out = predict(content)
    assert code == 2
    assert out is None
    assert pd.Series([said]).str.contains(message).all(), said


def test_a_missing_column_an_unknown_engine_and_a_bad_day_say_so(predict):
    content = [
        {name: value for name, value in row.items() if name != "date"} for row in rows("A", [1])
    ]
    assert "lacks date" in predict(content)[1]
    assert (
        "no daily engine 'arima'; choose one of daily, ets"
        in predict(rows("A", [1]), "--engine", "arima")[1]
    )
    assert "a day is written YYYY-MM-DD" in predict(rows("A", [1]), "--cutoff", "2025-01")[1]
