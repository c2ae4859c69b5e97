"""What statsforecast's models say of the benchmark sets, computed once and kept under `.bench/`.

AutoARIMA alone costs hours, so each model's forecasts of a set are cached in chunks, keyed by the
package's version and a hash of the data; the CPU seconds that they took stand beside them.

Run `python tests/bench/peers.py [SET …]` to fill the cache ahead of the benchmarks.
"""

from __future__ import annotations

import hashlib
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from arima_peers import answers
from arima_sets import series_set
from held_out import HeldOut, read_set
from numpy.typing import NDArray

__all__ = ["PEERS", "PeerForecasts", "peer_forecasts"]

PEERS = ("AutoETS", "DynamicOptimizedTheta", "AutoCES", "AutoARIMA")
LEVELS = (50, 80, 95)
CACHE = Path(__file__).resolve().parents[2] / ".bench" / "peers"
CHUNK = 25


@dataclass(frozen=True, eq=False)
class PeerForecasts:
    """Points (series, horizon), bounds (series, level, horizon) and CPU seconds of one peer."""

    name: str
    units: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    seconds: float
    failures: int


def peer_forecasts(name: str, held_out: Sequence[HeldOut]) -> PeerForecasts:
    """The forecasts of statsforecast's model `name`, from the cache or computed now."""
    if name == "AutoARIMA" and (shared := _shared_arima(held_out)):
        return shared
    chunks = [
        _chunk(name, held_out[start : start + CHUNK]) for start in range(0, len(held_out), CHUNK)
    ]
    return PeerForecasts(
        name,
        *(
            np.concatenate([chunk[part] for chunk in chunks])
            for part in ("units", "lower", "upper")
        ),
        seconds=float(sum(chunk["seconds"] for chunk in chunks)),
        failures=int(sum(chunk["failures"] for chunk in chunks)),
    )


def _shared_arima(held_out: Sequence[HeldOut]) -> PeerForecasts | None:
    """AutoARIMA's answers that the ARIMA benchmark keeps; NaN for series it has not reached."""
    shared = series_set("tourism")
    told = answers("statsforecast", "tourism", compute=False)
    kept = {shared[position].hash: answer for position, answer in told.items()}
    hashes = [_hash(one) for one in held_out]
    if not any(key in kept for key in hashes):
        return None
    horizon = len(held_out[0].actual)
    rows = [_bounds(kept.get(key), horizon) for key in hashes]
    units, lower, upper = (np.stack(part) for part in zip(*rows, strict=True))
    seconds = sum(kept[key]["seconds"] for key in hashes if key in kept)
    return PeerForecasts("AutoARIMA", units, lower, upper, seconds, 0)


def _bounds(answer: dict | None, horizon: int) -> tuple[NDArray, NDArray, NDArray]:
    """Mean, lower and upper; the half of the 80 % interval's normal deviate gives the 50 % one."""
    if answer is None:
        return (
            np.full(horizon, np.nan),
            np.full((3, horizon), np.nan),
            np.full((3, horizon), np.nan),
        )
    mean = np.array(answer["mean"])
    lower, upper = (
        [np.array(answer[f"{side}{level}"]) for level in (80, 95)] for side in ("lo", "hi")
    )
    narrow = 0.6744898 / 1.2815516
    lower = [mean + narrow * (lower[0] - mean), *lower]
    upper = [mean + narrow * (upper[0] - mean), *upper]
    return mean, np.stack(lower), np.stack(upper)


def _hash(one: HeldOut) -> str:
    content = one.series.units.tobytes() + bytes([len(one.actual)])
    return hashlib.sha256(content).hexdigest()[:16]


def _chunk(name: str, held_out: Sequence[HeldOut]) -> dict[str, NDArray[np.float64]]:
    path = CACHE / f"{name}-{_key(held_out)}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.npz")
        np.savez_compressed(partial, **_compute(name, held_out))
        partial.rename(path)
    with np.load(path) as stored:
        return dict(stored)


def _key(held_out: Sequence[HeldOut]) -> str:
    digest = hashlib.sha256(version("statsforecast").encode())
    for one in held_out:
        digest.update(one.series.units.tobytes())
        digest.update(bytes([len(one.actual)]))
    return digest.hexdigest()[:16]


def _compute(name: str, held_out: Sequence[HeldOut]) -> dict[str, NDArray[np.float64]]:
    started = time.process_time()
    answers = [_forecast(name, one) for one in held_out]
    return {
        "units": np.stack([answer[0] for answer in answers]),
        "lower": np.stack([answer[1] for answer in answers]),
        "upper": np.stack([answer[2] for answer in answers]),
        "seconds": np.array(time.process_time() - started),
        "failures": np.array(sum(answer[3] for answer in answers)),
    }


def _forecast(name: str, one: HeldOut) -> tuple[NDArray, NDArray, NDArray, bool]:
    """Mean, lower, upper, and whether the model failed and seasonal naive stood in."""
    from statsforecast import models

    horizon = len(one.actual)
    for model, failed in (
        (getattr(models, name)(season_length=12), False),
        (models.SeasonalNaive(season_length=12), True),
    ):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answer = model.forecast(y=one.series.units, h=horizon, level=list(LEVELS))
        except Exception as error:  # peers raise whatever they like; seasonal naive stands in
            print(f"{name} failed on {one.series.key}: {error}", file=sys.stderr)
            continue
        lower = np.stack([answer[f"lo-{level}"] for level in LEVELS])
        upper = np.stack([answer[f"hi-{level}"] for level in LEVELS])
        if np.isfinite(answer["mean"]).all():
            return answer["mean"], lower, upper, failed
    last = np.full(horizon, one.series.units[-1])
    return last, np.tile(last, (3, 1)), np.tile(last, (3, 1)), True


if __name__ == "__main__":
    for peer in PEERS:
        for set_name in sys.argv[1:] or ("retail", "m1", "tourism"):
            filled = peer_forecasts(peer, read_set(set_name))
            print(set_name, peer, round(filled.seconds), "CPU s,", filled.failures, "failures")
