"""What Prophet and AutoETS say of the daily sets, computed once and kept under `.bench/daily/`.

Run `python tests/bench/daily_peers.py PEER SET [STEP] [OFFSET]` to fill the cache ahead of the
benchmark: each STEP-th series from OFFSET on, at every origin. A line of the cache is one answer,
found by the hash of the history.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from daily_sets import HORIZON, daily_set, origins
from numpy.typing import NDArray

from forecasting.daily.series import DailySeries, data_hash
from forecasting.forecaster import LEVELS, Forecast

__all__ = ["PEERS", "peer_forecast"]

PEERS = ("Prophet", "AutoETS")
CACHE = Path(__file__).resolve().parents[2] / ".bench" / "daily"
SAMPLES = 300


def peer_forecast(peer: str, series: DailySeries, compute: bool = True) -> Forecast | None:
    """The peer's answer from the cache, or computed now; None where it is neither."""
    known = _answers(peer)
    key = data_hash(series)
    if key not in known and compute:
        known[key] = _compute(peer, series)
        line = json.dumps({"hash": key, **known[key]})
        with _file(peer).open("a") as answers:
            answers.write(line + "\n")
    if key not in known:
        return None
    told = known[key]
    units, lower, upper = (np.maximum(told[part], 0.0) for part in ("units", "lower", "upper"))
    return Forecast(units, lower, upper, peer)


@cache
def _answers(peer: str) -> dict[str, dict]:
    if not _file(peer).exists():
        return {}
    lines = _file(peer).read_text().splitlines()
    return {told.pop("hash"): told for told in map(json.loads, lines)}


def _file(peer: str) -> Path:
    package = {"Prophet": "prophet", "AutoETS": "statsforecast"}[peer]
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE / f"{peer}-{version(package)}.jsonl"


def _compute(peer: str, series: DailySeries) -> dict:
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        units, lower, upper = (_prophet if peer == "Prophet" else _ets)(series)
    return {
        "units": [float(f"{value:.6g}") for value in units],
        "lower": np.round(lower, 4).tolist(),
        "upper": np.round(upper, 4).tolist(),
        "seconds": round(time.process_time() - started, 3),
    }


def _prophet(series: DailySeries) -> tuple[NDArray, NDArray, NDArray]:
    """Prophet as it comes, with the country's holidays."""
    from prophet import Prophet

    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).disabled = True
    days = pd.date_range(series.first_date, periods=series.days + HORIZON)
    model = Prophet(uncertainty_samples=SAMPLES)
    model.add_country_holidays(series.country)
    model.fit(pd.DataFrame({"ds": days[: series.days], "y": series.units}))
    ahead = pd.DataFrame({"ds": days[series.days :]})
    samples = model.predictive_samples(ahead)["yhat"]
    lower = [np.quantile(samples, (1 - level / 100) / 2, axis=1) for level in LEVELS]
    upper = [np.quantile(samples, (1 + level / 100) / 2, axis=1) for level in LEVELS]
    return _yhat(model, ahead), np.stack(lower), np.stack(upper)


def _yhat(model: object, ahead: pd.DataFrame) -> NDArray:
    model.uncertainty_samples = 0
    return model.predict(ahead)["yhat"].to_numpy()


def _ets(series: DailySeries) -> tuple[NDArray, NDArray, NDArray]:
    from statsforecast.models import AutoETS

    answer = AutoETS(season_length=7).forecast(y=series.units, h=HORIZON, level=list(LEVELS))
    lower = np.stack([answer[f"lo-{level}"] for level in LEVELS])
    upper = np.stack([answer[f"hi-{level}"] for level in LEVELS])
    return answer["mean"], lower, upper


if __name__ == "__main__":
    peer_name, set_name = sys.argv[1:3]
    step, offset = (int(word) for word in (*sys.argv[3:], *("1", "0")[len(sys.argv) - 3 :]))
    for one in daily_set(set_name)[offset::step]:
        for known_then in origins(one):
            peer_forecast(peer_name, known_then)
