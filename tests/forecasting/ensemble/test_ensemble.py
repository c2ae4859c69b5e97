"""The engine as a whole: every series answered, alike however the fleet is cut, warm from JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forecasting import ensemble
from forecasting.ensemble import EnsembleForecaster, EnsembleModel
from forecasting.forecaster import Forecast, Series, SurveyingForecaster, WarmForecaster
from forecasting.guard import broken_rule


@pytest.fixture(scope="module")
def findings(fleet: list[Series]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(json.dumps(EnsembleForecaster().survey(fleet)))
    return told


@pytest.fixture(scope="module")
def engine(findings: dict[str, Any]) -> Any:
    return EnsembleForecaster().informed(findings)


def same(one: Forecast, other: Forecast) -> bool:
    return all(
        np.array_equal(getattr(one, part), getattr(other, part))
        for part in ("units", "lower", "upper", "reason")
    )


def test_it_surveys_and_starts_warm() -> None:
    assert isinstance(EnsembleForecaster(), SurveyingForecaster)
    assert isinstance(EnsembleForecaster(), WarmForecaster)


def test_every_series_has_a_sound_answer_and_a_reason(engine: Any, fleet: list[Series]) -> None:
    found = engine.forecast(fleet, 12)
    assert [broken_rule(one, 12) for one in found] == [""] * len(fleet)
    assert all(one.reason for one in found)


def test_a_series_does_not_care_with_whom_it_is_forecast(engine: Any, fleet: list[Series]) -> None:
    together = engine.forecast(fleet[:6], 12)
    alone = [engine.forecast([series], 12)[0] for series in reversed(fleet[:6])]
    assert all(same(*pair) for pair in zip(together, reversed(alone), strict=True))


def test_an_uninformed_engine_surveys_its_batch(
    engine: Any, findings: dict[str, Any], fleet: list[Series]
) -> None:
    del findings
    assert same(EnsembleForecaster().forecast(fleet, 6)[0], engine.forecast(fleet, 6)[0])


def test_the_order_of_the_fleet_has_no_say(findings: dict[str, Any], fleet: list[Series]) -> None:
    turned = EnsembleForecaster().survey(list(reversed(fleet)))
    assert json.loads(json.dumps(turned["findings"])) == findings["findings"]


def test_reason_tells_class_length_and_weights(engine: Any, fleet: list[Series]) -> None:
    reason = engine.forecast(fleet[:1], 12)[0].reason
    assert reason.startswith("raced class=smooth length=long weights=")
    shares = [
        float(part.split(":")[1]) for part in reason.split("weights=")[1].split(" ")[0].split(",")
    ]
    assert sum(shares) == pytest.approx(1.0, abs=0.03)


def test_a_model_survives_json(engine: Any, fleet: list[Series]) -> None:
    text = engine.forecast_warm(fleet[:1], 12, [None])[0][1]
    model = EnsembleModel.from_json(text)
    assert model.to_json() == text
    assert model.saw(fleet[0].units)


def test_the_same_history_is_answered_from_its_model_alone(
    engine: Any, fleet: list[Series], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, model = engine.forecast_warm(fleet[5:6], 12, [None])[0]
    monkeypatch.setattr(ensemble, "run_race", None)
    bare = replace(engine, surveyed={})
    again, _ = bare.forecast_warm(fleet[5:6], 12, [model])[0]
    assert same(first, again)


def test_a_month_later_the_fits_look_ahead_without_a_race(
    engine: Any, fleet: list[Series], monkeypatch: pytest.MonkeyPatch
) -> None:
    forecast, model = engine.forecast_warm(fleet[:1], 12, [None])[0]
    later = replace(fleet[0], units=np.append(fleet[0].units, forecast.units[0]))
    monkeypatch.setattr(ensemble, "_race_is_due", lambda series: False)
    monkeypatch.setattr(ensemble, "run_race", None)
    warm, kept = engine.forecast_warm([later], 11, [model])[0]
    np.testing.assert_allclose(warm.units, forecast.units[1:], rtol=0.15)
    assert EnsembleModel.from_json(kept).held == EnsembleModel.from_json(model).held + 1


def test_a_surprise_runs_the_race_again(
    engine: Any, fleet: list[Series], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, model = engine.forecast_warm(fleet[:1], 12, [None])[0]
    later = replace(fleet[0], units=np.append(fleet[0].units, 100 * fleet[0].units.max()))
    raced = []
    original = ensemble.run_race
    monkeypatch.setattr(ensemble, "_race_is_due", lambda series: False)
    monkeypatch.setattr(ensemble, "run_race", lambda *a, **k: raced.append(1) or original(*a, **k))
    engine.forecast_warm([later], 12, [model])
    assert raced == [1]


def test_a_seasonal_product_is_forecast_in_its_season(engine: Any, fleet: list[Series]) -> None:
    found = engine.forecast(fleet[:1], 12)[0]
    expected = np.resize(1 + 0.4 * np.sin(np.arange(40) * np.pi / 6), 52)[4:16]
    assert np.corrcoef(found.units, expected)[0, 1] > 0.9


def test_a_product_that_fell_silent_is_zero_and_says_so(engine: Any, fleet: list[Series]) -> None:
    silent = replace(fleet[0], units=np.append(fleet[0].units[:-5], np.zeros(5)))
    found = engine.forecast([silent], 12)[0]
    assert found.reason.startswith("dormant months=5")
    assert not found.units.any()
    assert found.model == "zero"


def test_an_empty_shelf_is_no_silence(engine: Any, fleet: list[Series]) -> None:
    units, empty = fleet[0].units.copy(), np.zeros(fleet[0].months)
    units[-4:], empty[-4:] = 0.0, 30.0
    sold_out = replace(fleet[0], units=units, days_out_of_stock=empty)
    found = engine.forecast([sold_out], 12)[0]
    assert "corrected=4" in found.reason
    assert found.units.min() > 0.3 * fleet[0].units.mean()
    gone = engine.forecast([replace(sold_out, days_out_of_stock=None)], 12)[0]
    assert gone.reason.startswith("dormant months=4")


def test_a_product_of_one_season_comes_back_in_it(engine: Any, fleet: list[Series]) -> None:
    year = np.array([0.0, 0, 0, 0, 0, 0, 0, 0, 0, 30, 60, 30])
    seasonal = replace(fleet[0], units=np.concatenate([year, year, np.zeros(6)]))
    found = engine.forecast([seasonal], 12)[0]
    assert found.model == "ensemble"
    assert "level=mean" in found.reason
    assert found.units[4] == found.units.max() > 20
    assert found.units[:2].sum() < 1


def test_a_slow_mover_is_not_called_by_a_candidate_that_did_not_forecast_it(
    engine: Any, fleet: list[Series]
) -> None:
    found = engine.forecast([one for one in fleet if (one.units == 0).mean() > 0.4], 12)
    served = [one for one in found if one.model not in ("zero", "launch")]
    assert {one.model for one in served} == {"ensemble"}
    assert all(one.reason.startswith("raced ") for one in served)


def test_a_new_product_names_its_donors(engine: Any, fleet: list[Series]) -> None:
    found = engine.forecast([fleet[3]], 12)[0]
    assert found.model == "launch"
    assert "short_history months=4 class=smooth length=new donor=" in found.reason


@pytest.mark.parametrize(
    "units",
    [
        [0.0],
        [5.0],
        [0.0] * 30,
        [7.0] * 30,
        [1e-9] * 24,
        [1e12, 2e12] * 20,
        [*[4.0, 5, 6] * 10, 1000.0],
        [*[0.0] * 40, 3.0],
        [1.0, 100.0] * 12,
    ],
    ids=["zero", "one month", "silent", "constant", "tiny", "huge", "spike", "late", "jumping"],
)
def test_edges_are_answered(engine: Any, fleet: list[Series], units: list[float]) -> None:
    series = replace(fleet[0], product_id="edge", units=np.array(units))
    found = engine.forecast([series], 18)[0]
    assert broken_rule(found, 18) == ""
    assert found.reason


def test_logarithms_stop_serving_when_a_month_sells_nothing(
    engine: Any, fleet: list[Series], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, model = engine.forecast_warm(fleet[:1], 12, [None])[0]
    fits = EnsembleModel.from_json(model)
    assert any(name.startswith("log_") for name in fits.weights)
    later = replace(fleet[0], units=np.append(fleet[0].units, 0.0))
    monkeypatch.setattr(ensemble, "_race_is_due", lambda series: False)
    monkeypatch.setattr(ensemble, "SURPRISE", 1e9)
    found, _ = engine.forecast_warm([later], 12, [model])[0]
    assert np.isfinite(found.units).all()
