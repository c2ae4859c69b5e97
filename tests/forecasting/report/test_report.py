"""The analysts' report: what it says is what was scored, and it needs nothing beside it."""

from __future__ import annotations

import io
import re
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from etl.errors import IncompleteError
from etl.settings import Settings
from etl.tables import FLAGS, MONTHLY_SALES, SHARDS
from forecasting.backtest import score_month
from forecasting.configured import Configured
from forecasting.drift import write_alerts
from forecasting.predict import close_run, predict_shard
from forecasting.report import write_report
from forecasting.rollout import Rollout
from forecasting.versions import Version

SETTINGS = Settings(engine="seasonal_naive", jobs=1, horizon=3)
CUTOFF, MONTH = date(2025, 12, 1), date(2026, 1, 1)
SOLD = {"A": 10, "B": 10, "<i>C": 0}


@pytest.fixture
def lake(make_lake):
    """A run from December, scored against January."""
    histories = {"A": np.arange(1.0, 25.0), "B": [4.0, 0.0, 5.0], "<i>C": [9.0] + [0.0] * 23}
    first, second = dict(list(histories.items())[:2]), {"<i>C": histories["<i>C"]}
    lake = make_lake({CUTOFF: [first, second]})
    for shard in (0, 1):
        predict_shard(lake, "2025-12.1", shard, SETTINGS)
    close_run(lake, "2025-12.1", SETTINGS)
    rows = pd.DataFrame(
        {
            "merchant_id": "M1",
            "store_id": "S1",
            "product_id": list(SOLD),
            "month": MONTH,
            "units_sold": list(SOLD.values()),
            "units_remainder": 0,
            "revenue": Decimal(0),
            "currency": "ARS",
            "days_out_of_stock": None,
        }
    )
    lake.write_table("monthly_sales/month=2026-01/part.parquet", rows, MONTHLY_SALES)
    score_month(lake, MONTH)
    write_alerts(lake, MONTH)
    return lake


def test_the_report_says_what_was_scored(lake):
    paths = write_report(lake, MONTH)
    facts = lake.read_json(paths["json"])
    summary = lake.read_json("scores/month=2026-01/summary.json")
    assert facts["headline"] == summary["horizon"][0]
    assert facts["groups"]["store"] == summary["store"]
    page = lake.read_bytes(paths["html"]).decode()
    assert "A month ahead, forecasts missed by 50.0 % of what was sold" in page
    assert "In all, 20.0 % too little was forecast." in page
    rows = pd.read_parquet(io.BytesIO(lake.read_bytes(paths["parquet"])))
    total = rows[rows["group"] == "month ahead"].iloc[0]
    assert total["wape"] == summary["horizon"][0]["wape"]
    assert set(rows["group"]) >= {"store", "category", "class", "model", "horizon", "quantile"}


def test_the_ledger_adds_up(lake):
    ledger = lake.read_json(write_report(lake, MONTH)["json"])["ledger"]
    assert ledger["series"] == ledger["forecast"] + ledger["fallback"] + ledger["none"] == 3
    assert (ledger["forecast"], ledger["fallback"], ledger["none"]) == (1, 1, 1)


def test_the_worst_misses_are_ranked_by_money_with_their_past(lake):
    worst = lake.read_json(write_report(lake, MONTH)["json"])["worst"]
    assert [(one["product_id"], one["money_missed"]) for one in worst] == [("B", 14.0), ("A", 6.0)]
    assert worst[0]["share"] == pytest.approx(14 / 40)
    assert worst[0]["units_before"] == [4, 0, 5]
    assert worst[0]["first_month"] == "2025-10"
    assert worst[0]["months_ahead"] == ["2026-01", "2026-02", "2026-03"]


def test_the_worst_are_shown_also_where_their_shards_were_cut_again_since(lake, make_lake):
    before = lake.read_json(write_report(lake, MONTH)["json"])["worst"]
    a, b = np.arange(1.0, 25.0), [4.0, 0.0, 5.0]
    make_lake({CUTOFF: [{"A": a, "AB": [1.0]}, {"B": b}, {"<i>C": [9.0] + [0.0] * 23}]})
    assert lake.read_json(write_report(lake, MONTH)["json"])["worst"] == before


def test_the_page_needs_nothing_beside_it_and_escapes_what_others_wrote(lake):
    feedback = [
        {"merchant_id": "M1", "store_id": "S1", "product_id": "A", "note": "<script>x</script>"}
    ]
    quality = [{"what": "orders refused", "count": 7}]
    paths = write_report(lake, MONTH, feedback=feedback, quality=quality)
    page = lake.read_bytes(paths["html"]).decode()
    assert not re.search(r"(src|href)=|url\(|<script", page)
    assert "&lt;script&gt;x" in page
    assert "orders refused: 7" in page


def test_what_merchants_said_stands_beside_what_was_sold(lake):
    def said(product, verdict, run_id="2025-12.1"):
        key = {"merchant_id": "M1", "store_id": "S1", "product_id": product}
        return {**key, "verdict": verdict, "note": "", "run_id": run_id}

    feedback = [
        said("A", "too_high"),
        said("B", "too_high"),
        said("B", "too_low", "2025-11.1"),
        said("gone", "other"),
    ]
    paths = write_report(lake, MONTH, feedback=feedback)

    told = lake.read_json(paths["json"])["feedback"]
    assert [(one["product_id"], one["promised"], one["sold"]) for one in told] == [
        ("A", 13.0, 10.0),
        ("B", 3.0, 10.0),
        ("gone", None, None),
    ]
    page = lake.read_bytes(paths["html"]).decode()
    assert "<td>too high</td><td>13</td><td>10</td><td>so</td>" in page
    assert "<td>too high</td><td>3</td><td>10</td><td>not so</td>" in page


def test_the_headline_stands_beside_the_months_before(lake):
    summary = lake.read_json("scores/month=2026-01/summary.json")
    earlier = {**summary["horizon"][0], "wape": 0.25, "skill": None}
    lake.write_json("scores/month=2025-12/summary.json", {**summary, "horizon": [earlier]})
    page = lake.read_bytes(write_report(lake, MONTH)["html"]).decode()

    assert "<span>before: 25.0 %</span>" in page
    assert page.count("<span>before:") == 5


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("serving", "Arima serves</b> since December 2025: because"),
        ("canary", "Ensemble is tried on 10.0 % of series beside arima</b>"),
        ("refused", "Ensemble was refused, and arima serves</b>"),
        ("returned", "Ensemble was taken back, and arima serves</b>"),
    ],
)
def test_the_gates_decision_is_told_with_why(lake, stage, words):
    state = {"serving": "arima", "candidate": "ensemble", "share": 0.1, "stage": stage}
    lake.write_json("gate/state.json", {**state, "since": "2025-12", "why": "because"})
    assert words in lake.read_bytes(write_report(lake, MONTH)["html"]).decode()


def test_extreme_forecasts_of_the_newest_run_are_named(lake):
    run_id = lake.read_json(write_report(lake, MONTH)["json"])["ledger"]["run_id"]
    rows = [("A", "extreme_high", 21.0, 5.0), ("B", "extreme_low", 12.0, 120.0)]
    table = pd.DataFrame(rows, columns=["product_id", "code", "units_forecast", "units_expected"])
    table = table.assign(run_id=run_id, merchant_id="M1", store_id="S1")
    lake.write_table(f"predictions/run_id={run_id}/flags.parquet", table, FLAGS)
    paths = write_report(lake, MONTH)
    assert [one["product_id"] for one in lake.read_json(paths["json"])["flagged"]] == ["B", "A"]
    page = lake.read_bytes(paths["html"]).decode()
    assert '<b>A</b> <span class="soft">M1 / S1</span>: 21 forecast, 5 sold in the best' in page


def test_a_version_whose_runs_are_held_is_told_with_the_ways_on(lake):
    old, new = (Configured("arima", version=Version(name, name, ())) for name in ("1a", "2b"))
    state = Rollout(old, "refused", new, since="2025-12", why="because")
    lake.write_json("gate/state.json", state.to_json())
    page = lake.read_bytes(write_report(lake, MONTH)["html"]).decode()
    held = "Arima version 2b was refused: its runs are held, and the last of arima version 1a"
    assert f"{held} is served</b> since December 2025: because" in page
    assert "<code>python -m forecasting accept</code>" in page


def test_money_of_two_currencies_is_left_out_of_what_spans_them(lake):
    path = "shards/cutoff_month=2025-12/shard=0000.parquet"
    shard = lake.read_table(path)
    place = shard.schema.get_field_index("currency")
    mixed = shard.set_column(place, shard.schema.field("currency"), [["ARS", "BRL"]])
    lake.write_table(path, mixed, SHARDS)
    score_month(lake, MONTH)
    facts = lake.read_json(write_report(lake, MONTH)["json"])
    assert facts["headline"]["wape_money"] is None
    assert {one["currency"]: one["share"] for one in facts["worst"]} == {"ARS": 0.3, "BRL": 0.7}


def test_merchants_own_numbers_are_scored_beside_the_models(lake):
    def own(product, units, model, month="2026-01-01"):
        key = {"merchant_id": "M1", "store_id": "S1", "product_id": product}
        return {**key, "month": month, "units": units, "units_forecast": model}

    adjustments = [
        own("A", 11, 13.0),
        own("B", 0, 3.0),
        own("A", 50, 13.0, "2026-02-01"),
        own("unknown", 1, 1.0),
    ]
    paths = write_report(lake, MONTH, adjustments=adjustments)
    assert lake.read_json(paths["json"])["own_numbers"] == [
        {
            "merchant_id": "M1",
            "made": 2,
            "closer": 1,
            "missed_by_merchant": 1.0 + 10.0,
            "missed_by_model": 3.0 + 7.0,
        }
    ]
    assert "Whose own numbers helped" in lake.read_bytes(paths["html"]).decode()


def test_the_report_is_the_same_when_written_again(lake):
    paths = write_report(lake, MONTH)
    before = {kind: lake.read_bytes(path) for kind, path in paths.items()}
    write_report(lake, MONTH)
    assert {kind: lake.read_bytes(path) for kind, path in paths.items()} == before


def test_a_month_that_nobody_predicted_says_so(lake):
    lake.write_table(
        "monthly_sales/month=2025-12/part.parquet", MONTHLY_SALES.empty(), MONTHLY_SALES
    )
    score_month(lake, CUTOFF)
    page = lake.read_bytes(write_report(lake, CUTOFF)["html"]).decode()
    assert "No earlier run predicted this month" in page


def test_a_month_that_is_not_scored_says_what_to_do(lake):
    with pytest.raises(IncompleteError, match=r"python -m forecasting score --month 2026-02"):
        write_report(lake, date(2026, 2, 1))
