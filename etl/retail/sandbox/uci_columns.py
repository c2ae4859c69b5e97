"""Orders in the columns of UCI's Online Retail II: a country is a store of the merchant `uci`.

Chen, D. (2012), Online Retail II, UCI Machine Learning Repository, DOI 10.24432/C5CG6D. Times are
local to the United Kingdom, prices are GBP, and so are those of all its stores. Invoices that start
with C take goods back without naming the order that they cancel: stand-alone returns.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from etl.retail.sandbox.columns import numbers, texts, times, titles, whole_numbers
from etl.retail.sandbox.history import OrderHistory, stable_number

__all__ = ["MERCHANT", "NEEDED", "history"]

MERCHANT = "uci"
NEEDED = (
    "Invoice",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "Price",
    "Country",
)
_ZONE = "Europe/London"
_UNKNOWN = "ZZ"  # ISO 3166-1: user-assigned, for what is no country

# UCI's spelling, ISO 3166-1 code, planner's region.
_COUNTRIES = {
    "Australia": ("AU", "Oceania"),
    "Austria": ("AT", "Europe"),
    "Bahrain": ("BH", "Middle East"),
    "Belgium": ("BE", "Europe"),
    "Bermuda": ("BM", "Americas"),
    "Brazil": ("BR", "Americas"),
    "Canada": ("CA", "Americas"),
    "Channel Islands": ("JE", "British Isles"),
    "Cyprus": ("CY", "Europe"),
    "Czech Republic": ("CZ", "Europe"),
    "Denmark": ("DK", "Europe"),
    "EIRE": ("IE", "British Isles"),
    "European Community": (_UNKNOWN, "Europe"),
    "Finland": ("FI", "Europe"),
    "France": ("FR", "Europe"),
    "Germany": ("DE", "Europe"),
    "Greece": ("GR", "Europe"),
    "Hong Kong": ("HK", "Asia"),
    "Iceland": ("IS", "Europe"),
    "Israel": ("IL", "Middle East"),
    "Italy": ("IT", "Europe"),
    "Japan": ("JP", "Asia"),
    "Korea": ("KR", "Asia"),
    "Lebanon": ("LB", "Middle East"),
    "Lithuania": ("LT", "Europe"),
    "Malta": ("MT", "Europe"),
    "Netherlands": ("NL", "Europe"),
    "Nigeria": ("NG", "Africa"),
    "Norway": ("NO", "Europe"),
    "Poland": ("PL", "Europe"),
    "Portugal": ("PT", "Europe"),
    "RSA": ("ZA", "Africa"),
    "Saudi Arabia": ("SA", "Middle East"),
    "Singapore": ("SG", "Asia"),
    "Spain": ("ES", "Europe"),
    "Sweden": ("SE", "Europe"),
    "Switzerland": ("CH", "Europe"),
    "Thailand": ("TH", "Asia"),
    "USA": ("US", "Americas"),
    "United Arab Emirates": ("AE", "Middle East"),
    "United Kingdom": ("GB", "British Isles"),
    "West Indies": (_UNKNOWN, "Americas"),
}


def history(rows: pd.DataFrame, file: Path) -> OrderHistory:
    """The history that rows in UCI's columns tell: no stock, no stock-outs, derived listings."""
    country = texts(rows, "Country", file)
    store = country.cat.rename_categories(_slugs(country.cat.categories))
    invoice = texts(rows, "Invoice", file)
    code = texts(rows, "StockCode", file)
    zones = pd.Series(_ZONE, index=rows.index, dtype="category")
    created = times(rows, "InvoiceDate", zones, file)
    price = numbers(rows, "Price", file)
    lines = pd.DataFrame(
        {
            "merchant_id": pd.Categorical([MERCHANT]).repeat(len(rows)),
            "store_id": store,
            "order_id": invoice,
            "line_id": pd.Categorical([""]).repeat(len(rows)),
            "product_id": code,
            "listing_id": _listing_ids(store, code),
            "title": titles(rows, "Description"),
            # Some invoices were typed over two minutes: the first is when they were placed.
            "created_ms": created.groupby([store, invoice], observed=True).transform("min"),
            "units": whole_numbers(rows, "Quantity", file),
            "unit_price": price,
            "list_price": price,
            "is_return": invoice.cat.codes.isin(_returns(invoice)),
        }
    )
    return OrderHistory(lines, _stores(country.cat.categories), _no_changes())


def _slugs(countries: pd.Index) -> list[str]:
    return [re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") for name in countries]


def _returns(invoice: pd.Series) -> list[int]:
    return [i for i, name in enumerate(invoice.cat.categories) if str(name).startswith("C")]


def _listing_ids(store: pd.Series, code: pd.Series) -> pd.Series:
    """One listing for each product in each store, named by a number that stays."""
    pairs = pd.DataFrame({"store": store, "code": code})
    distinct = pairs.drop_duplicates()
    names = distinct["store"].astype(str) + "/" + distinct["code"].astype(str)
    ids = pd.Index([f"UCI{stable_number(name, 14):014d}" for name in names])
    group = pairs.groupby(["store", "code"], observed=True, sort=False).ngroup()
    return pd.Series(ids.astype("category")[group.to_numpy()], index=store.index)


def _stores(countries: pd.Index) -> pd.DataFrame:
    rows = []
    for name, slug in zip(countries, _slugs(countries), strict=True):
        code, region = _COUNTRIES.get(name, (_UNKNOWN, "Unknown"))
        rows.append(
            {
                "merchant_id": MERCHANT,
                "store_id": slug,
                "name": name,
                "region": region,
                "country": code,
                "time_zone": _ZONE,
                "currency": "GBP",
                "opening_hour": 8,
                "source": "mercadolibre",
                "source_ref": str(stable_number(f"{MERCHANT}/{slug}", 9)),
            }
        )
    return pd.DataFrame(rows)


def _no_changes() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "merchant_id": [], "store_id": [], "order_id": [], "line_id": [],
            "changed_ms": pd.Series([], dtype="int64"), "kind": [],
            "units": pd.Series([], dtype="int64"),
        }
    )  # fmt: skip
