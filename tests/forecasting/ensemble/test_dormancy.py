"""A product that fell silent has more likely ended the better it used to sell."""

from __future__ import annotations

import numpy as np

from forecasting.dormancy import chance_alive, dormant, dormant_upper

STEADY = np.array([3.0, 5, 4, 6, 5, 4, 3, 5, 6, 4, 5, 4])
SPARSE = np.array([0.0, 0, 4, 0, 0, 0, 5, 0, 0, 4, 0, 0, 3])


def silent(units: np.ndarray, months: int) -> np.ndarray:
    return np.append(units, np.zeros(months))


def test_silence_makes_the_end_likelier() -> None:
    chances = [chance_alive(silent(STEADY, months)) for months in range(6)]
    assert chances[0] == 1.0
    assert chances == sorted(chances, reverse=True)


def test_a_sparse_seller_may_pause_longer() -> None:
    assert dormant(silent(STEADY, 4))
    assert not dormant(silent(SPARSE, 4))


def test_two_silent_months_are_no_end() -> None:
    assert not dormant(silent(STEADY, 2))


def test_what_has_surely_ended_is_bounded_by_zero() -> None:
    np.testing.assert_array_equal(dormant_upper(np.ones((3, 4)), 0.01), np.zeros((3, 4)))
