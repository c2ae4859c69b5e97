"""A survey is kept by merchant, and read back by those who need it."""

from __future__ import annotations

import json
from datetime import date

import numpy as np

from etl.lake import Lake
from etl.settings import Settings
from forecasting.ensemble import EnsembleForecaster
from forecasting.forecaster import Series
from forecasting.predict import predict_shard, survey_run
from forecasting.survey_files import read_survey, write_survey

PATH = "predictions/run_id=2025-12.1/survey-x-1.json"


def fleet(merchant):
    """A store that sold a product for years, and one that is new to it."""
    rng = np.random.default_rng(len(merchant))
    for number in range(4):
        old = rng.poisson(20, 40).astype(float)
        yield Series(merchant, "S1", f"P{number}", date(2022, 9, 1), old, "toys")
        yield Series(merchant, "S2", f"P{number}", date(2025, 10, 1), old[:3], "toys")


def test_all_of_a_survey_comes_back_merchant_by_merchant(tmp_path):
    lake, merchants = Lake(tmp_path), ["M1", "Café & Sons", "models"]
    told = EnsembleForecaster().survey([s for merchant in merchants for s in fleet(merchant)])
    survey = json.loads(json.dumps(told))
    assert all(any(m in key for key in survey["findings"]["elsewhere"]) for m in ("M1", "models"))
    write_survey(lake, PATH, survey)
    assert read_survey(lake, PATH, merchants) == survey

    one = read_survey(lake, PATH, ["M1"])
    assert {json.loads(key)[0] for key in one["findings"]["elsewhere"]} == {"M1"}
    assert {json.loads(key)[0] for key in one["models"]} == {"M1"}
    assert {key.partition("|")[0] for key in one["findings"]["shapes"]["0"]} <= {"M1"}
    assert one["findings"]["ranking"] == survey["findings"]["ranking"]
    for_all = lake.read_bytes(PATH).decode()
    assert not any(merchant in for_all for merchant in ("M1", "Caf"))


def test_a_survey_in_one_file_is_still_read(tmp_path):
    lake, survey = Lake(tmp_path), {"findings": {"courses": {"M1": [1]}}, "best_sellers": [["M1"]]}
    lake.write_json(PATH, survey)
    assert read_survey(lake, PATH, ["M1"]) == survey


def test_a_shard_that_cannot_be_read_does_not_keep_others_from_the_survey(make_lake):
    units = np.arange(1.0, 25.0)
    lake = make_lake({date(2025, 12, 1): [{"A": units}, {"B": units}]})
    settings = Settings(engine="ensemble", jobs=1)
    survey_run(lake, "2025-12.1", settings)
    lake.write_bytes("shards/cutoff_month=2025-12/shard=0001.parquet", b"damaged")
    assert survey_run(lake, "2025-12.1", settings, (0, 1)).findings.shapes
    assert predict_shard(lake, "2025-12.1", 0, settings)["series"] == 1
