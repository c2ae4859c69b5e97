"""From a history to a fitted model: every way to look at it, searched, and their weights.

A history is looked at as units and, where every month sold something, as their logarithm, which
then weighs two fifths; on each scale with and without a seasonal difference, weighed by the
strength of the season. Within each of these up to four views the best models share the weight by
their Akaike weights (Burnham and Anderson 2002), a quadratic trend at a penalty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecasting.arima.differencing import difference, ordinary_differences, seasonal_share
from forecasting.arima.history import read_history
from forecasting.arima.model import MAX_JSON, ArimaFit, ArimaModel, hash_of
from forecasting.arima.search import MAX_PARAMETERS, renew, search, standardised_errors
from forecasting.forecaster import SEASON

__all__ = ["KEEP", "fit", "limits"]

KEEP = 4
"""Models averaged in each view of a history."""

SURPRISE = 6.63
"""Mean square, over the model's own variance, of new months that calls for a full search."""

_LOG_SHARE = 0.4
_LEAST_WEIGHT = 0.02
_DRIFT_PENALTY = 1.8
_NO_NOISE = 1e-12
_SEASONAL_FROM = 30
_MONTHS_PER_SEASONAL_TERM = 20

Vector = NDArray[np.float64]
_Rows = tuple[NDArray[np.int64], Vector, Vector, Vector]
"""Orders (k, 6), parameters (k, 15), AICc and σ² (k,) of a search."""


def fit(units: Vector, previous: ArimaModel | None = None) -> ArimaModel:
    """The model of the history `units` (n,), by a full search.

    With `previous`, the model of the same series some months ago, its fits are estimated anew from
    where they were, and only their neighbours are looked at beside them. It falls back on the full
    search, view by view, where the history is now differenced otherwise, where the months added
    since are a surprise (the mean square of their innovations is above 6.63 of the model's own
    variances, which one month in a hundred is by chance), or where no fit keeps its roots.
    """
    reading = read_history(units)
    fits: list[ArimaFit] = []
    if not reading.rule:
        fits = _fits_on_scale(reading.units, False, previous)
        if reading.units.min() > 0 and fits[0].sigma2 > 0:
            logs = _fits_on_scale(reading.units, True, previous)
            fits = _weighed(fits, 1 - _LOG_SHARE) + _weighed(logs, _LOG_SHARE)
    model = ArimaModel(tuple(fits), len(units), hash_of(units), reading.rule, reading.reason)
    return _small(model)


def _small(model: ArimaModel) -> ArimaModel:
    """The model less its lightest fits, as far as its JSON needs; the others share the weight."""
    fits = sorted(model.fits, key=lambda one: -one.weight)
    while True:
        total = sum(one.weight for one in fits)
        rounded = tuple(replace(one, weight=_rounded(one.weight / total, 3)) for one in fits)
        model = replace(model, fits=rounded)
        if len(model.to_json()) <= MAX_JSON:
            return model
        fits.pop()


def _weighed(fits: list[ArimaFit], share: float) -> list[ArimaFit]:
    return [replace(one, weight=one.weight * share) for one in fits]


@dataclass(frozen=True, eq=False)
class _View:
    """A history on one scale, differenced, and divided by `scale` so that its spread is 1.

    A noiseless one has no spread: its differences are one number.
    """

    w: Vector
    d: int
    seasonal_d: int
    log: bool
    scale: float
    months: int
    noiseless: bool = False


def _fits_on_scale(units: Vector, log: bool, previous: ArimaModel | None) -> list[ArimaFit]:
    """The best models of the units or of their logarithm; their weights add up to 1."""
    y = np.log(units) if log else units
    size = float(np.abs(y).max()) or 1.0
    share = seasonal_share(y / size, SEASON)
    fits: list[ArimaFit] = []
    for seasonal_d, weight in ((1, share), (0, 1.0 - share)):
        if weight > 0:
            view = _view(y / size, seasonal_d, log, size)
            if view.noiseless:
                return [_noiseless(view)]
            fits += _weighed(_fits_of(view, previous), weight)
    return fits


def _view(y: Vector, seasonal_d: int, log: bool, size: float) -> _View:
    w = difference(y, SEASON, seasonal_d)
    d = ordinary_differences(w)
    w = difference(w, 1, d)
    spread = float(w.std())
    if spread <= _NO_NOISE:
        return _View(w, d, seasonal_d, log, size, len(y), noiseless=True)
    return _View(w / spread, d, seasonal_d, log, spread * size, len(y))


def _fits_of(view: _View, previous: ArimaModel | None) -> list[ArimaFit]:
    """The best models of a view; their Akaike weights add up to 1."""
    largest = limits(view.months, view.d + view.seasonal_d)
    known = _still_good(previous, view)
    rows = renew(view.w, *_as_rows(known, view.scale), largest, KEEP) if known else None
    if rows is None or not len(rows[0]):
        rows = search(view.w, largest, SEASON, KEEP)
    orders, parameters, scores, sigma2 = rows[:4]
    if view.d + view.seasonal_d == 2 and not view.log:
        orders, parameters, scores, sigma2 = _and_a_drift(view, largest, rows[:4])
    weights = np.exp(-0.5 * (scores - scores.min()))
    heavy = weights >= _LEAST_WEIGHT * weights.sum()
    weights = weights[heavy] / weights[heavy].sum()
    best = zip(orders[heavy], parameters[heavy], sigma2[heavy], weights, strict=True)
    return [_as_fit(view, *row) for row in best]


def _and_a_drift(view: _View, largest: NDArray[np.int64], rows: _Rows) -> _Rows:
    """`rows` and, if its AICc is below theirs, the best model with a mean of differences of two.

    Such a mean is a quadratic trend. pmdarima allows it, auto.arima does not; it made forecasts
    worse where it had a full share, and a logarithm would run away with it.
    """
    found = search(view.w, np.append(largest[:4], 1), SEASON, 2)[:4]
    best = np.flatnonzero((found[0][:, 4] == 1) & (found[2] < rows[2][0]))[:1]
    orders, parameters, scores, sigma2 = (column[best] for column in found)
    return (
        np.concatenate([rows[0], orders]),
        np.concatenate([rows[1], parameters]),
        np.concatenate([rows[2], scores + _DRIFT_PENALTY]),
        np.concatenate([rows[3], sigma2]),
    )


def _still_good(previous: ArimaModel | None, view: _View) -> list[ArimaFit]:
    """The fits of `previous` in this view, heaviest first, where a warm start may be made."""
    if previous is None or not 0 <= view.months - previous.months < SEASON:
        return []
    known = [one for one in previous.fits if one.sigma2 > 0 and _is_of(view, one)]
    known.sort(key=lambda one: -one.weight)
    added = view.months - previous.months
    if known and added:
        orders, parameters = _as_rows(known[:1], view.scale)
        x = parameters[0, : len(known[0].parameters)]
        errors = standardised_errors(view.w, orders[0], x)[-added:] * view.scale
        if (errors**2).mean() > SURPRISE * known[0].sigma2:
            return []
    return known


def _is_of(view: _View, one: ArimaFit) -> bool:
    differenced = one.order[1], one.seasonal_order[1]
    return one.log == view.log and differenced == (view.d, view.seasonal_d)


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
    seasonal = min(2, months // _MONTHS_PER_SEASONAL_TERM) if months >= _SEASONAL_FROM else 0
    return np.array([short, short, seasonal, seasonal, int(times_differenced < 2)])


def _noiseless(view: _View) -> ArimaFit:
    """A history that repeats or grows exactly: its differences are one number."""
    orders = (0, view.d, 0), (0, view.seasonal_d, 0)
    return ArimaFit(*orders, True, view.log, (float(view.w.mean()) * view.scale,), 0.0, 1.0)


def _as_fit(
    view: _View, order: NDArray[np.int64], x: Vector, sigma2: float, weight: float
) -> ArimaFit:
    """A row of the search on the scale of the history, rounded to what the JSON keeps."""
    p, q, seasonal_p, seasonal_q, constant = (int(part) for part in order[:5])
    parameters = x[: p + q + seasonal_p + seasonal_q + constant].copy()
    if constant:
        parameters[-1] *= view.scale
    return ArimaFit(
        (p, view.d, q),
        (seasonal_p, view.seasonal_d, seasonal_q),
        bool(constant),
        view.log,
        tuple(_rounded(value, 7) for value in parameters),
        _rounded(sigma2 * view.scale**2, 5),
        float(weight),
    )


def _rounded(value: float, digits: int) -> float:
    """`value` to so many significant digits, as the model's JSON writes it."""
    return float(f"{value:.{digits}g}")
