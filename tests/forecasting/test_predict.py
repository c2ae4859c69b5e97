"""A monthly run in a lake: named, predicted shard by shard, closed, and then left alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest

from etl.errors import IncompleteError, InputError, LakeError
from etl.settings import Settings
from forecasting import engines
from forecasting.forecaster import Forecast
from forecasting.model_store import ModelStore
from forecasting.plan import plan_of
from forecasting.predict import close_run, next_run_id, predict_shard, run_manifest
from forecasting.predictions import cutoff_of, read_predictions
from forecasting.series import every_series, read_shard, series_of

CUTOFF = date(2025, 12, 1)
RUN = "2025-12.1"
SETTINGS = Settings(engine="seasonal_naive", jobs=1)
HISTORIES = {
    "A": np.arange(1.0, 25.0),
    "B": [4.0, 0.0, 5.0],
    "C": [9.0] + [0.0] * 23,
}


@pytest.fixture
def shards(make_lake):
    """A lake with three series up to 2025-12, in two shards; C was last sold in 2024-01."""
    return make_lake({CUTOFF: [{"A": HISTORIES["A"], "B": HISTORIES["B"]}, {"C": HISTORIES["C"]}]})


def _predict(lake, settings=SETTINGS, run_id=RUN):
    return [predict_shard(lake, run_id, shard, settings) for shard in (0, 1)]


def test_a_shard_gets_a_row_for_each_series_and_month(shards):
    told = _predict(shards)[0]
    rows = read_predictions(shards, told["path"]).to_pandas()
    assert told["path"] == "predictions/run_id=2025-12.1/shard=0000.csv"
    assert (told["series"], told["rows"]) == (2, 24) == (2, len(rows))
    first = rows[rows["product_id"] == "A"].iloc[0]
    assert (first["run_id"], first["month"], first["horizon"]) == (RUN, date(2026, 1, 1), 1)
    assert first["units_forecast"] == 13.0
    assert told["units_forecast"] == pytest.approx(sum(range(13, 25)) + 12 * 3)
    assert told["reasons"] == {"short_history": 1}


def test_a_retired_product_is_zero_with_its_reason(shards):
    rows = read_predictions(shards, _predict(shards)[1]["path"]).to_pandas()
    assert set(rows["reason"]) == {"retired last_sale=2024-01"}
    assert rows["hi95"].sum() == 0


def test_a_run_is_closed_with_counts_that_add_up(shards):
    _predict(shards)
    manifest = close_run(shards, RUN, SETTINGS)
    assert manifest == run_manifest(shards, RUN)
    assert (manifest["series"], manifest["rows"]) == (3, 36)
    assert manifest["models"] == {"mean": 1, "seasonal_naive": 1, "zero": 1}
    assert manifest["reasons"] == {"retired": 1, "short_history": 1}
    for shard in manifest["shards"]:
        assert hashlib.sha256(shards.read_bytes(shard["path"])).hexdigest() == shard["sha256"]


def test_repeating_every_step_leaves_the_same_bytes(shards):
    _predict(shards)
    close_run(shards, RUN, SETTINGS)
    before = {path: shards.read_bytes(path) for path in shards.paths("predictions")}
    _predict(shards)
    close_run(shards, RUN, SETTINGS)
    assert {path: shards.read_bytes(path) for path in shards.paths("predictions")} == before


def test_a_run_keeps_its_name_until_it_is_closed(shards):
    assert next_run_id(shards, CUTOFF) == "2025-12.1"
    _predict(shards)
    assert next_run_id(shards, CUTOFF) == "2025-12.1"
    close_run(shards, RUN, SETTINGS)
    assert next_run_id(shards, CUTOFF) == "2025-12.2"


def test_a_run_with_a_shard_missing_is_not_closed(shards):
    predict_shard(shards, RUN, 0, SETTINGS)
    with pytest.raises(IncompleteError, match=r"2025-12\.1 lacks the shards 1 of 2; predict them"):
        close_run(shards, RUN, SETTINGS)


def test_a_shard_with_a_series_missing_is_not_closed(shards):
    path = _predict(shards)[0]["path"]
    lines = shards.read_bytes(path).splitlines(keepends=True)
    shards.write_bytes(path, b"".join(lines[:13]))
    with pytest.raises(IncompleteError, match=r"12 rows of 1 series where 2 series of 12 months"):
        close_run(shards, RUN, SETTINGS)


def test_a_closed_run_does_not_change(shards):
    path = _predict(shards)[0]["path"]
    close_run(shards, RUN, SETTINGS)
    with pytest.raises(LakeError, match=r"would change.*start 2025-12\.2 instead"):
        close_run(shards, RUN, replace(SETTINGS, engine="pmdarima"))
    shards.write_bytes(path, shards.read_bytes(path).replace(b",13,", b",14,"))
    with pytest.raises(LakeError, match=r"is not the file that run 2025-12\.1 was closed with"):
        predict_shard(shards, RUN, 0, SETTINGS)


def test_a_cutoff_without_shards_says_how_to_build_them(shards):
    with pytest.raises(IncompleteError, match=r"python -m etl shards --cutoff 2026-01"):
        predict_shard(shards, "2026-01.1", 0, SETTINGS)
    with pytest.raises(IncompleteError, match=r"numbered 0 to [0-9]; found 7"):
        predict_shard(shards, RUN, 7, SETTINGS)


@pytest.mark.parametrize("name", ["2026-13.1", "2026-1.1", "2026-10", "2026-10.0", "../x"])
def test_what_names_no_run_is_refused(name):
    with pytest.raises(InputError, match=r"a run is named YYYY-MM\.R, as in 2026-10\.1; found"):
        cutoff_of(name)


def test_an_engine_that_surveys_sees_every_shard_once(shards):
    settings = replace(SETTINGS, engine="pmdarima", pmdarima_best_sellers=0)
    _predict(shards, settings)
    (survey,) = (path for path in shards.paths("predictions") if "/survey-" in path)
    assert shards.read_json(survey) == {"best_sellers": []}
    manifest = close_run(shards, RUN, settings)
    assert manifest["reasons"] == {"beyond_budget": 2, "retired": 1}
    assert manifest["best_sellers"] == 0


@dataclass(frozen=True)
class Remembering:
    """Says in its reason which model it was given, and gives the months of the series as one."""

    name: str = "remembering"

    def forecast(self, batch, horizon):
        raise NotImplementedError

    def forecast_warm(self, batch, horizon, previous):
        flat = np.ones((3, horizon))
        return [
            (Forecast(flat[0], flat, flat, self.name, f"was={before}"), f'{{"n":{s.months}}}')
            for s, before in zip(batch, previous, strict=True)
        ]


def test_models_are_kept_and_start_the_next_month(make_lake, monkeypatch):
    monkeypatch.setitem(engines.ENGINES, "remembering", f"{__name__}:Remembering")
    settings = replace(SETTINGS, engine="remembering")
    first, second = {"A": [1.0, 2.0], "B": [3.0, 4.0]}, {"C": [5.0]}
    later = {"A": [1.0, 2.0, 3.0], "C": [5.0, 6.0], "D": [1.0]}
    lake = make_lake({CUTOFF: [first, second], date(2026, 1, 1): [later]})
    trained_at = datetime(2026, 1, 3, 6, tzinfo=UTC)
    for shard in (0, 1):
        predict_shard(lake, RUN, shard, settings, trained_at)
    close_run(lake, RUN, settings)
    path = predict_shard(lake, "2026-01.1", 0, settings)["path"]
    rows = read_predictions(lake, path).to_pandas()
    reasons = dict(zip(rows["product_id"], rows["reason"], strict=True))
    assert reasons == {"A": 'was={"n":2}', "C": 'was={"n":1}', "D": "was=None"}

    made_by = plan_of(lake, RUN, settings).configuration_hash(settings.horizon)
    store = ModelStore(lake, "remembering", made_by)
    assert store.load(CUTOFF, [("M1", "S1", "B")]) == {("M1", "S1", "B"): '{"n":2}'}
    assert store.load(date(2025, 11, 1), [("M1", "S1", "B")]) == {}
    kept = lake.read_table(lake.paths("models", "shard=0000.parquet")[0]).to_pylist()[0]
    assert kept["trained_at"] == trained_at
    assert len(kept["data_hash"]) == 16


def test_a_series_that_is_kept_does_not_keep_its_shard_in_memory(make_lake):
    shard = read_shard(make_lake({CUTOFF: [{"A": [1.0, 2.0], "B": [3.0, 4.0]}]}), CUTOFF, 0)
    place = shard.column_names.index("days_out_of_stock")
    told = pa.array([[0, 2], [None, None]], shard.schema.field(place).type)
    kept, _ = series_of(shard.set_column(place, shard.schema.field(place), told))
    assert kept.days_out_of_stock.tolist() == [0, 2]
    assert kept.units.base is None and kept.days_out_of_stock.base is None


def test_every_series_of_a_cutoff_is_read_from_its_shards(shards):
    found = {series.product_id: series for series in every_series(shards, CUTOFF)}
    assert list(found) == ["A", "B", "C"]
    assert found["B"].first_month == date(2025, 10, 1)
    assert list(found["B"].units) == [4.0, 0.0, 5.0]
    assert [series.active for series in found.values()] == [True, True, False]
    assert found["A"].days_out_of_stock is None
