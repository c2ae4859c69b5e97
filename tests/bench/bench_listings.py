"""What generated listings that had not sold yet sold in the next year, beside what was forecast.

`PYTHONPATH=. python tests/bench/bench_listings.py [--scale]`: no public set tells when a product
was listed, so all of it is generated. A merchant's products are listed on any day of 29 months;
from then on each sells by its own rate, a gamma over products, some never. As in shards a product
is known from its first sale, or, where it has none, from its listing within the last year. Large
merchants tell their own chance that waiting ends, small ones borrow the prior.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from forecasting.forecaster import LEVELS, Series, Vector, add_months
from forecasting.launches import Donors, Launches
from forecasting.models.pooled import FLAT, Shapes
from forecasting.never_sold import forecast_never_sold
from forecasting.routing import NEW_MONTHS

BEGUN = date(2023, 1, 1)
KNOWN, AHEAD, LISTED_LATELY = 30, 12, 12
SEED = 5

Rates = Callable[[np.random.Generator], float]


@dataclass(frozen=True)
class World:
    """How products sell: units a month when on sale, and the chance a month to be taken off."""

    name: str
    rate: Rates
    taken_off: float = 0.0


WORLDS = [
    World("rates differ (gamma 0.5), 3 a month", lambda rng: rng.gamma(0.5, 6.0)),
    World("rates differ more (gamma 0.3), 1 a month", lambda rng: rng.gamma(0.3, 3.3)),
    World("rates differ less (gamma 1), 2 a month", lambda rng: rng.gamma(1.0, 2.0)),
    World(
        "three in ten never sell, others 3 a month",
        lambda rng: 0.0 if rng.uniform() < 0.3 else rng.gamma(1.5, 2.0),
    ),
    World("5 % a month are taken off", lambda rng: rng.gamma(0.5, 6.0), taken_off=0.05),
]
"""The last two break what the forecast assumes: that most sell some day, and are not taken off."""


def main(scale: bool) -> None:
    print("| world | products of a merchant | unsold listings | sold in a year | bias |", end="")
    print("".join(f" {level} % held |" for level in LEVELS))
    print("|---|---:|---:|---:|---:|" + "---:|" * len(LEVELS))
    for world in WORLDS:
        for products, merchants in ((4000, 6 if scale else 1), (150, 160 if scale else 20)):
            print(_measured(world, products, merchants))


def _measured(world: World, products: int, merchants: int) -> str:
    rng = np.random.default_rng(SEED)
    told, sold, held = [], [], []
    for _ in range(merchants):
        listings = list(_listings(rng, world, products))
        known = [_series("old", 0, np.full(KNOWN, 5.0)), *(series for series, _ in listings)]
        donors = Donors.of(Launches.of(known), Shapes({}))
        lent = donors.starts, donors.first_sales
        for series, later in listings:
            if series.months < NEW_MONTHS and not series.units.any():
                found = forecast_never_sold(series, AHEAD, *lent, FLAT)
                told.append(found.units.sum())
                sold.append(later.sum())
                held.append((later <= found.upper).mean(axis=1))
    cells = [world.name, str(products), f"{len(told):,}", f"{np.mean(np.array(sold) > 0):.0%}"]
    cells.append(f"{sum(told) / sum(sold) - 1:+.2f}")
    return f"| {' | '.join([*cells, *(f'{100 * share:.1f}' for share in np.mean(held, axis=0))])} |"


def _listings(
    rng: np.random.Generator, world: World, products: int
) -> Iterator[tuple[Series, Vector]]:
    """The products that the shards would hold, each with what it sells in the year after."""
    for number in range(products):
        listed = int(rng.integers(1, KNOWN))
        on_sale = np.ones(KNOWN + AHEAD - listed)
        on_sale[0] = rng.uniform()
        units = rng.poisson(world.rate(rng) * on_sale).astype(float)
        ended = int(rng.geometric(world.taken_off)) if world.taken_off else len(units)
        units[ended:] = 0.0
        past, later = units[:-AHEAD], units[-AHEAD:]
        if past.any():
            first = int(np.argmax(past > 0))
            yield _series(f"P{number}", listed + first, past[first:]), later
        elif len(past) <= LISTED_LATELY and len(past) < ended:
            yield _series(f"P{number}", listed, past), later


def _series(product: str, begun: int, units: Vector) -> Series:
    return Series("M1", "S1", product, add_months(BEGUN, begun), units, "toys")


if __name__ == "__main__":
    main("--scale" in sys.argv)
