"""The race: honest origins, who may start, and months with an empty shelf."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forecasting.candidates import CANDIDATES, NAIVE
from forecasting.forecaster import Series
from forecasting.models.pooled import Pool
from forecasting.race import run_race


def test_an_origin_knows_nothing_of_what_follows(fleet: list[Series]) -> None:
    later = fleet[0].units.copy()
    later[-3:] *= 10
    one, other = run_race(fleet[0], {}), run_race(replace(fleet[0], units=later), {})
    np.testing.assert_array_equal(one.trials[0].forecasts, other.trials[0].forecasts)
    assert not np.array_equal(one.ahead, other.ahead)


def test_every_candidate_that_may_races(fleet: list[Series]) -> None:
    names = set(run_race(fleet[0], {}).names)
    sparse = {"croston_sba", "tsb", "adida", "imapa"}
    assert names == set(CANDIDATES) - sparse
    assert sparse < set(run_race(fleet[2], {}).names)


def test_a_month_with_an_empty_shelf_judges_nobody(fleet: list[Series]) -> None:
    days = np.zeros(fleet[0].months)
    days[-1] = 20.0
    trial = run_race(replace(fleet[0], days_out_of_stock=days), {}).trials[0]
    assert np.isnan(trial.sold).tolist() == [False, False, True]


def test_seasonal_naive_repeats_what_was_sold(fleet: list[Series]) -> None:
    race = run_race(fleet[0], {})
    row = race.ahead[race.names.index(NAIVE)]
    np.testing.assert_array_equal(row, fleet[0].units[-12:])


def test_a_bulk_order_counts_as_usual_in_judging(fleet: list[Series]) -> None:
    units = fleet[0].units.copy()
    units[-2] *= 20
    trial = run_race(replace(fleet[0], units=units), {}).trials[0]
    assert trial.sold[1] == units[-2]
    assert trial.usual[1] < units[-2] / 4


def test_the_shared_shape_at_an_origin_is_the_one_known_then(fleet: list[Series]) -> None:
    earlier = Pool.of(one.until(one.months - 3) for one in fleet)
    shapes = {0: Pool.of(fleet).shapes(), 3: earlier.shapes()}
    with_shape, without = run_race(fleet[1], shapes), run_race(fleet[1], {})
    row = with_shape.names.index("pooled")
    assert not np.allclose(with_shape.trials[0].forecasts[row], without.trials[0].forecasts[row])
