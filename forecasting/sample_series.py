"""A few fixed histories, of each kind that takes a way of its own through the engines.

Engines are compiled on them, and known by what they forecast of them. They are the same on every
machine and for every release of the libraries: only `random.Random.random` has a say, whose numbers
Python promises to keep.

>>> len({series.key for series in sample_series()}), sample_series()[0].units[:2].round(3)
(15, array([30.639, 38.497]))
"""

from __future__ import annotations

from datetime import date
from random import Random

import numpy as np

from forecasting.forecaster import SEASON, Series, Vector, add_months

__all__ = ["sample_series"]

_LAST_MONTH = date(2025, 12, 1)


def sample_series() -> list[Series]:
    """Fifteen series of two stores, all known until the same month."""
    found = [_series("S1", name, units) for name, units in _histories().items()]
    rare = _shares("out of stock", 36) * 20
    days = np.where(np.arange(36) % 9 == 4, 20.0, 0.0)
    found.append(_series("S1", "out of stock", np.where(days > 0, 2.0, 10 + rare), days))
    # A product that is new in one store and known in the other.
    found.append(_series("S2", "yearly", _histories()["yearly"][-3:]))
    return found


def _histories() -> dict[str, Vector]:
    year = np.sin(np.arange(60) * np.pi / 6)
    return {
        "yearly": 30 + 10 * year + _shares("yearly", 60) * 5,
        "strong": np.exp(4 + year + _shares("strong", 60) / 5),
        "trending": np.arange(60) + _shares("trending", 60) * 5,
        "shifted": np.where(np.arange(48) < 30, 20.0, 60.0) + _shares("shifted", 48) * 9,
        "long": 80 + np.cumsum(_shares("long", 130) - 0.4) * 9,
        "bulk": 12 + _shares("bulk", 40) * 6 + 200.0 * (np.arange(40) == 25),
        "intermittent": np.floor(_shares("intermittent", 60) * 1.6),
        "lumpy": np.floor(_shares("lumpy", 60) * 1.4) * np.ceil(_shares("lumps", 60) * 40),
        "christmas": np.where(np.arange(36) % SEASON >= SEASON - 2, 25.0, 0.0),
        "ended": np.where(np.arange(48) < 41, 9 + _shares("ended", 48) * 4, 0.0),
        "short": 30 + 10 * year[:20] + _shares("short", 20) * 5,
        "half a year": 5 + _shares("half a year", 6) * 10,
        "new": np.ceil(_shares("new", 4) * 9),
    }


def _series(store: str, name: str, units: Vector, days: Vector | None = None) -> Series:
    first = add_months(_LAST_MONTH, 1 - len(units))
    return Series("M1", store, name, first, np.maximum(units, 0.0), "toys", "AR", days)


def _shares(seed: str, count: int) -> Vector:
    """Numbers between 0 and 1 that are always the same for a seed."""
    random = Random(seed)  # noqa: S311 (no secrets)
    return np.array([random.random() for _ in range(count)])
