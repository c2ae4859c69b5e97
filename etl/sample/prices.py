"""What a listing costs on each day: inflation, a shopkeeper's price changes, promotions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from etl.sample.places import ECONOMIES, PLACES, Economy
from etl.sample.sales_days import occasions

__all__ = ["Prices", "draw_prices"]

_PROMOTIONS_A_YEAR = 2.5
_DISCOUNTS = np.array([0.10, 0.15, 0.20, 0.25, 0.30])


@dataclass(frozen=True)
class Prices:
    """By listing and day: the listed price, the discount, and the listed price in real terms."""

    listed: np.ndarray
    discount: np.ndarray
    real: np.ndarray
    promotions: list[list[tuple[int, int, float]]]

    def net(self, economies: list[Economy]) -> np.ndarray:
        """Price paid by listing and day, in the money of each listing's country."""
        cents = np.array([[1.0 if e.currency in ("CLP", "COP") else 100.0] for e in economies])
        return np.asarray(np.round(self.listed * (1 - self.discount) * cents) / cents)


def draw_prices(listings: pd.DataFrame, days: pd.DatetimeIndex, rng: np.random.Generator) -> Prices:
    """Prices and promotions of every listing on every day."""
    index = {country: _price_index(economy, days) for country, economy in ECONOMIES.items()}
    listed = np.empty((len(listings), len(days)))
    real = np.empty_like(listed)
    for row, listing in enumerate(listings.to_dict("records")):
        place = PLACES[listing["place"]]
        fair = listing["usd"] * place.economy.per_dollar * index[place.country]
        listed[row] = _reprice(fair, place.economy, rng)
        real[row] = listed[row] / fair
    promotions = _draw_promotions(listings, days, rng)
    discount = np.zeros_like(listed)
    for row, found in enumerate(promotions):
        for first, last, share in found:
            discount[row, first : last + 1] = np.maximum(discount[row, first : last + 1], share)
    return Prices(listed, discount, real, promotions)


def _price_index(economy: Economy, days: pd.DatetimeIndex) -> np.ndarray:
    monthly = np.array([economy.monthly_inflation[year] for year in days.year])
    return np.asarray(np.exp(np.cumsum(np.log1p(monthly) / 30.4)))


def _reprice(fair: np.ndarray, economy: Economy, rng: np.random.Generator) -> np.ndarray:
    """The fair price as of the last price change, with a shopkeeper's hand and endings."""
    gaps = rng.gamma(4.0, economy.days_between_prices / 4.0, len(fair) // 10 + 2)
    changes = np.unique(np.append(0, np.cumsum(gaps).astype(int)))
    changes = changes[changes < len(fair)]
    asked = fair[changes] * np.exp(rng.normal(0.02, 0.04, len(changes)))
    # Cheap things are not rounded to a note that is worth as much as they are.
    unit = np.where(asked < 8 * economy.rounds_to, economy.rounds_to / 10, economy.rounds_to)
    less = np.minimum(economy.less, unit / 10)
    ended = np.maximum(np.round(asked / unit), 1) * unit - less
    return np.asarray(ended[np.searchsorted(changes, np.arange(len(fair)), side="right") - 1])


def _draw_promotions(
    listings: pd.DataFrame, days: pd.DatetimeIndex, rng: np.random.Generator
) -> list[list[tuple[int, int, float]]]:
    """Of each listing: first and last day (positions in `days`) and discount, by day."""
    sales = {country: _sales_days(country, days) for country in ECONOMIES}
    drawn = []
    for listing in listings.to_dict("records"):
        found = [
            (first, last, float(rng.choice(_DISCOUNTS)))
            for first, last in sales[PLACES[listing["place"]].country]
            if rng.random() < 0.5 * min(listing["sale"], 1.4)
        ]
        own = rng.poisson(_PROMOTIONS_A_YEAR * len(days) / 365)
        for first in rng.integers(0, len(days), own):
            last = int(first) + int(rng.integers(3, 12))
            found.append((int(first), last, float(rng.choice(_DISCOUNTS))))
        on_sale = (p for p in found if listing["first"] <= p[0] and p[1] < listing["last"])
        drawn.append(sorted(on_sale))
    return drawn


def _sales_days(country: str, days: pd.DatetimeIndex) -> list[tuple[int, int]]:
    start = days[0].date()
    years = range(days[0].year, days[-1].year + 1)
    sales = (o for year in years for o in occasions(country, year) if o.kind == "sale")
    spans = (((o.first - start).days, (o.last - start).days) for o in sales)
    return [(first, last) for first, last in spans if first >= 0]
