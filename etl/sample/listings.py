"""What each store of the sample lists: products, names, first and last day on sale, popularity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from etl.sample.places import PLACES, Place
from etl.sample.sales_days import KINDS

__all__ = ["LIVES", "draw_listings"]

_LISTED_PER_STORE = 75

_VARIANTS: dict[str, dict[str, tuple[str, ...]]] = {
    "colour": {
        "es": ("Negro", "Blanco", "Gris", "Azul"),
        "pt": ("Preto", "Branco", "Verde", "Azul"),
        "en": ("Black", "White", "Gray", "Blue"),
    },
    "clothes": {"": ("P", "M", "G", "GG")},
    "shoe": {"": ("35-36", "37-38", "39-40", "41-42")},
    "bed": {"": ("1 Plaza", "1½ Plazas", "2 Plazas", "King")},
    "litres": {"": ("1 L", "2 L", "4 L", "8 L")},
    "diameter": {"": ("20 cm", "24 cm", "28 cm", "40 cm")},
    "height": {"": ("90 cm", "120 cm", "150 cm", "180 cm")},
    "length": {"": ("5 m", "10 m", "15 m", "25 m")},
    "power": {"": ("10 W", "20 W", "45 W", "65 W")},
    "storage": {"": ("64 GB", "128 GB", "256 GB", "512 GB")},
    "volume": {"": ("50 ml", "100 ml", "200 ml", "400 ml")},
    "grams": {"": ("150 g", "250 g", "350 g", "500 g")},
    "pieces": {"": ("x1", "x2", "x3", "x6")},
}
# Larger sizes cost more; a colour or a size of dress does not.
_PRICE_STEPS = {"colour": 0.0, "clothes": 0.0, "shoe": 0.0}

# The life of a listing over the history, with the share of listings that live so.
LIVES = {
    "whole": 0.60,
    "launched": 0.17,
    "new": 0.07,
    "retired": 0.07,
    "retired long ago": 0.05,
    "brief": 0.04,
}
_INTERMITTENT = 0.26
_WITHOUT_SKU = 0.012


def draw_listings(days: pd.DatetimeIndex, scale: float, rng: np.random.Generator) -> pd.DataFrame:
    """One row per listing of each store, with everything that later steps need to know of it."""
    catalogue = _draw_catalogue(rng)
    frames = [_draw_store(place, catalogue, scale, rng) for place in PLACES]
    listings = pd.concat(frames, ignore_index=True)
    listings["listing_id"] = _listing_ids(listings, rng)
    without = rng.random(len(listings)) < _WITHOUT_SKU
    without[len(listings) // 2] = True
    listings["product_id"] = listings["sku"].where(~without, listings["listing_id"])
    listings["intermittent"] = _quota(len(listings), {True: _INTERMITTENT, False: 1.0}, rng)
    return _draw_lives(listings, days, rng)


def _draw_catalogue(rng: np.random.Generator) -> pd.DataFrame:
    """Every SKU of every merchant: base products times their variants."""
    base = pd.read_csv(Path(__file__).with_name("catalogue.csv"), keep_default_na=False)
    for kind in KINDS:
        base[kind] = [_affinity(text, kind) for text in base["occasions"]]
    skus = base.loc[base.index.repeat(4)].reset_index(drop=True)
    skus["variant"] = np.tile(np.arange(4), len(base))
    skus["sku"] = skus["sku"] + "-" + (skus["variant"] + 1).map("{:02d}".format)
    step = skus["variants"].map(lambda kind: _PRICE_STEPS.get(kind, 0.3))
    skus["usd"] = skus["usd"] * (1 + step * skus["variant"])
    skus["appeal"] = rng.normal(0.0, 0.65, len(skus))
    skus["elasticity"] = rng.uniform(0.8, 1.7, len(skus))
    return skus


def _affinity(text: str, kind: str) -> float:
    pairs = dict(pair.split(":") for pair in text.split())
    return float(pairs.get(kind, 0.0))


def _draw_store(
    place: Place, catalogue: pd.DataFrame, scale: float, rng: np.random.Generator
) -> pd.DataFrame:
    offered = catalogue[catalogue["merchant_id"] == place.merchant_id]
    count = max(3, round(_LISTED_PER_STORE * scale))
    # Most appealing first: the same products are in several stores of a merchant.
    chosen = (offered["appeal"] + rng.gumbel(0.0, 0.5, len(offered))).nlargest(count).index
    listed = offered.loc[np.sort(chosen)].reset_index(drop=True)
    listed["place"] = PLACES.index(place)
    listed["store_id"] = place.store_id
    listed["currency"] = place.economy.currency
    listed["name"] = [_title(row, place.language) for row in listed.to_dict("records")]
    level = rng.normal(np.log(11.0 * place.size), 0.55, len(listed)) + listed["appeal"]
    listed["units_per_month"] = np.exp(level)
    return listed


def _title(row: dict[Any, Any], language: str) -> str:
    by_language = _VARIANTS[row["variants"]]
    variants = by_language.get(language, by_language.get("", ()))
    return f"{row[language]} {variants[row['variant']]}"


def _listing_ids(listings: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Ids as the marketplace writes them: the site, then a number."""
    numbers = rng.choice(9_000_000, len(listings), replace=False) * 97 + 1_000_000_007
    sites = listings["place"].map(lambda index: PLACES[index].site)
    return sites + pd.Series(numbers).astype(str)


def _quota(count: int, shares: dict[Any, float], rng: np.random.Generator) -> np.ndarray:
    """Each value in its share, rounded up, in random order; the last takes what is left."""
    values: list[Any] = []
    for value, share in shares.items():
        values += [value] * int(np.ceil(count * share))
    return rng.permutation(np.array(values[:count], dtype=object))


def _draw_lives(
    listings: pd.DataFrame, days: pd.DatetimeIndex, rng: np.random.Generator
) -> pd.DataFrame:
    """First and last day on sale, as positions in `days`; `last` is len(days) where none is due."""
    n, end = len(listings), len(days)
    rarest_first = dict(sorted(LIVES.items(), key=lambda item: item[1]))
    life = _quota(n, {**rarest_first, "whole": 1.0}, rng)
    first = np.zeros(n, dtype=int)
    last = np.full(n, end, dtype=int)

    def between(lowest: float, highest: float) -> np.ndarray:
        return rng.uniform(lowest, highest, n).astype(int)

    # A launch of the last days is there too: a product known by name alone.
    launched = between(0.08 * end, 0.80 * end)
    first = np.where(np.isin(life, ["launched", "brief"]), launched, first)
    first = np.where(life == "new", between(end - 200, end - 3), first)
    last = np.where(life == "retired", between(end - 340, end - 50), last)
    last = np.where(life == "retired long ago", between(0.25 * end, end - 400), last)
    last = np.where(life == "brief", np.minimum(first + between(90, 320), end - 20), last)
    return listings.assign(life=life, first=np.maximum(first, 0), last=last)
