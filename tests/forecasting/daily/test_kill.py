"""Killed in the middle and run again, a store's forecasts are those of a run that was not."""

from __future__ import annotations

import numpy as np
import pytest

from etl.lake import Lake
from etl.settings import Settings
from forecasting.daily import forecast_daily, serve


def contents(lake: Lake) -> dict[str, bytes]:
    return {path: lake.read_bytes(path) for path in lake.paths("models")}


def test_a_run_that_was_stopped_leaves_no_trace_once_it_is_repeated(make_store, monkeypatch):
    rng = np.random.default_rng(5)
    histories = {f"P{n}": rng.poisson(1 + n, 70) for n in range(8)}
    lake, manifest = make_store(histories)
    settings = Settings(jobs=1)
    monkeypatch.setattr(serve, "_BATCH", 2)

    running = forecast_daily(lake, manifest, settings)
    assert next(running)
    running.close()
    assert lake.paths("models")
    stopped = len(lake.paths("models"))

    again = [one for batch in forecast_daily(lake, manifest, settings) for one in batch]
    assert sum(not one.trained for one in again) == stopped
    repeated = contents(lake)
    for path in repeated:
        lake.delete(path)
    for _ in forecast_daily(lake, manifest, settings):
        pass
    assert contents(lake) == repeated


@pytest.mark.parametrize("damaged", [b"{", b'{"model": "{}"}'])
def test_a_model_that_is_damaged_is_trained_anew(make_store, damaged, caplog):
    lake, manifest = make_store({"P1": np.ones(60)})
    list(forecast_daily(lake, manifest, Settings(jobs=1)))
    (path,) = lake.paths("models")
    whole = lake.read_bytes(path)
    lake.write_bytes(path, damaged)
    ((one,),) = list(forecast_daily(lake, manifest, Settings(jobs=1)))
    assert one.trained
    assert lake.read_bytes(path) == whole
    assert "is damaged and trained anew" in caplog.text
