"""From a history to a fitted model: differencing, search on the level and on the logarithm.

Half of the weight goes to models of the units and half to models of their logarithm where every
month sold something; within each half the best models share it by their Akaike weights
(Burnham and Anderson 2002).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forecasting.arima.differencing import difference, differences
from forecasting.arima.history import read_history
from forecasting.arima.model import MAX_JSON, ArimaFit, ArimaModel, hash_of
from forecasting.arima.search import search
from forecasting.forecaster import SEASON

__all__ = ["KEEP", "fit"]

KEEP = 5
"""Models averaged on each scale."""

_LEAST_WEIGHT = 0.02
_YEARS_PER_SEASONAL_TERM = 3

Vector = NDArray[np.float64]


def fit(units: Vector, previous: ArimaModel | None = None) -> ArimaModel:
    """The model of the history `units` (n,), by a full search."""
    reading = read_history(units)
    fits: list[ArimaFit] = []
    if not reading.rule:
        fits = _fits_on_scale(reading.units, log=False)
        if reading.units.min() > 0:
            fits = _halved(fits) + _halved(_fits_on_scale(reading.units, log=True))
    model = ArimaModel(tuple(fits), len(units), hash_of(units), reading.rule, reading.reason)
    return _small(model)


def _small(model: ArimaModel) -> ArimaModel:
    """The model without its lightest fits, as far as its JSON needs."""
    while len(model.to_json()) > MAX_JSON:
        lightest = min(model.fits, key=lambda one: one.weight)
        model = replace(model, fits=tuple(one for one in model.fits if one is not lightest))
    return model


def _halved(fits: list[ArimaFit]) -> list[ArimaFit]:
    return [replace(one, weight=one.weight / 2) for one in fits]


def _fits_on_scale(units: Vector, log: bool) -> list[ArimaFit]:
    """The best models of the units or of their logarithm; their weights add up to 1."""
    y = np.log(units) if log else units
    scale = float(np.abs(y).max()) or 1.0
    y = y / scale
    d, seasonal_d = differences(y, SEASON)
    w = difference(difference(y, SEASON, seasonal_d), 1, d)
    spread = float(w.std())
    if spread <= 1e-12:
        return [_noiseless(w * scale, d, seasonal_d, log)]
    scale *= spread
    orders, parameters, scores, sigma2, _ = search(
        w / spread, _limits(len(y), d + seasonal_d), SEASON, KEEP
    )
    weights = np.exp(-0.5 * (scores - scores[0]))
    heavy = weights >= _LEAST_WEIGHT * weights.sum()
    return [
        _as_fit(order, d, seasonal_d, x, variance * scale**2, weight, scale, log)
        for order, x, variance, weight in zip(
            orders[heavy],
            parameters[heavy],
            sigma2[heavy],
            weights[heavy] / weights[heavy].sum(),
            strict=True,
        )
    ]


def _limits(months: int, times_differenced: int) -> NDArray[np.int64]:
    """Largest p, q, P, Q for a history of that length, and 1 where a mean may be estimated."""
    short = min(5, months // 3)
    seasonal = min(2, months // (SEASON * _YEARS_PER_SEASONAL_TERM))
    return np.array([short, short, seasonal, seasonal, int(times_differenced < 2)])


def _noiseless(w: Vector, d: int, seasonal_d: int, log: bool) -> ArimaFit:
    """A history that repeats or grows exactly: its differences are one number."""
    return ArimaFit((0, d, 0), (0, seasonal_d, 0), True, log, (float(w.mean()),), 0.0, 1.0)


def _as_fit(
    order: NDArray[np.int64],
    d: int,
    seasonal_d: int,
    x: Vector,
    sigma2: float,
    weight: float,
    scale: float,
    log: bool,
) -> ArimaFit:
    """A row of the search on the scale of the history, rounded to what the JSON keeps."""
    p, q, seasonal_p, seasonal_q, constant = (int(part) for part in order[:5])
    parameters = x[: p + q + seasonal_p + seasonal_q + constant].copy()
    if constant:
        parameters[-1] *= scale
    return ArimaFit(
        (p, d, q),
        (seasonal_p, seasonal_d, seasonal_q),
        bool(constant),
        log,
        tuple(_rounded(value, 7) for value in parameters),
        _rounded(sigma2, 5),
        _rounded(weight, 3),
    )


def _rounded(value: float, digits: int) -> float:
    """`value` to so many significant digits, as the model's JSON writes it."""
    return float(f"{value:.{digits}g}")
