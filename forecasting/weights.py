"""How much each candidate counts: its held-out errors, drawn toward how the fleet's candidates did.

Twenty-four noisy months would pick a lucky loser. So a series' own evidence, in months held out,
is weighed against a ranking over all series of its route, that against the ranking over all
routes, and that against the one that ships with the product: an empirical Bayes estimate of each
candidate's logarithmic relative error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecasting.candidates import CANDIDATES, NAIVE
from forecasting.forecaster import SEASON, Vector
from forecasting.race import Race, Trial
from forecasting.routing import KINDS, LENGTHS, Route

__all__ = ["Ranking", "combine", "own_errors", "weights_of"]

NAMES = tuple(CANDIDATES)
POSITION = {name: i for i, name in enumerate(NAMES)}
CORE = tuple(POSITION[name] for name in (NAIVE, "arima", "ets", "theta", "pooled"))
"""Candidates whose mean error is the yardstick that the others are relative to."""

OWN_MONTHS = 7.0
"""Held-out months at which a series' own errors count as much as its fleet's ranking."""

FLEET_SERIES = 20.0
"""Series of a route at which they count as much as those of all routes; likewise above."""

SHARPNESS = 3.0
"""Power of the relative error by which a candidate loses weight."""

UNLIKE = {"ces": 0.2, "seasonal_mean": 0.075}
"""Models least like the others, and their shares beside their merit, where sales are not sparse.

Exponential smoothing, theta and ARIMA err together; merit taken one by one does not see that.
"""

LEAST_WEIGHT = 0.03
"""Share below which a candidate does not serve."""

LEAST_RATIO, MOST_RATIO = 0.05, 5.0


@dataclass(frozen=True, eq=False)
class Ranking:
    """Mean logarithmic relative error of each candidate, by route; lower is better."""

    by_route: Mapping[str, Vector]
    overall: Vector

    @classmethod
    def level(cls) -> Ranking:
        """The ranking in which all candidates are alike."""
        return cls({}, np.zeros(len(NAMES)))

    @classmethod
    def of(cls, races: Sequence[Race], prior: Ranking) -> Ranking:
        """The ranking that those races give, drawn toward `prior`."""
        routes = np.array([race.route.text for race in races])
        errors = np.array([relative_errors(recent(race.trials), race.names)[0] for race in races])
        errors = errors.reshape(len(races), len(NAMES))
        by_route = {}
        for text in (Route(kind, length).text for kind in KINDS for length in LENGTHS):
            usual = _drawn(errors, prior.by_route.get(text, prior.overall))
            by_route[text] = _drawn(errors[routes == text], usual)
        return cls(by_route, _drawn(errors, prior.overall))

    def of_route(self, route: Route) -> Vector:
        """The ranking that a series of that route is judged by."""
        return self.by_route.get(route.text, self.overall)

    def to_json(self) -> dict[str, Any]:
        """The ranking as JSON."""
        rows = {text: _named(errors) for text, errors in self.by_route.items()}
        return {"overall": _named(self.overall), "by_route": rows}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Ranking:
        """The ranking that `to_json` wrote; a candidate that it does not name counts as usual."""
        rows = {text: _positioned(row) for text, row in value["by_route"].items()}
        return cls(rows, _positioned(value["overall"]))


def recent(trials: Sequence[Trial]) -> list[Trial]:
    """The trials of the last year: who forecast well two years ago is past."""
    return [trial for trial in trials if len(trial.sold) <= SEASON]


def own_errors(trials: Sequence[Trial], candidates: int) -> tuple[Vector, Vector]:
    """Sum of absolute errors and number of months, by candidate, over the trials."""
    total, months = np.zeros(candidates), np.zeros(candidates)
    for trial in trials:
        errors = np.abs(trial.forecasts - trial.usual)
        counted = np.isfinite(errors)
        total += np.where(counted, errors, 0.0).sum(axis=1)
        months += counted.sum(axis=1)
    return total, months


def relative_errors(trials: Sequence[Trial], names: Sequence[str]) -> tuple[Vector, Vector]:
    """Logarithm of each candidate's error over the yardstick's, and its held-out months.

    By position in `NAMES`, NaN where it did not race.
    """
    total, months = own_errors(trials, len(names))
    errors, counts = np.full(len(NAMES), np.nan), np.zeros(len(NAMES))
    places = [POSITION[name] for name in names]
    counts[places] = months
    with np.errstate(invalid="ignore", divide="ignore"):
        errors[places] = np.where(months >= months.max(initial=1.0), total / months, np.nan)
    core = errors[list(CORE)]
    core = core[np.isfinite(core)]
    if not len(core) or core.mean() <= 0:
        return np.full(len(NAMES), np.nan), np.zeros(len(NAMES))
    return np.log(np.clip(errors / core.mean(), LEAST_RATIO, MOST_RATIO)), counts


def weights_of(race: Race, ranking: Ranking, trials: Sequence[Trial] | None = None) -> Vector:
    """Weights of the race's candidates, adding up to 1, by `trials` (the last year's by default).

    A candidate that seasonal naive beats, over the fleet and on the series' own months, has none.
    """
    trials = recent(race.trials) if trials is None else trials
    places = [POSITION[name] for name in race.names]
    errors, months = (part[places] for part in relative_errors(trials, race.names))
    fleet = ranking.of_route(race.route)[places]
    own = np.where(np.isfinite(errors), months, 0.0)
    drawn = (own * np.nan_to_num(errors) + OWN_MONTHS * fleet) / (own + OWN_MONTHS)
    able = np.isfinite(race.ahead).all(axis=1)
    naive = race.names.index(NAIVE)
    serves = able & ((fleet <= fleet[naive]) | (drawn < drawn[naive]))
    weights = np.where(serves, np.exp(-SHARPNESS * (drawn - drawn[able].min())), 0.0)
    weights /= weights.sum()
    weights[weights < LEAST_WEIGHT] = 0.0
    shares: Vector = weights / weights.sum()
    unlike = np.array([UNLIKE.get(name, 0.0) for name in race.names]) * serves
    if not race.route.sparse:
        shares = (1 - unlike.sum()) * shares + unlike
    return shares


def combine(weights: Vector, forecasts: Vector) -> Vector:
    """The weighted mean of the forecasts (candidates, months) that exist."""
    present = np.isfinite(forecasts) & (weights[:, np.newaxis] > 0)
    heavy = np.where(present, weights[:, np.newaxis], 0.0)
    total = heavy.sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean: Vector = (heavy * np.where(present, forecasts, 0.0)).sum(axis=0) / total
    return mean


def _drawn(errors: Vector, prior: Vector) -> Vector:
    """Mean of each column, what is missing apart, with `prior` counting as some series."""
    told = np.isfinite(errors)
    total = np.where(told, errors, 0.0).sum(axis=0)
    drawn: Vector = (total + FLEET_SERIES * prior) / (told.sum(axis=0) + FLEET_SERIES)
    return drawn


def _named(errors: Vector) -> dict[str, float]:
    return {name: round(float(error), 4) for name, error in zip(NAMES, errors, strict=True)}


def _positioned(row: Mapping[str, float]) -> Vector:
    return np.array([row.get(name, 0.0) for name in NAMES])
