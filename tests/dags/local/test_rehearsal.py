from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from dags.local.rehearsal import plan_rehearsal
from etl.errors import InputError


def test_a_file_that_ends_within_a_month_is_forecast_from_the_month_before():
    plan = plan_rehearsal(date(2009, 12, 1), date(2011, 12, 9))
    assert plan.month == date(2011, 11, 1)
    assert plan.month_before == date(2011, 10, 1)


def test_a_file_that_ends_with_a_month_is_forecast_from_that_month():
    assert plan_rehearsal(date(2024, 1, 1), date(2025, 12, 31)).month == date(2025, 12, 1)


@pytest.mark.parametrize("last", [date(2024, 2, 29), date(2025, 2, 28), date(2025, 12, 31)])
def test_back_fill_and_daily_runs_leave_no_day_of_the_month_out(last):
    """Whatever the time zone: the first daily run begins where the back-fill has ended."""
    plan = plan_rehearsal(date(2023, 1, 1), last)
    for zone in ("Pacific/Kiritimati", "America/Los_Angeles", "Etc/GMT+12"):
        days = [at.astimezone(ZoneInfo(zone)).date() - timedelta(days=1) for at in plan.daily]
        assert days[0] <= plan.backfill[1] + timedelta(days=2)
        assert all(b - a == timedelta(days=1) for a, b in pairwise(days))
        assert days[-1] >= last


def test_the_back_fill_ends_with_days_that_are_over_everywhere():
    plan = plan_rehearsal(date(2023, 1, 1), date(2025, 12, 31))
    end = datetime.combine(plan.backfill[1] + timedelta(days=1), datetime.min.time())
    assert end.replace(tzinfo=ZoneInfo("Etc/GMT+12")).astimezone(UTC) <= plan.start


def test_the_last_daily_run_stands_at_the_closing_of_the_month():
    plan = plan_rehearsal(date(2023, 1, 1), date(2025, 12, 31))
    assert plan.daily[-1] == datetime(2026, 1, 3, 6, tzinfo=UTC)


def test_less_than_two_full_months_are_refused():
    with pytest.raises(InputError, match=r"two full months 2025-01 and 2025-02"):
        plan_rehearsal(date(2025, 1, 5), date(2025, 3, 3))
