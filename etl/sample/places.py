"""The eight stores of the sample: where they are, what they speak, what money does there.

>>> [place.store_id for place in PLACES if place.merchant_id == "casa-andina"]
['palermo', 'centro', 'providencia']
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

__all__ = ["ECONOMIES", "PLACES", "Economy", "Place", "stores_frame"]


@dataclass(frozen=True)
class Economy:
    """The money of a country: what one dollar cost in November 2022, and inflation per month."""

    currency: str
    per_dollar: float
    rounds_to: float
    less: float
    monthly_inflation: dict[int, float]
    days_between_prices: int


def _steady(rate: float) -> dict[int, float]:
    return dict.fromkeys(range(2015, 2036), rate)


# Prices end as shopkeepers end them: the nearest `rounds_to`, `less` a little.
ECONOMIES = {
    "AR": Economy(
        "ARS", 160, 100, 1, {2022: 0.050, 2023: 0.099, 2024: 0.067, 2025: 0.022, 2026: 0.017}, 38
    ),
    "BR": Economy("BRL", 5.3, 1, 0.10, _steady(0.0038), 160),
    "CL": Economy("CLP", 900, 1000, 10, _steady(0.0037), 170),
    "CO": Economy("COP", 4900, 1000, 100, _steady(0.0058), 140),
    "MX": Economy("MXN", 19.5, 10, 1, _steady(0.0037), 150),
    "US": Economy("USD", 1, 1, 0.01, _steady(0.0025), 200),
}


@dataclass(frozen=True)
class Place:
    """One store: its row of `stores`, and what shapes its demand."""

    merchant_id: str
    store_id: str
    name: str
    region: str
    country: str
    time_zone: str
    opening_hour: int
    seller_id: int
    site: str
    language: str
    size: float
    summer_month: float
    seasonality: float
    school_day: int
    weekday_shape: tuple[float, ...]

    @property
    def economy(self) -> Economy:
        """The money of the store's country."""
        return ECONOMIES[self.country]


# Monday to Sunday. Marketplaces sell most early in the week, stores at the beach at its end.
_OFFICE = (1.16, 1.13, 1.08, 1.04, 0.98, 0.80, 0.81)
_WEEKEND = (0.88, 0.86, 0.90, 0.95, 1.10, 1.28, 1.03)
_EVEN = (1.06, 1.05, 1.02, 1.00, 1.01, 0.96, 0.90)

PLACES = (
    Place("casa-andina", "palermo", "Casa Andina Palermo", "Cono Sur", "AR",
          "America/Argentina/Buenos_Aires", 9, 410_018_231, "MLA", "es",
          1.5, 0.4, 1.0, 60, _OFFICE),
    Place("casa-andina", "centro", "Casa Andina Córdoba Centro", "Cono Sur", "AR",
          "America/Argentina/Cordoba", 9, 410_018_377, "MLA", "es",
          0.8, 0.4, 1.1, 60, _EVEN),
    Place("casa-andina", "providencia", "Casa Andina Providencia", "Cono Sur", "CL",
          "America/Santiago", 10, 410_022_904, "MLC", "es",
          1.1, 0.4, 1.0, 62, _OFFICE),
    Place("sol-e-mar", "paulista", "Sol e Mar Paulista", "Sudeste", "BR",
          "America/Sao_Paulo", 8, 523_771_060, "MLB", "pt",
          1.7, 0.4, 0.9, 32, _OFFICE),
    Place("sol-e-mar", "centro", "Sol e Mar Manaus Centro", "Norte", "BR",
          "America/Manaus", 8, 523_774_815, "MLB", "pt",
          0.7, 8.6, 0.4, 32, _WEEKEND),
    Place("norte-tech", "polanco", "Norte Tech Polanco", "México", "MX",
          "America/Mexico_City", 10, 188_340_552, "MLM", "es",
          1.5, 5.6, 0.7, 235, _EVEN),
    Place("norte-tech", "chapinero", "Norte Tech Chapinero", "Andina", "CO",
          "America/Bogota", 9, 188_341_290, "MCO", "es",
          0.9, 6.5, 0.2, 25, _WEEKEND),
    Place("norte-tech", "miami", "Norte Tech Miami", "Estados Unidos", "US",
          "America/New_York", 10, 188_349_017, "CBT", "en",
          1.1, 6.5, 0.7, 222, _OFFICE),
)  # fmt: skip


def stores_frame() -> pd.DataFrame:
    """The rows of `etl.tables.STORES` for the sample, as the sandbox will tell them."""
    return pd.DataFrame(
        {
            "merchant_id": place.merchant_id,
            "store_id": place.store_id,
            "name": place.name,
            "region": place.region,
            "country": place.country,
            "time_zone": place.time_zone,
            "currency": place.economy.currency,
            "opening_hour": place.opening_hour,
            "source": "mercadolibre",
            "source_ref": str(place.seller_id),
            "daily_forecasts": True,
        }
        for place in PLACES
    )
