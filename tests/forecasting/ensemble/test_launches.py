"""The launches of a fleet are the same in whatever order they come, and none is made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from forecasting import launches
from forecasting.forecaster import Series
from forecasting.launches import Donors, Launches, every_launch
from forecasting.models.pooled import Shapes


def launch(number: int, merchant: str = "M1", store: str = "S1") -> Series:
    """Sells ten for two months and then half of that."""
    units = np.array([10.0, 10.0, *[5.0] * 12])
    return Series(merchant, store, f"P{number}", date(2024, 3, 1), units, "toys")


def veteran(merchant: str = "M1") -> Series:
    return Series(merchant, "S1", "old", date(2022, 1, 1), np.full(40, 5.0), "toys")


def new(merchant: str = "M1") -> Series:
    return Series(merchant, "S1", "new", date(2025, 3, 1), np.array([10.0, 10.0]), "toys")


def test_a_merchants_store_is_told_from_anothers() -> None:
    foreign = Series("M2", "S2", "new", date(2022, 1, 1), np.full(40, 5.0), "toys")
    assert Launches.of([veteran(), foreign, new()]).elsewhere() == {}


def test_first_stores_are_remembered_of_a_bounded_number_of_products(monkeypatch) -> None:
    monkeypatch.setattr(launches, "MOST_PRODUCTS", 50)
    everything = [launch(number) for number in range(200)]
    forwards, backwards = Launches.of(everything), Launches.of(everything[::-1])
    assert 10 < len(forwards.stores.first) <= 50
    assert forwards.stores.first == backwards.stores.first


def test_merchant_by_merchant_or_mixed_up_the_same_is_found(monkeypatch) -> None:
    """Three merchants' launches; S1 sells what S2 sold before."""
    everything = []
    for name in ("M3", "M1", "M2"):
        old = [replace(launch(n, name, "S2"), first_month=date(2023, 9, 1)) for n in range(30)]
        again = [launch(n, name) for n in range(30)]
        unsold = replace(new(name), product_id="P8", units=np.zeros(2))
        everything += [veteran(name), *old, *again, replace(new(name), product_id="P7"), unsold]
    lent = Donors.of(Launches.of(everything), Shapes({}))
    at_once, seen = Launches.of, []

    def noted(some):
        own = list(some)
        seen.append({series.merchant_id for series in own})
        return at_once(own)

    monkeypatch.setattr(Launches, "of", noted)
    for order in (everything, everything[::-1]):
        assert every_launch(order, Shapes({})) == lent
        assert seen == [{name} for name in dict.fromkeys(s.merchant_id for s in order)]
        seen.clear()
    mixed_up = sorted(everything, key=lambda series: series.product_id)
    assert every_launch(mixed_up, Shapes({})) == lent
    assert seen[-1] == {"M1", "M2", "M3"}


def test_histories_as_old_as_the_data_are_no_launches() -> None:
    known = [launch(number) for number in range(100)]
    assert Donors.of(Launches.of(known), Shapes({})).courses == {}


def test_what_has_not_sold_yet_teaches_nothing_of_launches() -> None:
    sold = [veteran(), *[launch(number) for number in range(40)]]
    unsold = [
        replace(new(), product_id=f"U{n}", store_id=store, units=np.zeros(2))
        for n, store in enumerate(["S1", "S2"])
    ]
    known, beside = (Donors.of(Launches.of(some), Shapes({})) for some in (sold, sold + unsold))
    assert beside.courses == known.courses
    assert beside.starts == known.starts
    assert beside.elsewhere == known.elsewhere == {}
