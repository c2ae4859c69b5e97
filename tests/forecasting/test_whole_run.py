"""A run is closed only over the very files and series that it should hold."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from etl.errors import IncompleteError
from etl.settings import Settings
from forecasting.predict import close_run, predict_shards, run_manifest

CUTOFF = date(2025, 12, 1)
RUN = "2025-12.1"
SETTINGS = Settings(engine="seasonal_naive", jobs=1)
FIRST = "predictions/run_id=2025-12.1/shard=0000.csv"
HISTORY = np.arange(1.0, 25.0)


@pytest.fixture
def predicted(make_lake):
    """Two shards of two products each, all made."""
    lake = make_lake({CUTOFF: [dict.fromkeys(pair, HISTORY) for pair in ("AB", "CD")]})
    predict(lake)
    return lake


def predict(lake):
    return predict_shards(lake, RUN, (0, 1), SETTINGS, each_alone=True)


def edit(lake, change):
    """Change the lines of the first file, its note gone, as if it had been lost."""
    lines = lake.read_bytes(FIRST).decode().splitlines()
    lake.write_bytes(FIRST, ("\n".join(change(lines)) + "\n").encode())
    lake.delete("predictions/run_id=2025-12.1/notes/shard=0000.json")


def refused(lake, words):
    with pytest.raises(IncompleteError, match=words):
        close_run(lake, RUN, SETTINGS)


def test_a_file_that_its_task_did_not_write_is_refused_and_made_again(predicted):
    whole = predicted.read_bytes(FIRST)
    predicted.write_bytes(FIRST, whole.replace(b",13,", b",14,"))
    refused(predicted, r"shard=0000\.csv is not the file that its task wrote; predict shard 0")
    predict(predicted)
    assert predicted.read_bytes(FIRST) == whole
    close_run(predicted, RUN, SETTINGS)
    assert run_manifest(predicted, RUN)["series"] == 4


def test_a_file_that_was_made_before_its_shard_was_cut_anew_is_refused(predicted):
    path = "shards/cutoff_month=2025-12/manifest.json"
    manifest = predicted.read_json(path)
    manifest["shards"][1]["hash"] = "another"
    predicted.write_json(path, manifest)
    refused(predicted, r"shard=0001\.csv was made before .*shard=0001\.parquet was cut anew")
    predict(predicted)
    assert close_run(predicted, RUN, SETTINGS)["series"] == 4


def test_another_series_does_not_make_up_for_one_that_is_missing(predicted):
    edit(predicted, lambda lines: [line.replace('"B"', '"X"') for line in lines])
    refused(predicted, r"shard=0000\.csv lacks M1, S1, B; predict shard 0 again")


def test_a_month_beyond_the_horizon_does_not_make_up_for_one_within(predicted):
    later = ("2026-04-01,4,", "2027-01-01,13,")
    edit(predicted, lambda lines: [*lines[:4], lines[4].replace(*later), *lines[5:]])
    refused(predicted, "has other months than it should of M1, S1, A")


def test_a_series_in_two_shards_is_refused(make_lake):
    lake = make_lake({CUTOFF: [{"A": HISTORY, "B": HISTORY}, {"B": HISTORY}]})
    predict(lake)
    refused(lake, "1 series of run 2025-12.1 stand in two shards, the first in 0 and 1; cut the")
