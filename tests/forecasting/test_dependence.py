"""How misses go together, measured on scores whose shocks are known."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecasting.dependence import (
    Dependence,
    InStore,
    measure_dependence,
    store_sums,
    with_stores,
)

Z95 = 1.959963984540054


def _scores(common, alone, cutoffs, products=20, stores=("S1", "S2")):
    """Scored months whose misses are partly one shock of the store, partly each product's own."""
    rng = np.random.default_rng(1)
    rows = []
    for cutoff in range(cutoffs):
        for store in stores:
            shock = rng.normal(0, common)
            for product in range(products):
                miss = shock + rng.normal(0, alone)
                rows.append((date(2020 + cutoff // 12, cutoff % 12 + 1, 1), store, product, miss))
    found = pd.DataFrame(rows, columns=["cutoff_month", "store_id", "product_id", "units_sold"])
    return found.assign(
        merchant_id="M", month=found["cutoff_month"], units_forecast=0.0, lo95=-Z95, hi95=Z95
    )


def test_misses_that_go_together_within_a_store_are_measured():
    found = measure_dependence(_scores(0.6, 0.8, cutoffs=120))
    assert found.within_store == pytest.approx(0.36, abs=0.08)
    assert found.between_stores < 0.06


def test_little_evidence_stays_with_the_prior():
    prior = Dependence(0.1, 0.0, 0.3)
    found = measure_dependence(_scores(0.0, 1.0, cutoffs=2), prior)
    assert found.within_store == pytest.approx(0.1 * 12 / 14, abs=0.02)
    assert found.between_months == 0.3
    assert measure_dependence(_scores(0.0, 1.0, 1).iloc[:0], prior) == prior


def test_misses_beyond_what_was_promised_widen_totals():
    found = measure_dependence(_scores(0.0, 2.0, cutoffs=36), Dependence(spread=1.0))
    assert found.spread == pytest.approx(np.sqrt(0.75 * 4 + 0.25 * 1), rel=0.05)


def test_months_next_to_each_other_are_measured():
    scores = _scores(0.0, 1.0, cutoffs=60)
    later = scores.assign(month=[date(m.year + 1, 1, 1) for m in scores["month"]])
    found = measure_dependence(pd.concat([scores, later]), Dependence(0, 0, 0))
    assert found.between_months == pytest.approx(120 / 132, abs=0.02)


def test_a_month_is_paired_with_the_next_one_whatever_its_rows_are_numbered():
    """Frames of several months are put together: their rows have the same numbers."""
    months = [_scores(0.0, 1.0, cutoffs=60).iloc[::-1]]
    rng = np.random.default_rng(2)
    for later in range(1, 6):
        moved = [date(m.year + later, 1, 1) for m in months[0]["cutoff_month"]]
        miss = rng.normal(0, 1, len(months[0]))
        months.append(months[0].assign(month=moved, units_sold=miss))
    found = measure_dependence(pd.concat(months[::-1]), Dependence(0, 0, 0))
    assert found.between_months == pytest.approx(0, abs=0.03)


def test_each_store_has_its_own_dependence():
    one_customer = _scores(0.9, 0.3, cutoffs=18, stores=("one customer",))
    many = _scores(0.1, 1.0, cutoffs=18, stores=("many customers",))
    scores = pd.concat([one_customer, many])
    found = with_stores(Dependence(0.07, spread=1.0), store_sums(scores))
    together = found.in_store("M", "one customer").correlation
    assert together == pytest.approx(0.6 * 0.9 + 0.4 * 0.07, abs=0.05)
    assert found.in_store("M", "many customers").correlation < 0.1


def test_a_store_that_was_hardly_scored_has_what_holds_for_all():
    fleet = Dependence(0.2, spread=1.3)
    found = with_stores(fleet, store_sums(_scores(0.9, 0.3, cutoffs=9, products=2)))
    assert found.in_store("M", "S1") == found.in_store("M", "new") == InStore(0.2, 1.3)
    little = with_stores(fleet, store_sums(_scores(0.9, 0.3, cutoffs=1)))
    assert abs(little.in_store("M", "S1").correlation - 0.2) <= 0.8 / 13


def test_a_store_that_missed_by_more_than_was_promised_has_wider_misses():
    scores = _scores(0.0, 3.0, cutoffs=90)
    found = with_stores(Dependence(spread=1.0), store_sums(scores))
    assert found.in_store("M", "S2").spread == pytest.approx(np.sqrt((90 * 9 + 12) / 102), rel=0.05)
