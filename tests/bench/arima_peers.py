"""What the peers forecast, and the CPU seconds that they took, kept from run to run in `.bench/`.

`python tests/bench/arima_peers.py [peer set [count]]` computes what is missing; a run that was
stopped goes on where it ended. A kept answer is found by the peer's version and the hash of the
series, so that new data or a new version is computed anew.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import numpy as np  # noqa: E402
from arima_sets import Held, sample, series_set  # noqa: E402

FOLDER = Path(__file__).parents[2] / ".bench"
EVERYTHING = (
    ("statsforecast", "m1", 0),
    ("pmdarima", "m1", 120),
    ("statsforecast", "retail", 0),
    ("statsforecast", "tourism", 0),
    ("pmdarima", "tourism", 10),
)


def answers(
    peer: str, name: str, count: int = 0, compute: bool = True
) -> dict[int, dict[str, Any]]:
    """Answers of `peer` by position in the set: point, intervals, seconds, order, AICc.

    Series on which the peer raises have none; what it said is kept.
    `count` draws the stated random sample; 0 takes the whole set. Without `compute` only what is
    kept already.
    """
    series = series_set(name)
    wanted = sample(series, count) if count else range(len(series))
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{peer}-{version(peer)}-{name}.jsonl"
    kept = _read(path)
    with path.open("a") as file:
        for position in wanted:
            if series[position].hash in kept or not compute:
                continue
            answer = ANSWER[peer](series[position])
            kept[series[position].hash] = answer
            file.write(json.dumps({"hash": series[position].hash, **answer}) + "\n")
            file.flush()
    found = {i: kept[series[i].hash] for i in wanted if series[i].hash in kept}
    return {i: answer for i, answer in found.items() if "failed" not in answer}


def _read(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {row.pop("hash"): row for row in rows}


def _statsforecast(series: Held) -> dict[str, Any]:
    from statsforecast.models import AutoARIMA

    model = AutoARIMA(season_length=12)
    started = time.process_time()
    answer = model.forecast(series.seen, h=len(series.held), level=[80, 95], fitted=False)
    seconds = time.process_time() - started
    return {
        "seconds": seconds,
        "mean": np.asarray(answer["mean"]).tolist(),
        "lo80": np.asarray(answer["lo-80"]).tolist(),
        "hi80": np.asarray(answer["hi-80"]).tolist(),
        "lo95": np.asarray(answer["lo-95"]).tolist(),
        "hi95": np.asarray(answer["hi-95"]).tolist(),
    }


def _pmdarima(series: Held) -> dict[str, Any]:
    import pmdarima

    started = time.process_time()
    try:
        model = pmdarima.auto_arima(series.seen, m=12, seasonal=True, error_action="ignore")
    except ValueError as error:
        return {"seconds": time.process_time() - started, "failed": str(error)}
    mean = np.asarray(model.predict(len(series.held)))
    seconds = time.process_time() - started
    return {
        "seconds": seconds,
        "mean": mean.tolist(),
        "order": list(model.order),
        "seasonal": list(model.seasonal_order[:3]),
        "intercept": bool(model.with_intercept),
        "params": np.asarray(model.params()).tolist(),
        "names": list(model.arima_res_.param_names),
        "loglik": float(model.arima_res_.llf),
    }


ANSWER = {"statsforecast": _statsforecast, "pmdarima": _pmdarima}


def main(arguments: list[str]) -> None:
    """Compute what is missing, of everything or of the peer and set named."""
    warnings.simplefilter("ignore")
    jobs = EVERYTHING
    if arguments:
        peer, name, *count = arguments
        jobs = ((peer, name, int(count[0]) if count else 0),)
    for peer, name, count in jobs:
        found = answers(peer, name, count)
        seconds = sum(a["seconds"] for a in found.values())
        print(f"{peer} {name}: {len(found)} series, {seconds:.0f} CPU s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
