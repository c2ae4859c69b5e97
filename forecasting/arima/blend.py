"""Several paths ahead made one: the weighted mean of their medians and of their quantiles.

A path is normal on its own scale, level or log. The average of quantiles (Vincent 1912) keeps the
intervals nested and as wide as those of its parts. Nothing falls below zero, and nothing rises
above ten times the largest month seen: a logarithm can run away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.forecaster import Forecast

__all__ = ["Path", "blend"]

CEILING = 10.0
_HALF = (1.959963984540054, 1.2815515655446004, 0.6744897501960817)
_DEVIATIONS = np.array([*(-half for half in _HALF), 0.0, *_HALF[::-1]])[:, None, None]
"""Standard deviations from the median of the bounds of `forecasting.forecaster.LEVELS`."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Path:
    """Mean and standard deviation (horizon,) of one model, of units or of their logarithm."""

    mean: Vector
    deviation: Vector
    weight: float = 1.0
    log: bool = False


def blend(paths: Sequence[Path], units: Vector, model: str, reason: str) -> Forecast:
    """The forecast of `paths` together, given the history `units` that they continue."""
    ceiling = CEILING * float(np.abs(units).max(initial=0.0))
    weights = np.array([path.weight for path in paths])
    logs = np.array([path.log for path in paths])
    means = np.array([path.mean for path in paths])
    rows = means + _DEVIATIONS * np.array([path.deviation for path in paths])
    if logs.any():
        rows[:, logs] = np.exp(np.minimum(rows[:, logs], np.log(ceiling)))
    rows = np.clip(rows, 0.0, ceiling)
    quantiles = np.einsum("i,qih->qh", weights / weights.sum(), rows)
    return Forecast(quantiles[3], quantiles[2::-1], quantiles[4:], model, reason)
