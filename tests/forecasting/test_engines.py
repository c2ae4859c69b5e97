"""One contract for every engine: sound, in order, for any history, in any process."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from etl.errors import InputError
from etl.settings import Settings
from forecasting.arima import ArimaModel
from forecasting.configured import configured
from forecasting.engines import ENGINES, open_engine
from forecasting.forecaster import SurveyingForecaster
from forecasting.guard import broken_rule
from forecasting.model_store import ModelStore
from forecasting.plan import Plan
from forecasting.predict import close_run, predict_shard

RNG = np.random.default_rng(7)
HISTORIES = {
    "one": [5.0],
    "zeros": np.zeros(30),
    "constant": np.full(30, 4.0),
    "tiny": RNG.uniform(1e-9, 2e-9, 30),
    "huge": RNG.uniform(1e12, 2e12, 30),
    "spike": np.where(np.arange(30) == 13, 900.0, 1.0),
    "shift": np.where(np.arange(40) < 20, 3.0, 300.0) + RNG.uniform(0, 1, 40),
    "rare": RNG.poisson(0.2, 40),
    "yearly": 20 + 9 * np.sin(np.arange(40) * np.pi / 6) + RNG.normal(0, 1, 40),
}


@pytest.fixture
def batch(make_series):
    return [make_series(units, name) for name, units in HISTORIES.items()]


@pytest.fixture(params=sorted(ENGINES))
def engine(request, batch):
    # pmdarima takes seconds a series; its own tests search, here it serves by rule.
    options = {"best_sellers": 0} if request.param == "pmdarima" else {}
    found = open_engine(request.param, **options)
    if isinstance(found, SurveyingForecaster):
        return found.informed(found.survey(batch))
    return found


@pytest.mark.parametrize("horizon", [1, 12])
def test_every_history_gets_a_sound_forecast(engine, batch, horizon):
    forecasts = engine.forecast(batch, horizon)
    broken = [broken_rule(forecast, horizon) for forecast in forecasts]
    assert broken == [""] * len(batch)
    assert all(forecast.model for forecast in forecasts)


def test_an_answer_does_not_depend_on_the_rest_of_the_batch(engine, batch):
    together = engine.forecast(batch[3:6], 12)
    alone = [engine.forecast([series], 12)[0] for series in batch[3:6]]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.units, other.units)
        np.testing.assert_array_equal(one.upper, other.upper)


def test_an_engine_travels_to_another_process(engine, batch):
    arrived = pickle.loads(pickle.dumps(engine))
    assert arrived.name == engine.name
    np.testing.assert_array_equal(
        arrived.forecast(batch[1:2], 12)[0].units, engine.forecast(batch[1:2], 12)[0].units
    )


def test_an_engine_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(InputError, match=r"no engine 'prophecy'; choose one of adida, .*pmdarima"):
        open_engine("prophecy")


def configuration_hash(settings):
    wanted = configured(settings)
    return Plan(wanted, wanted).configuration_hash(settings.horizon)


def test_configurations_differ_where_the_numbers_would():
    settings = Settings(engine="pmdarima")
    hashes = {
        configuration_hash(settings),
        configuration_hash(replace(settings, horizon=6)),
        configuration_hash(replace(settings, pmdarima_best_sellers=1)),
        configuration_hash(replace(settings, engine="arima")),
    }
    assert len(hashes) == 4
    assert configuration_hash(replace(settings, jobs=7)) == configuration_hash(settings)


def test_arima_models_of_a_month_are_there_for_the_next(make_lake):
    settings = Settings(engine="arima", jobs=1)
    history = np.round(HISTORIES["yearly"])
    cutoff, next_cutoff = date(2025, 12, 1), date(2026, 1, 1)
    lake = make_lake({cutoff: [{"A": history[:-1]}], next_cutoff: [{"A": history}]})
    predict_shard(lake, "2025-12.1", 0, settings)
    close_run(lake, "2025-12.1", settings)
    store = ModelStore(lake, open_engine("arima").name, configuration_hash(settings))
    text = store.load(cutoff, [("M1", "S1", "A")])[("M1", "S1", "A")]
    assert ArimaModel.from_json(text).saw(history[:-1])
    assert predict_shard(lake, "2026-01.1", 0, settings)["models"] == {"arima": 1}


def test_an_arima_model_that_cannot_be_read_is_searched_anew(batch):
    engine = open_engine("arima")
    (cold, _), (warm, model) = (
        engine.forecast_warm(batch[-1:], 12, [previous])[0] for previous in (None, "{broken")
    )
    np.testing.assert_array_equal(warm.units, cold.units)
    assert model is not None
