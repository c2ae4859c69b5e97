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
from forecasting.arima.search import MAX_PARAMETERS, renew, search, standardised_errors
from forecasting.forecaster import SEASON

__all__ = ["KEEP", "fit", "limits"]

KEEP = 5
"""Models averaged on each scale."""

SURPRISE = 6.63
"""Mean square, over the model's own variance, of new months that calls for a full search."""

_LEAST_WEIGHT = 0.02
_NO_NOISE = 1e-12
_YEARS_PER_SEASONAL_TERM = 3

Vector = NDArray[np.float64]


def fit(units: Vector, previous: ArimaModel | None = None) -> ArimaModel:
    """The model of the history `units` (n,), by a full search.

    With `previous`, the model of the same series some months ago, its fits are estimated anew from
    where they were, and only their neighbours are looked at beside them. It falls back on the full
    search, scale by scale, where a test now differences otherwise, where the months added since
    are a surprise (the mean square of their innovations is above 6.63 of the model's own
    variances, which one month in a hundred is by chance), or where no fit keeps its roots.
    """
    reading = read_history(units)
    fits: list[ArimaFit] = []
    if not reading.rule:
        fits = _fits_on_scale(reading.units, False, previous)
        if reading.units.min() > 0 and fits[0].sigma2 > 0:
            fits = _halved(fits) + _halved(_fits_on_scale(reading.units, True, previous))
    model = ArimaModel(tuple(fits), len(units), hash_of(units), reading.rule, reading.reason)
    return _small(model)


def _small(model: ArimaModel) -> ArimaModel:
    """The model less its lightest fits, as far as its JSON needs; the others share the weight."""
    while len(model.to_json()) > MAX_JSON:
        lightest = min(model.fits, key=lambda one: one.weight)
        kept = [one for one in model.fits if one is not lightest]
        total = sum(one.weight for one in kept)
        fits = [replace(one, weight=_rounded(one.weight / total, 3)) for one in kept]
        model = replace(model, fits=tuple(fits))
    return model


def _halved(fits: list[ArimaFit]) -> list[ArimaFit]:
    return [replace(one, weight=one.weight / 2) for one in fits]


def _fits_on_scale(units: Vector, log: bool, previous: ArimaModel | None) -> list[ArimaFit]:
    """The best models of the units or of their logarithm; their weights add up to 1."""
    y = np.log(units) if log else units
    size = float(np.abs(y).max()) or 1.0
    d, seasonal_d = differences(y / size, SEASON)
    w = difference(difference(y / size, SEASON, seasonal_d), 1, d)
    spread = float(w.std())
    if spread <= _NO_NOISE:
        return [_noiseless(w * size, d, seasonal_d, log)]
    w, scale = w / spread, spread * size
    largest = limits(len(y), d + seasonal_d)
    known = _still_good(previous, w, d, seasonal_d, log, scale, len(units))
    rows = renew(w, *_as_rows(known, scale), largest, KEEP) if known else None
    if rows is None or not len(rows[0]):
        rows = search(w, largest, SEASON, KEEP)
    orders, parameters, scores, sigma2, _ = rows
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


def _still_good(
    previous: ArimaModel | None,
    w: Vector,
    d: int,
    seasonal_d: int,
    log: bool,
    scale: float,
    months: int,
) -> list[ArimaFit]:
    """The fits of `previous` on this scale, heaviest first, where a warm start may be made."""
    if previous is None or not 0 <= months - previous.months < SEASON:
        return []
    known = [
        one
        for one in previous.fits
        if one.log == log
        and one.sigma2 > 0
        and (one.order[1], one.seasonal_order[1]) == (d, seasonal_d)
    ]
    known.sort(key=lambda one: -one.weight)
    added = months - previous.months
    if known and added:
        orders, parameters = _as_rows(known[:1], scale)
        errors = standardised_errors(w, orders[0], parameters[0, : len(known[0].parameters)])
        if (errors[-added:] ** 2).mean() * scale**2 > SURPRISE * known[0].sigma2:
            return []
    return known


def _as_rows(fits: list[ArimaFit], scale: float) -> tuple[NDArray[np.int64], Vector]:
    """Orders and parameters as the search keeps them, for a series divided by `scale`."""
    parameters = np.zeros((len(fits), MAX_PARAMETERS))
    for i, one in enumerate(fits):
        parameters[i, : len(one.parameters)] = one.parameters
        if one.constant:
            parameters[i, len(one.parameters) - 1] /= scale
    return np.stack([one.polynomials for one in fits]), parameters


def limits(months: int, times_differenced: int) -> NDArray[np.int64]:
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
