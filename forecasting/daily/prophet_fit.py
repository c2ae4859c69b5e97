"""Prophet's model, fitted in milliseconds: the maximum a posteriori of the same densities.

With a linear trend and additive terms the posterior is that of a linear regression with normal
priors, but for the Laplace prior of the trend's changes. Each step solves the normal equations
with that prior replaced by a normal one that touches it where the last step ended (a
majorisation, Hunter and Li 2005) and takes the noise's best scale, so that the posterior never
falls. Stan climbs the same hill by generic means in some hundred milliseconds, and stops earlier.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from forecasting.daily.calendar import day_events
from forecasting.daily.prophet_model import ProphetModel, fourier
from forecasting.daily.series import DailySeries
from forecasting.forecaster import Vector

__all__ = ["ProphetPriors", "fit_prophet", "log_posterior"]

CHANGEPOINTS = 25
CHANGEPOINT_RANGE = 0.8
TREND_SD, NOISE_SD = 5.0, 0.5
"""Prophet's priors of slope and offset, and of the noise."""

STEPS = 60
TOLERANCE = 1e-5
LEAST_CHANGE = 1e-7
YEARLY_DAYS = 365
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class ProphetPriors:
    """Scales of Prophet's priors: its defaults for trend and seasons."""

    changepoint: float = 0.05
    season: float = 10.0
    event: float = 10.0


@dataclass(frozen=True, eq=False)
class _Design:
    """The regression: columns (days, terms), scaled units, and where the terms' parts are."""

    start: date
    t_scale: float
    y_scale: float
    changepoints: Vector
    columns: Vector
    units: Vector
    parts: dict[str, slice]
    events: tuple[str, ...]


def fit_prophet(
    series: DailySeries, priors: ProphetPriors = ProphetPriors(), yearly: bool | None = None
) -> ProphetModel:
    """The model of a series' days on sale, of which there must be two; yearly from a year on."""
    design = _design(series, yearly)
    found = _climb(design, priors)
    part = {name: tuple(map(float, found[where])) for name, where in design.parts.items()}
    k, m = part["trend"]
    return ProphetModel(
        design.start,
        design.t_scale,
        design.y_scale,
        k,
        m,
        tuple(map(float, design.changepoints)),
        part["delta"],
        part.get("weekly", ()),
        part.get("yearly", ()),
        dict(zip(design.events, part["events"], strict=True)),
    )


def _design(series: DailySeries, yearly: bool | None) -> _Design:
    places = np.flatnonzero(series.on_sale)
    units = series.units[places]
    span = float(places[-1] - places[0])
    t = (places - places[0]) / span
    numbers = (series.first_date - _EPOCH).days + places.astype(np.float64)
    size = int(np.floor(len(places) * CHANGEPOINT_RANGE))
    count = max(min(CHANGEPOINTS, size - 1), 0)
    changes = t[np.linspace(0, size - 1, count + 1).round().astype(int)[1:]]
    blocks = {"trend": np.stack([t, np.ones(len(t))], axis=1)}
    blocks["delta"] = np.maximum(t[:, np.newaxis] - changes, 0.0)
    if span >= 2 * 7:
        blocks["weekly"] = fourier(numbers, "weekly")
    if yearly or (yearly is None and span >= YEARLY_DAYS):
        blocks["yearly"] = fourier(numbers, "yearly")
    events = day_events(series.country, series.first_date, series.days, series.promotions)
    known = {name: amount[places] for name, amount in events.items() if amount[places].any()}
    blocks["events"] = (
        np.stack(list(known.values()), axis=1) if known else np.zeros((len(places), 0))
    )
    ends = np.cumsum([block.shape[1] for block in blocks.values()])
    parts = {
        name: slice(int(end) - block.shape[1], int(end))
        for (name, block), end in zip(blocks.items(), ends, strict=True)
    }
    scale = float(np.abs(units).max()) or 1.0
    columns = np.concatenate(list(blocks.values()), axis=1)
    start = date.fromordinal(series.first_date.toordinal() + int(places[0]))
    return _Design(start, span, scale, changes, columns, units / scale, parts, tuple(known))


def _precisions(design: _Design, priors: ProphetPriors) -> Vector:
    """Precisions of the normal priors; those of the trend's changes are left at zero."""
    scales = np.full(design.columns.shape[1], priors.season, dtype=np.float64)
    scales[design.parts["trend"]] = TREND_SD
    scales[design.parts["events"]] = priors.event
    precisions: Vector = 1.0 / scales**2
    precisions[design.parts["delta"]] = 0.0
    return precisions


def _climb(design: _Design, priors: ProphetPriors) -> Vector:
    gram = design.columns.T @ design.columns
    target = design.columns.T @ design.units
    squares = float(design.units @ design.units)
    normal = _precisions(design, priors)
    where = design.parts["delta"]
    delta: Vector = np.full(where.stop - where.start, priors.changepoint)
    variance = max(float(design.units.var()), 1e-12)
    found: Vector = np.zeros(len(target))
    for _ in range(STEPS):
        precisions = normal.copy()
        precisions[where] = 1.0 / (priors.changepoint * np.maximum(np.abs(delta), LEAST_CHANGE))
        last, normal_equations = found, gram + np.diag(variance * precisions)
        found = np.asarray(np.linalg.solve(normal_equations, target), dtype=np.float64)
        delta = found[where]
        residual = max(float(squares - 2.0 * found @ target + found @ gram @ found), 0.0)
        variance = max(_noise(residual, len(design.units)), 1e-12)
        if np.abs(found - last).max() < TOLERANCE:
            break
    return found


def _noise(residual: float, days: int) -> float:
    """The variance of the noise that fits a sum of squares best under its prior."""
    weight = 2.0 / NOISE_SD**2
    return float(np.sqrt(days**2 + 2.0 * weight * residual) - days) / weight


def log_posterior(series: DailySeries, model: ProphetModel, priors: ProphetPriors) -> float:
    """Logarithm of the posterior density at `model`, up to a constant, at its best noise."""
    design = _design(series, bool(model.yearly))
    effects = [(model.events or {}).get(name, 0.0) for name in design.events]
    found = np.array(
        [model.k, model.m, *model.delta, *model.weekly, *model.yearly, *effects], dtype=np.float64
    )
    errors = design.units - design.columns @ found
    residual, days = float(errors @ errors), len(errors)
    variance = _noise(residual, days)
    likelihood = -0.5 * days * float(np.log(variance)) - 0.5 * residual / variance
    noise = -0.5 * variance / NOISE_SD**2
    prior = -0.5 * float(_precisions(design, priors) @ found**2)
    laplace = float(np.abs(model.delta).sum()) / priors.changepoint
    return likelihood + noise + prior - laplace
