"""A shard that cannot be made: the others go on, and the run says what it lacks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from etl.errors import IncompleteError, LakeError
from etl.settings import Settings
from forecasting import predict
from forecasting.predict import close_run, next_run_id, predict_shards
from forecasting.predictions import read_predictions
from forecasting.report.facts import ledger_of
from forecasting.shard_notes import failure_of

CUTOFF = date(2025, 12, 1)
RUN = "2025-12.1"
STRICT = Settings(engine="arima", jobs=1)
PATIENT = replace(STRICT, failed_shards_limit=0.5)
SHARDS = (0, 1, 2)


@pytest.fixture
def lake(make_lake):
    """Three shards of two products each."""
    level = np.arange(1.0, 25.0)
    names = ["AB", "CD", "EF"]
    return make_lake({CUTOFF: [{name: level + len(name) for name in pair} for pair in names]})


@pytest.fixture
def out_of_memory(monkeypatch):
    """Reading shard 1 fails, as often as is told, while it is predicted."""
    whole = predict.read_shard
    left = [3]

    def read(lake, cutoff, shard):
        if shard == 1 and left[0]:
            left[0] -= 1
            raise MemoryError("no memory for shard 1")
        return whole(lake, cutoff, shard)

    monkeypatch.setattr(predict, "read_shard", read)
    return left


def attempt(lake, settings=PATIENT):
    return predict_shards(lake, RUN, SHARDS, settings, each_alone=True)


def damage(lake, shard):
    lake.write_bytes(f"shards/cutoff_month=2025-12/shard={shard:04}.parquet", b"damaged")


def test_the_other_shards_are_made_and_not_made_again(lake, out_of_memory):
    for _ in range(2):
        with pytest.raises(MemoryError, match="no memory for shard 1"):
            attempt(lake)
    assert lake.exists("predictions/run_id=2025-12.1/shard=0002.csv")
    made = lake.read_bytes("predictions/run_id=2025-12.1/notes/shard=0002.json")
    out_of_memory[0] = 0
    assert [told["shard"] for told in attempt(lake)] == [0, 1, 2]
    assert lake.read_bytes("predictions/run_id=2025-12.1/notes/shard=0002.json") == made
    assert "failed" not in close_run(lake, RUN, PATIENT, without_failed=True)


def test_what_failed_is_answered_by_the_rule_and_named(lake, out_of_memory):
    for _ in range(3):
        with pytest.raises(MemoryError):
            attempt(lake)
    manifest = close_run(lake, RUN, PATIENT, without_failed=True)
    assert manifest["failed"] == [
        {
            "shard": 1,
            "message": "MemoryError: no memory for shard 1",
            "tries": 3,
            "series": 2,
            "served": "rule",
        }
    ]
    assert manifest["series"] == 6
    rows = read_predictions(lake, "predictions/run_id=2025-12.1/shard=0001.csv").to_pandas()
    assert set(rows["reason"]) == {
        "engine_failed engine=arima error=shard_failed served=seasonal_naive"
    }
    ledger = ledger_of(manifest)
    assert (ledger["forecast"], ledger["fallback"], ledger["missing"]) == (4, 2, 0)
    assert ledger["failed"] == manifest["failed"]
    assert close_run(lake, RUN, PATIENT, without_failed=True) == manifest
    assert next_run_id(lake, CUTOFF) == "2025-12.2"


def test_a_shard_that_cannot_be_read_is_missing_series_by_series(lake):
    damage(lake, 1)
    with pytest.raises(LakeError, match=r"shard=0001\.parquet is not readable parquet"):
        attempt(lake)
    keys = pd.DataFrame({"merchant_id": "M1", "store_id": "S1", "product_id": list("ABCDEF")})
    keys.to_parquet(lake.uri("shards").replace("shards", "month.parquet"))
    month = lake.read_bytes("month.parquet")
    lake.write_bytes("monthly_sales/month=2025-12/part.parquet", month)
    manifest = close_run(lake, RUN, PATIENT, without_failed=True)
    assert (manifest["series"], manifest["missing_series"]) == (4, 2)
    assert manifest["failed"][0]["served"] == "nothing"
    missing = lake.read_table(manifest["missing"]).to_pylist()
    assert [row["product_id"] for row in missing] == ["C", "D"]
    assert ledger_of(manifest)["missing"] == 2
    assert close_run(lake, RUN, PATIENT, without_failed=True) == manifest


def test_missing_series_are_not_named_by_sales_that_count_otherwise(lake):
    damage(lake, 1)
    with pytest.raises(LakeError):
        attempt(lake)
    manifest = close_run(lake, RUN, PATIENT, without_failed=True)
    assert manifest["missing_series"] == 2
    assert lake.read_table(manifest["missing"]).num_rows == 0


def test_above_the_limit_the_run_is_not_closed_and_a_later_try_repairs_it(lake, out_of_memory):
    with pytest.raises(MemoryError):
        attempt(lake, STRICT)
    with pytest.raises(
        IncompleteError,
        match=r"lacks the shards 1 of 3, 33\.3% of its series where STORECAST_FAILED_SHARDS_LIMIT "
        r"allows 2\.0%; the first says: MemoryError: no memory for shard 1\. Mend that",
    ):
        close_run(lake, RUN, STRICT, without_failed=True)
    assert not lake.exists("predictions/run_id=2025-12.1/manifest.json")
    out_of_memory[0] = 0
    attempt(lake, STRICT)
    assert "failed" not in close_run(lake, RUN, STRICT, without_failed=True)


def test_a_shard_whose_task_was_lost_is_named_too(lake):
    predict_shards(lake, RUN, [0, 2], PATIENT, each_alone=True)
    (failed,) = close_run(lake, RUN, PATIENT, without_failed=True)["failed"]
    assert failed["message"] == "its task ended without a word: killed, or out of time"
    assert (failed["tries"], failed["served"]) == (0, "rule")


def test_closing_by_hand_waits_for_every_shard(lake):
    predict_shards(lake, RUN, [0, 2], PATIENT, each_alone=True)
    with pytest.raises(IncompleteError, match="lacks the shards 1 of 3; predict them"):
        close_run(lake, RUN, PATIENT)


def test_a_shard_is_made_again_where_engine_or_history_changed(lake):
    attempt(lake)
    note = "predictions/run_id=2025-12.1/notes/shard=0000.json"
    first = lake.read_json(note)["made_from"]
    predict_shards(lake, RUN, [0], replace(PATIENT, engine="seasonal_naive"), each_alone=True)
    assert lake.read_json(note)["made_from"] != first
    assert failure_of(lake, RUN, 0, there=True) is None


def test_what_a_run_has_cost_is_kept_by_engine(lake):
    attempt(lake)
    cost = close_run(lake, RUN, PATIENT)["cost"]
    assert (cost["engine"], cost["series"], cost["shards"]) == ("arima", 6, 3)
    assert cost["seconds"] > 0
    assert lake.read_json("costs/engine=arima/run_id=2025-12.1.json") == cost
