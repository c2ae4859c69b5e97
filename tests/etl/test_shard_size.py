"""How many series a shard holds, by what a series cost in the run before."""

from __future__ import annotations

from datetime import date

import pytest

from etl.lake import Lake
from etl.shard_size import shard_size, size_for

MARCH = date(2026, 3, 1)


@pytest.fixture
def costly(tmp_path):
    """A lake of 27,000 series, and the cost of a run by engine, cutoff and revision."""
    lake = Lake(tmp_path)
    month = {"fingerprint": "x", "rows": 27_000}
    lake.write_json("monthly_sales/month=2026-03/manifest.json", month)

    def cost(engine, run_id, series, seconds):
        told = {"series": series, "seconds": seconds}
        lake.write_json(f"costs/engine={engine}/run_id={run_id}.json", told)

    cost("arima", "2026-02.2", 1000, 30.0)
    cost("arima", "2026-02.10", 1000, 50.0)
    cost("arima", "2026-01.1", 1000, 999.0)
    cost("arima", "2026-03.1", 1000, 999.0)
    cost("ensemble", "2026-02.1", 1000, 180.0)
    return lake


def test_the_newest_run_from_an_earlier_month_tells_what_a_series_costs(costly):
    assert shard_size(costly, MARCH, "arima") == size_for(27_000, 0.05) == 1800
    assert shard_size(costly, MARCH, "ensemble") == 500


def test_without_a_run_a_cost_is_assumed(costly):
    assert shard_size(costly, MARCH, "pmdarima") == 900


def test_a_few_series_measured_tell_nothing(costly):
    costly.write_json("costs/engine=theta/run_id=2026-02.1.json", {"series": 3, "seconds": 900.0})
    assert shard_size(costly, MARCH, "theta") == 900


def test_a_cutoff_keeps_the_size_that_it_was_cut_with(costly):
    costly.write_json("shards/cutoff_month=2026-03/manifest.json", {"shard_series": 77})
    assert shard_size(costly, MARCH, "arima") == 77


@pytest.mark.parametrize(
    ("series", "seconds", "size"),
    [
        (27_000, 0.1, 900),  # 30 tasks of 90 s
        (10_000_000, 0.2, 450),
        (600, 0.1, 200),  # 3 tasks of 20 s rather than 8 of 7 s
        (40, 10.0, 20),  # never fewer than this
        (10_000_000, 0.001, 5000),  # never more, for memory's sake
        (0, 0.1, 200),
    ],
)
def test_a_task_works_a_minute_and_a_half_unless_there_is_too_little_to_share(
    series, seconds, size
):
    assert size_for(series, seconds) == size
