"""How many units customers want of each listing on each day, whether or not the shelf has them.

Log demand is a sum: level and trend, a slow random walk, the year's shape, the week's shape, the
occasions of `etl.sample.sales_days`, price and promotion, and for some a lasting shift. Units are
drawn around it: overdispersed counts, and few but lumpy ones for slow movers.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from etl.sample.places import PLACES, Place
from etl.sample.prices import Prices
from etl.sample.sales_days import KINDS, lifts

__all__ = ["draw_demand", "expected_demand"]

_DAYS_A_MONTH = 30.4
_SHARE_SHIFTED = 0.08


def expected_demand(
    listings: pd.DataFrame, days: pd.DatetimeIndex, prices: Prices, rng: np.random.Generator
) -> np.ndarray:
    """Mean units wanted by listing and day; zero where the listing is not on sale."""
    log = np.log(_monthly_level(listings) / _DAYS_A_MONTH)[:, None] * np.ones(len(days))
    log += _trend(listings, days, rng)
    log += _wandering(len(listings), days, rng)
    log += _shifts(listings, days, rng)
    log += _shape_of_the_year(listings, days, rng)
    log += _shape_of_the_week(listings, days, rng)
    log += _occasions(listings, days)
    log += _price_response(listings, prices)
    return np.asarray(np.exp(log) * _time_on_sale(listings, len(days)))


def draw_demand(
    listings: pd.DataFrame, expected: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Units wanted by listing and day, around `expected`."""
    spread = rng.gamma(5.0, 1 / 5.0, expected.shape)
    regular = rng.poisson(expected * spread)
    # Slow movers: few customers, each of whom may take several.
    takes = rng.uniform(1.2, 3.5, len(listings))[:, None]
    customers = rng.poisson(expected / takes)
    more = rng.negative_binomial(
        np.maximum(customers, 1), 1 / np.broadcast_to(takes, expected.shape)
    )
    lumpy = np.where(customers > 0, customers + more, 0)
    return np.where(listings["intermittent"].to_numpy(bool)[:, None], lumpy, regular)


def _monthly_level(listings: pd.DataFrame) -> np.ndarray:
    level = listings["units_per_month"].to_numpy()
    slow = np.clip(level * 0.06, 0.25, 3.0)
    return np.where(listings["intermittent"].to_numpy(bool), slow, np.clip(level, 4.0, 160.0))


def _trend(listings: pd.DataFrame, days: pd.DatetimeIndex, rng: np.random.Generator) -> np.ndarray:
    """A yearly rate of growth, of the store and of the listing."""
    of_store = rng.normal(0.05, 0.06, len(PLACES))[listings["place"]]
    rate = of_store + rng.normal(0.0, 0.14, len(listings))
    years = (np.arange(len(days)) - len(days) / 2) / 365.25
    return np.asarray(rate[:, None] * years)


def _wandering(count: int, days: pd.DatetimeIndex, rng: np.random.Generator) -> np.ndarray:
    """A slow autoregression by month, drawn through the days."""
    months = len(days) // 30 + 2
    walk = np.zeros((count, months))
    for month in range(1, months):
        walk[:, month] = 0.85 * walk[:, month - 1] + rng.normal(0.0, 0.09, count)
    at = np.arange(len(days)) / 30.0
    left = at.astype(int)
    weight = at - left
    return np.asarray(walk[:, left] * (1 - weight) + walk[:, left + 1] * weight)


def _shifts(listings: pd.DataFrame, days: pd.DatetimeIndex, rng: np.random.Generator) -> np.ndarray:
    """A lasting step, where a competitor came or a listing was moved to the first page."""
    shifted = rng.random(len(listings)) < _SHARE_SHIFTED
    at = rng.uniform(0.3, 0.9, len(listings)) * len(days)
    size = rng.choice([-0.7, -0.5, 0.5, 0.7], len(listings)) * shifted
    return np.asarray((np.arange(len(days)) >= at[:, None]) * size[:, None])


def _shape_of_the_year(
    listings: pd.DataFrame, days: pd.DatetimeIndex, rng: np.random.Generator
) -> np.ndarray:
    day = days.dayofyear.to_numpy(dtype=float)
    shapes = {
        (place, season): _season(PLACES[place], season, day)
        for place, season in set(zip(listings["place"], listings["season"], strict=True))
    }
    strength = rng.normal(1.0, 0.12, len(listings))
    rows = zip(listings["place"], listings["season"], strict=True)
    return np.stack([shapes[key] for key in rows]) * strength[:, None]


def _season(place: Place, season: str, day: np.ndarray) -> np.ndarray:
    depth = 1.15 if season.startswith("deep") else 0.5
    summer = np.cos(2 * np.pi * (day / 365.25 - place.summer_month / 12))
    spring = np.cos(2 * np.pi * (day / 365.25 - (place.summer_month - 3) / 12))
    log = {
        "summer": depth * place.seasonality * summer,
        "winter": -depth * place.seasonality * summer,
        "spring": 0.4 * place.seasonality * spring,
        "school": (2.0 if depth > 1 else 0.9) * _bump(day, place.school_day - 8, 17),
        "new-year": 0.6 * _bump(day, 12, 18),
        "christmas": 2.3 * _bump(day, 342, 19) - 0.4,
        "flat": 0.06 * summer,
    }[season.removeprefix("deep-")]
    return np.asarray(log - np.log(np.mean(np.exp(log))))


def _bump(day: np.ndarray, centre: float, width: float) -> np.ndarray:
    apart = np.abs(day - centre % 365.25)
    apart = np.minimum(apart, 365.25 - apart)
    return np.asarray(np.exp(-((apart / width) ** 2) / 2))


def _shape_of_the_week(
    listings: pd.DataFrame, days: pd.DatetimeIndex, rng: np.random.Generator
) -> np.ndarray:
    weeks = np.log([PLACES[place].weekday_shape for place in listings["place"]])
    weeks = weeks + rng.normal(0.0, 0.04, weeks.shape)
    return np.asarray(weeks[:, days.dayofweek])


def _occasions(listings: pd.DataFrame, days: pd.DatetimeIndex) -> np.ndarray:
    by_country = {place.country: lifts(place.country, days) for place in PLACES}
    log = np.empty((len(listings), len(days)))
    for row, listing in enumerate(listings.to_dict("records")):
        lift = by_country[PLACES[listing["place"]].country]
        log[row] = lift["quiet"] + sum(listing[kind] * lift[kind] for kind in KINDS)
    return log


def _price_response(listings: pd.DataFrame, prices: Prices) -> np.ndarray:
    paid = np.log(prices.real * (1 - prices.discount))
    noticed = 0.15 * (prices.discount > 0)
    return np.asarray(noticed - listings["elasticity"].to_numpy()[:, None] * paid)


def _time_on_sale(listings: pd.DataFrame, count: int) -> np.ndarray:
    """Zero before launch and after retirement; slow at first, fading towards the end."""
    day = np.arange(count)
    since = day - listings["first"].to_numpy()[:, None]
    until = listings["last"].to_numpy()[:, None] - day
    start = np.where(listings["first"].to_numpy()[:, None] > 0, 0.75, 0.0)
    known = 1 - start * np.exp(-np.maximum(since, 0) / 40.0)
    ending = np.where(listings["last"].to_numpy()[:, None] < count, np.clip(until / 90, 0.25, 1), 1)
    return np.asarray(np.where((since >= 0) & (until > 0), known * ending, 0.0))
