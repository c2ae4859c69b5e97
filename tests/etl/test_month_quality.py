from dataclasses import replace
from datetime import date

from etl.ledger import read_day, write_day
from etl.month_quality import month_quality

MARCH = date(2026, 3, 1)


def test_refusals_drift_and_missing_days_are_counted_and_their_stores_named(lake, store, pull):
    pull("2026-03-02", "2026-03-30")
    day = read_day(lake, store, date(2026, 3, 5))
    refused = {"no_price": {"lines": 2, "units": 9}, "no_date": {"lines": 1, "units": 1}}
    write_day(lake, store, replace(day, refused=refused, drift={"payments": 4}))
    name = f"{store.merchant_id} / {store.store_id}"

    assert month_quality(lake, [store], MARCH) == [
        {"what": "order lines refused", "count": 3, "where": f"no_date 1; no_price 2; {name}: 3"},
        {
            "what": "fields that differed from the documented shape",
            "count": 4,
            "where": f"{name}: 4",
        },
        {"what": "store-days without a complete pull", "count": 1, "where": f"{name}: 1"},
    ]


def test_a_clean_month_says_so_in_zeros(lake, store, pull):
    pull("2026-03-01", "2026-03-31")
    rows = month_quality(lake, [store], MARCH)
    assert [(row["count"], row["where"]) for row in rows] == [(0, "")] * 3


def test_a_store_that_was_never_pulled_misses_all_days(lake, store):
    assert month_quality(lake, [store], MARCH)[2]["count"] == 31
