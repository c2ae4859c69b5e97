"""`python -m forecasting predict`: people's own histories in, forecasts out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from etl.errors import InputError
from forecasting.__main__ import main
from forecasting.history import open_history

HEADER = "merchant_id,store_id,product_id,month,units_sold"
COLUMNS = [
    *("merchant_id", "store_id", "product_id", "cutoff_month", "month", "horizon"),
    *("units_forecast", "lo50", "hi50", "lo80", "hi80", "lo95", "hi95", "model", "reason"),
]


@pytest.fixture
def history(tmp_path):
    """Two years of 007, and three months of B with one of them missing, rows mixed."""
    months = pd.date_range("2024-01-01", periods=24, freq="MS").strftime("%Y-%m-%d")
    rows = [f"M1,S1,007,{month},{i + 0.5}" for i, month in enumerate(months)]
    rows[3:3] = ["M1,S1,B,2025-12,4", "M1,S1,B,2025-10-01,8"]
    path = tmp_path / "history.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def _predict(history, out, *more):
    arguments = ["predict", "--history", str(history), "--out", str(out)]
    return main([*arguments, "--engine", "seasonal_naive", "--jobs", "1", *more])


def _read(text, tmp_path, cutoff=None):
    path = tmp_path / "given.csv"
    path.write_text(f"{HEADER}\n{text}\n")
    with open_history(path, cutoff) as series:
        return list(series)


def test_every_series_gets_a_row_for_each_month_ahead(history, tmp_path, capsys):
    assert _predict(history, tmp_path / "p.csv") == 0
    rows = pd.read_csv(tmp_path / "p.csv", dtype={"product_id": str}, keep_default_na=False)
    assert list(rows.columns) == COLUMNS
    assert rows.groupby("product_id").size().to_dict() == {"007": 12, "B": 12}
    first = rows[rows["product_id"] == "007"].iloc[0]
    assert (first["cutoff_month"], first["month"], first["horizon"]) == (
        "2025-12-01",
        "2026-01-01",
        1,
    )
    assert first["units_forecast"] == 12.5
    assert rows[rows["product_id"] == "B"]["units_forecast"].tolist() == [4.0] * 12
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "series": 2,
        "rows": 24,
        "models": {"mean": 1, "seasonal_naive": 1},
        "reasons": {"short_history": 1},
    }


def test_parquet_in_and_out_say_the_same_as_csv(history, tmp_path):
    given = pd.read_csv(history, dtype={"product_id": str})
    given["month"] = pd.to_datetime(given["month"], format="mixed")
    given.to_parquet(tmp_path / "history.parquet")
    assert _predict(tmp_path / "history.parquet", tmp_path / "p.parquet") == 0
    assert _predict(history, tmp_path / "p.csv") == 0
    from_parquet = pd.read_parquet(tmp_path / "p.parquet")
    from_csv = pd.read_csv(tmp_path / "p.csv", dtype={"product_id": str}, keep_default_na=False)
    for name in ("cutoff_month", "month"):
        from_csv[name] = pd.to_datetime(from_csv[name]).dt.date
    pd.testing.assert_frame_equal(from_parquet, from_csv, check_dtype=False)


def test_a_month_missing_inside_a_history_is_a_zero(history):
    with open_history(history) as series:
        found = {one.product_id: one for one in series}
    assert found["B"].first_month == date(2025, 10, 1)
    assert list(found["B"].units) == [8.0, 0.0, 4.0]


def test_a_cutoff_fills_with_zeros_up_to_it_and_ignores_what_is_later(tmp_path):
    text = "M,S,A,2025-01,5\nM,S,A,2025-06,7\nM,S,B,2025-05,1\nM,S,B,2025-02,2"
    a, b = _read(text, tmp_path, date(2025, 4, 1))
    assert list(a.units) == [5, 0, 0, 0]
    assert list(b.units) == [2, 0, 0]
    assert a.cutoff_month == b.cutoff_month == date(2025, 4, 1)


def test_a_series_that_begins_after_the_cutoff_keeps_its_rows(tmp_path):
    path = tmp_path / "given.csv"
    path.write_text(f"{HEADER}\nM,S,NEW,2025-06,7\n")
    assert _predict(path, tmp_path / "p.csv", "--cutoff", "2025-04", "--horizon", "3") == 0
    rows = pd.read_csv(tmp_path / "p.csv")
    assert rows["month"].tolist() == ["2025-05-01", "2025-06-01", "2025-07-01"]
    assert set(rows["reason"]) == {"no_history months=0"}


def test_a_product_that_sold_nothing_for_a_year_is_retired(tmp_path):
    gone, fresh = _read("M,S,A,2024-01,5\nM,S,B,2024-02,5", tmp_path, date(2025, 1, 1))
    assert (gone.active, fresh.active) == (False, True)


def test_columns_that_tell_more_are_used(tmp_path):
    path = tmp_path / "given.csv"
    path.write_text(
        f"{HEADER},category,days_out_of_stock,note\n"
        "M,S,A,2025-01,5,toys,3,x\nM,S,A,2025-03,5,games,,y\nM,S,B,2025-03,1,,,\n"
    )
    with open_history(path) as series:
        a, b = list(series)
    assert (a.category, b.category) == ("games", "unknown")
    np.testing.assert_array_equal(a.days_out_of_stock, [3, np.nan, np.nan])
    assert b.days_out_of_stock is None


@pytest.mark.parametrize("days", ["some", "-1", "32", "inf"])
def test_days_that_no_month_has_are_refused(tmp_path, days):
    path = tmp_path / "given.csv"
    path.write_text(f"{HEADER},days_out_of_stock\nM,S,A,2025-01,5,3\nM,S,A,2025-02,5,{days}\n")
    message = f"row 2: days_out_of_stock must be 0 to 31, or empty .*; found '{days}'"
    with pytest.raises(InputError, match=message), open_history(path):
        pass


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("M,S,A,2025-01,1\nM,S,A,2025-02,-3", r"given.csv, row 2: units_sold must be a number, no"),
        ("M,S,A,2025-01,1e16", "row 1: units_sold may be 1e15 at most, .*; found '1e16'"),
        ("M,S,A,2025-01,nan", "row 1: units_sold must be a number, not negative; found 'nan'"),
        ("M,S,A,2025-01,", "row 1: units_sold must be a number, not negative; found None"),
        ("M,S,A,2025-01,many", "row 1: units_sold must be a number, not negative; found 'many'"),
        ("M,S,A,2025-01-15,1", "row 1: month must be the first day of a month, or YYYY-MM; fou"),
        ("M,S,A,yesterday,1", "row 1: month must be .*; found 'yesterday'"),
        ("M,,A,2025-01,1", "row 1: store_id may not be empty"),
        ("M|S,S,A,2025-01,1", r"row 1: merchant_id may not hold .* apart; found 'M\|S'"),
        ("=M,S,A,2025-01,1", "row 1: merchant_id may not hold .* apart; found '=M'"),
        ("M,S,A,2025-01,1\nM,S,A,2025-01-01,2", r"rows 1 and 2: \(M, S, A\) may have one row for"),
        ("", "has no rows"),
    ],
)
def test_a_bad_row_is_named_with_its_rule(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        _read(text, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("h.csv", "merchant_id,month\nM,2025-01\n", "it lacks store_id, product_id, units_sold"),
        ("h.txt", "", r"h\.txt must end in \.parquet or \.csv"),
        ("h.parquet", "not parquet", r"h\.parquet cannot be read"),
        ("missing.csv", None, r"there is no file .*missing\.csv"),
    ],
)
def test_a_file_that_is_no_history_is_named(tmp_path, capsys, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    assert _predict(tmp_path / name, tmp_path / "p.csv") == 2
    with pytest.raises(InputError, match=message):
        open_history(tmp_path / name).__enter__()
    assert not (tmp_path / "p.csv").exists()
    assert "python -m forecasting: " in capsys.readouterr().err


def test_what_cannot_be_written_or_asked_is_said(history, tmp_path, capsys):
    assert _predict(history, tmp_path / "nowhere" / "p.csv") == 2
    assert _predict(history, tmp_path / "p.xlsx") == 2
    assert _predict(history, tmp_path / "p.csv", "--engine", "magic") == 2
    assert _predict(history, tmp_path / "p.csv", "--cutoff", "soon") == 2
    assert _predict(history, tmp_path / "p.csv", "--horizon", "0") == 2
    said = capsys.readouterr().err
    for words in ("No such file", "must end in", "no engine 'magic'", "YYYY-MM", "from 1 on"):
        assert words in said


def test_rows_are_numbered_in_the_order_of_a_large_file(tmp_path):
    lines = [f"M,S,P{i // 50},{2000 + i % 50 // 12}-{i % 50 % 12 + 1:02},1" for i in range(400_000)]
    lines[311_234] = lines[311_234].rsplit(",", 1)[0] + ",-1"
    with pytest.raises(InputError, match="row 311235:"):
        _read("\n".join(lines), tmp_path)


def test_series_are_whole_however_the_reading_is_cut(tmp_path):
    lines = [f"M,S,P{i:05},2025-{month:02},{i}" for month in range(1, 13) for i in range(12_000)]
    found = _read("\n".join(lines), tmp_path)
    assert len(found) == 12_000
    assert all((one.units == i).all() and one.months == 12 for i, one in enumerate(found))


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_no_half_file(tmp_path, sign):
    months = pd.date_range("2021-01-01", periods=60, freq="MS").strftime("%Y-%m")
    lines = [
        f"M,S,P{i:02},{month},{i * j % 7}" for i in range(40) for j, month in enumerate(months)
    ]
    path = tmp_path / "history.csv"
    path.write_text("\n".join([HEADER, *lines]))
    out = tmp_path / "p.csv"
    out.write_text("before")
    command = [sys.executable, "-m", "forecasting", "predict", "--history", str(path)]
    process = subprocess.Popen(
        [*command, "--out", str(out), "--engine", "pmdarima", "--jobs", "2"],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
    )
    with process:
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob(".p.csv.*.tmp")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        process.send_signal(sign)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"nothing half-written is left" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "p.csv"]
    assert out.read_text() == "before"
