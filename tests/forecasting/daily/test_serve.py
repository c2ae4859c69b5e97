"""The next seven days of a store, from stored models and from training."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from etl.settings import Settings
from forecasting.daily import daily_configuration, forecast_daily

MORNING = datetime(2025, 3, 3, 6, tzinfo=UTC)


@pytest.fixture
def settings() -> Settings:
    return Settings(jobs=1, daily_engine="weekday_naive")


@pytest.fixture
def store(make_store):
    rng = np.random.default_rng(3)
    return make_store({f"P{n}": rng.poisson(5 + n, 56) for n in range(6)})


def flat(batches) -> list:
    return [forecast for batch in batches for forecast in batch]


def test_every_product_has_its_next_seven_days(store, settings):
    lake, manifest = store
    found = flat(forecast_daily(lake, manifest, settings, trained_at=MORNING))
    assert sorted(one.product_id for one in found) == [f"P{n}" for n in range(6)]
    one = found[0]
    assert one.cutoff_date == manifest.data_until == date(2025, 3, 2)
    assert one.dates == tuple(date(2025, 3, 2) + timedelta(days=n) for n in range(1, 8))
    assert (one.category, one.trained, one.trained_at) == ("toys", True, MORNING)
    assert one.units.shape == (7,)
    assert one.lower.shape == one.upper.shape == (3, 7)
    assert [day for day, _, _ in one.recent][-1] == manifest.data_until
    assert len(one.recent) == 28


def test_the_first_few_do_not_wait_for_those_that_processes_are_started_for(store, settings):
    assert [len(batch) for batch in forecast_daily(*store, settings)] == [4, 2]


def test_only_the_products_asked_for(store, settings):
    found = flat(forecast_daily(*store, settings, product_ids=["P4", "P1", "unknown"]))
    assert [one.product_id for one in found] == ["P1", "P4"]


def test_a_fresh_model_serves_without_training(store, settings):
    first = flat(forecast_daily(*store, settings, trained_at=MORNING))
    later = MORNING + timedelta(hours=1)
    again = flat(forecast_daily(*store, settings, trained_at=later))
    assert [(one.trained, one.trained_at) for one in again] == [(False, MORNING)] * 6
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.units, other.units)
        np.testing.assert_array_equal(one.upper, other.upper)


def test_a_changed_history_or_configuration_is_trained_anew(store, make_store, settings):
    lake, manifest = store
    flat(forecast_daily(lake, manifest, settings))
    rows = lake.read_table(manifest.path).to_pylist()
    histories = {row["product_id"]: row["units"] for row in rows}
    histories["P2"][0] += 1
    changed = flat(forecast_daily(*make_store(histories, "1" * 16), settings))
    assert [one.product_id for one in changed if one.trained] == ["P2"]
    other = replace(settings, daily_engine="daily")
    assert daily_configuration(other) != daily_configuration(settings)
