"""Sold − remainder + quarantined = source, to the unit, by store and month.

The source is counted by SQL over the file alone; the other side has gone over HTTP, through the
door, the store-days and the months.
"""

from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from etl.ingest import backfill
from etl.lake import Lake
from etl.ledger import days_between, month_days, read_days
from etl.monthly import build_changed_months, monthly_path
from etl.registry import add_store, read_stores
from etl.retail.mercadolibre import MercadoLibre
from etl.retail.sandbox import Behaviour, read_history, running, sandbox_app, sandbox_tokens
from etl.retail.sandbox.totals import source_totals
from etl.sample import make_sample
from etl.settings import Settings

UCI = Path(__file__).parents[2].parent / "shared/data/online_retail_II.parquet"
KEY = ["merchant_id", "store_id", "month"]


@pytest.fixture
def through_the_etl(tmp_path):
    """The lake and totals (KEY, units) after orders went over HTTP to the monthly table."""

    def run(orders, start: date, end: date) -> tuple[Lake, pd.DataFrame]:
        lake = Lake(tmp_path / "lake")
        app = sandbox_app(read_history(orders), Behaviour(rate=0, fault_share=0.01))
        merchants = {s.merchant_id for s in app.state.marketplace.book.sellers.values()}
        with running(app) as url:
            settings = Settings(source_url=url, quarantine_limit=0.2)
            for merchant, token in sandbox_tokens(merchants).items():
                source = MercadoLibre.open(settings, merchant, token)
                for store in source.stores():
                    add_store(lake, store)
                    backfill(lake, store, start, end, source, settings, _after(end))
        stores = read_stores(lake)
        months = build_changed_months(lake, stores, end.replace(day=1), settings)
        return lake, pd.concat(_totals(lake, stores, month) for month in months)

    return run


def _after(end: date):
    return pd.Timestamp(end, tz="UTC") + pd.Timedelta(days=3)


def _totals(lake, stores, month) -> pd.DataFrame:
    """Sold − remainder + quarantined units of each store in `month`."""
    rows = lake.read_table(monthly_path(month)).to_pandas()
    rows["units"] = rows["units_sold"] - rows["units_remainder"]
    refused = pd.DataFrame(
        {
            "merchant_id": day.merchant_id,
            "store_id": day.store_id,
            "month": month,
            "units": sum(count["units"] for count in day.refused.values()),
        }
        for day in read_days(lake, stores, days_between(*month_days(month)))
    )
    both = pd.concat([rows[[*KEY, "units"]], refused])
    return both.groupby(KEY, as_index=False)["units"].sum()


def _differences(source: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """Rows of KEY where the two do not agree."""
    source, ours = source.copy(), ours.copy()
    for totals in (source, ours):
        totals["month"] = pd.to_datetime(totals["month"])
    both = source.merge(ours, on=KEY, how="outer", validate="1:1").fillna(0)
    return both[both["units_net"] != both["units"]]


def test_the_sample_adds_up(tmp_path, through_the_etl):
    make_sample(tmp_path / "sample", seed=7, scale=0.1, months=18)
    source = source_totals(tmp_path / "sample")
    months = sorted(source["month"].dt.date.unique())[-5:-1]
    source = source[source["month"].dt.date.isin(months)]
    _, ours = through_the_etl(tmp_path / "sample", months[0], month_days(months[-1])[1])
    assert source["units_cancelled"].sum() > 0
    assert _differences(source, ours).empty
    assert len(source) == 8 * 4


@pytest.mark.skipif(not UCI.exists(), reason=f"needs {UCI.name}, which is not distributed")
def test_real_orders_with_thousands_of_returns_add_up(tmp_path, through_the_etl):
    orders = tmp_path / "orders.parquet"
    duckdb.sql(
        f"COPY (FROM '{UCI}' WHERE InvoiceDate >= '2010-01-01' AND InvoiceDate < '2010-03-01' "
        f"ORDER BY ALL) TO '{orders}' (FORMAT parquet)"
    )
    source = source_totals(orders)
    lake, ours = through_the_etl(orders, date(2010, 1, 1), date(2010, 2, 28))
    assert _differences(source, ours).empty
    assert len(source) > 30
    remainders = pd.concat(
        lake.read_table(monthly_path(date(2010, month, 1))).to_pandas() for month in (1, 2)
    )["units_remainder"]
    assert remainders.sum() > 500
