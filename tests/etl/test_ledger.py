from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from etl.errors import LakeError
from etl.ledger import (
    day_folder,
    day_window,
    missing_days,
    month_is_complete,
    next_month,
    previous_month,
    read_day,
)

MARCH = date(2026, 3, 1)


def test_days_begin_at_local_midnight(store):
    start, end = day_window(store, date(2026, 3, 2), date(2026, 3, 3))
    assert start == datetime(2026, 3, 2, 3, tzinfo=UTC)
    assert end == datetime(2026, 3, 4, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Madrid", date(2026, 3, 29), 23),
        ("Europe/Madrid", date(2026, 10, 25), 25),
        ("America/Santiago", date(2026, 9, 6), 23),  # midnight itself is skipped
        ("America/Santiago", date(2026, 4, 4), 25),
        ("Asia/Kolkata", date(2026, 3, 29), 24),
    ],
)
def test_a_day_is_as_long_as_its_zone_makes_it(zone, day, hours, store):
    start, end = day_window(replace(store, time_zone=zone), day, day)
    assert (end - start).total_seconds() == hours * 3600


def test_a_day_is_pulled_empty_partial_or_missing(lake, store, pull, marketplace, order):
    marketplace.orders = [order(1, "2026-03-02T12:00:00-03:00")]
    pull("2026-03-02", "2026-03-03")
    pull("2026-03-04", pulled_at=datetime(2026, 3, 4, 12, tzinfo=UTC))
    states = [read_day(lake, store, date(2026, 3, n)) for n in (2, 3, 4, 5)]
    assert [day and day.state for day in states] == ["pulled", "empty", "partial", None]
    assert missing_days(lake, store, MARCH, date(2026, 3, 5)) == [
        date(2026, 3, 4),
        date(2026, 3, 5),
    ]


def test_days_before_the_first_pull_are_before_the_stores_time(lake, store, pull):
    pull("2026-03-20", "2026-03-31")
    assert month_is_complete(lake, [store], MARCH)
    assert not month_is_complete(lake, [store], date(2026, 4, 1))


def test_a_store_that_was_never_pulled_misses_all(lake, store, pull):
    pull("2026-03-01", "2026-03-31")
    new = replace(store, store_id="S2")
    assert len(missing_days(lake, new, MARCH, date(2026, 3, 31))) == 31
    assert not month_is_complete(lake, [store, new], MARCH)


def test_a_damaged_manifest_names_its_file(lake, store):
    lake.write_json(f"{day_folder(store, MARCH)}/manifest.json", {"day": "2026-03-01"})
    with pytest.raises(LakeError, match=r"day=2026-03-01/manifest.json is no manifest"):
        read_day(lake, store, MARCH)


def test_months_follow_each_other_over_the_year():
    assert next_month(date(2025, 12, 31)) == date(2026, 1, 1)
    assert previous_month(date(2026, 1, 31)) == date(2025, 12, 1)
