"""Weights: a lucky loser is held back, what seasonal naive beats does not serve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecasting.candidates import NAIVE
from forecasting.race import Race, Trial
from forecasting.routing import Route
from forecasting.weights import NAMES, POSITION, Ranking, combine, weights_of

CANDIDATES = (NAIVE, "ets", "theta")


def race(*errors: float, months: int = 6) -> Race:
    """A race whose candidates missed every month by so much."""
    forecasts = np.array(errors)[:, np.newaxis] * np.ones(months)
    trial = Trial(forecasts, np.zeros(months), np.zeros(months))
    ahead = np.ones((len(errors), 12))
    return Race(Route("smooth", "long"), CANDIDATES, ((), (), ()), ahead, (trial,))


def fleet(*errors: float) -> Ranking:
    return Ranking.of([race(*errors)] * 200, Ranking.level())


def test_weights_follow_the_errors() -> None:
    weights = weights_of(race(2.0, 1.0, 1.5), fleet(2.0, 1.0, 1.5))
    assert weights.sum() == pytest.approx(1.0)
    assert weights[1] > weights[2] > weights[0]


def test_a_lucky_loser_is_drawn_back_to_the_fleet() -> None:
    lucky = race(2.0, 1.5, 1.0, months=3)
    own = weights_of(lucky, Ranking.level())
    drawn = weights_of(lucky, fleet(2.0, 1.0, 1.5))
    assert own[2] > own[1]
    assert drawn[1] > drawn[2]


def test_what_seasonal_naive_beats_everywhere_does_not_serve() -> None:
    weights = weights_of(race(1.0, 1.2, 0.8), fleet(1.0, 1.2, 0.8))
    assert weights[1] == 0.0
    assert weights[2] > 0.0


def test_seasonal_naive_serves_alone_where_nothing_beats_it() -> None:
    weights = weights_of(race(1.0, 1.4, 1.3), fleet(1.0, 1.4, 1.3))
    np.testing.assert_array_equal(weights, [1.0, 0.0, 0.0])


def test_the_model_least_like_the_others_has_a_share_beside_its_merit() -> None:
    unlike = replace(race(2.0, 1.0, 1.0), names=(NAIVE, "ets", "ces"))
    ranking = Ranking.of([unlike] * 200, Ranking.level())
    weights = weights_of(unlike, ranking)
    assert weights[2] == pytest.approx(weights[1] + 0.2)
    sparse = replace(unlike, route=Route("lumpy", "long"))
    assert weights_of(sparse, ranking)[2] == pytest.approx(weights_of(sparse, ranking)[1])


def test_a_candidate_that_cannot_look_ahead_does_not_serve() -> None:
    broken = race(2.0, 1.0, 1.5)
    broken.ahead[1] = np.nan
    assert weights_of(broken, fleet(2.0, 1.0, 1.5))[1] == 0.0


def test_two_years_ago_does_not_weigh() -> None:
    old = race(1.0, 5.0, 5.0, months=24)
    weights = weights_of(old, fleet(2.0, 1.0, 1.5))
    assert weights[1] > weights[0]


def test_a_ranking_survives_json() -> None:
    ranking = fleet(2.0, 1.0, 1.5)
    again = Ranking.from_json(ranking.to_json())
    np.testing.assert_allclose(again.overall, ranking.overall, atol=1e-4)
    assert set(again.by_route) == set(ranking.by_route)


def test_few_series_leave_the_ranking_near_what_was_known() -> None:
    known = Ranking({}, np.linspace(-0.5, 0.5, len(NAMES)))
    one = Ranking.of([race(2.0, 1.0, 1.5)], known)
    moved = np.abs(one.overall - known.overall)
    assert moved[POSITION["ets"]] < 0.1


def test_missing_forecasts_leave_the_mean_to_the_others() -> None:
    forecasts = np.array([[1.0, np.nan], [3.0, 3.0]])
    np.testing.assert_array_equal(combine(np.array([0.5, 0.5]), forecasts), [2.0, 3.0])
