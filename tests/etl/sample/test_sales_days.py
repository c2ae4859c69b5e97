"""Sales days fall where each country put them."""

from datetime import date

import pandas as pd
import pytest

from etl.sample.sales_days import lifts, occasions


@pytest.mark.parametrize(
    ("country", "name", "first", "last"),
    [
        ("AR", "Hot Sale", date(2023, 5, 15), date(2023, 5, 17)),
        ("AR", "Hot Sale", date(2024, 5, 13), date(2024, 5, 15)),
        ("AR", "Día de la Madre", date(2025, 10, 19), date(2025, 10, 19)),
        ("MX", "Buen Fin", date(2023, 11, 17), date(2023, 11, 20)),
        ("MX", "Buen Fin", date(2024, 11, 15), date(2024, 11, 18)),
        ("MX", "Hot Sale", date(2023, 5, 29), date(2023, 6, 6)),
        ("MX", "Hot Sale", date(2024, 5, 15), date(2024, 5, 23)),
        ("CL", "CyberDay", date(2023, 5, 29), date(2023, 5, 31)),
        ("CL", "CyberDay", date(2024, 6, 3), date(2024, 6, 5)),
        ("BR", "Carnaval", date(2025, 3, 4), date(2025, 3, 4)),
        ("US", "Black Friday", date(2024, 11, 29), date(2024, 12, 2)),
        ("CO", "Easter", date(2024, 3, 31), date(2024, 3, 31)),
    ],
)
def test_occasion_falls_on_its_days(country: str, name: str, first: date, last: date) -> None:
    found = [o for o in occasions(country, first.year) if o.name == name and o.kind != "quiet"]
    assert [(o.first, o.last) for o in found] == [(first, last)]


def test_gifts_are_bought_before_the_day_and_not_after() -> None:
    days = pd.date_range("2025-04-20", "2025-05-20")
    lift = pd.Series(lifts("BR", days)["mother"], index=days)
    assert lift.idxmax() == pd.Timestamp("2025-05-08")
    assert lift["2025-05-12":].eq(0).all()


def test_buyers_wait_for_a_sale_and_rest_after_it() -> None:
    days = pd.date_range("2025-05-10", "2025-06-10")
    lift = pd.Series(lifts("MX", days)["sale"], index=days)
    assert lift["2025-05-26":"2025-06-03"].gt(0).all()
    assert lift["2025-05-25"] < 0
    assert lift["2025-06-04"] < 0


def test_christmas_of_the_next_days_draws_the_last_of_the_history() -> None:
    days = pd.date_range("2025-12-01", "2025-12-20")
    assert lifts("US", days)["christmas"][-1] > 0.5
