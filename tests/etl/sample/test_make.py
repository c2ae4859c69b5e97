"""The sample has what it is said to have, and a seed gives it again."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl.errors import InputError
from etl.sample import make_sample
from etl.tables import ORDER_LINES, STOCKOUTS, STORES

Sample = Mapping[str, pd.DataFrame]


def bytes_of(paths: Mapping[str, Path]) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in paths.items()}


def test_same_seed_gives_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first = bytes_of(make_sample(tmp_path / "a", seed=3, scale=0.05, months=18))
    again = bytes_of(make_sample(tmp_path / "b", seed=3, scale=0.05, months=18))
    other = bytes_of(make_sample(tmp_path / "c", seed=4, scale=0.05, months=18))
    assert first == again
    assert first["order_lines"] != other["order_lines"]
    assert first["stores"] == other["stores"]


@pytest.mark.parametrize(("scale", "months"), [(0, 48), (1.5, 48), (1, 6)])
def test_refuses_a_size_that_it_cannot_make(tmp_path: Path, scale: float, months: int) -> None:
    with pytest.raises(InputError, match=f"at least 18 months; found {scale} and {months}"):
        make_sample(tmp_path, scale=scale, months=months)


def test_size(sample: Sample) -> None:
    lines, stores = sample["order_lines"], sample["stores"]
    assert stores["merchant_id"].nunique() == 3
    assert len(stores) == 8
    assert stores["country"].nunique() == stores["currency"].nunique() == 6
    assert stores["time_zone"].nunique() == 8
    assert stores["region"].nunique() >= 6
    assert len(sample["listings"]) == 600
    assert 150_000 <= lines["order_id"].nunique() <= 250_000


def test_runs_over_48_whole_months_and_the_first_days_of_the_next(sample: Sample) -> None:
    dates = pd.to_datetime(sample["order_lines"]["date"])
    by_store = dates.groupby([sample["order_lines"][k] for k in ("merchant_id", "store_id")])
    assert (by_store.min() == pd.Timestamp("2022-11-01")).all()
    assert (by_store.max() == pd.Timestamp("2026-11-05")).all()
    assert (by_store.agg(lambda d: d.dt.to_period("M").nunique()) == 49).all()


def test_tables_have_the_columns_of_their_schemas(sample: Sample) -> None:
    assert set(ORDER_LINES.names) < set(sample["order_lines"].columns)
    STORES.conform(sample["stores"])
    STOCKOUTS.conform(sample["stockouts"])
    sound = sample["order_lines"].dropna(subset=["unit_price"])
    assert ORDER_LINES.conform(pa.Table.from_pandas(sound)).num_rows == len(sound)


def test_an_order_belongs_to_one_store_and_moment_and_has_up_to_four_lines(sample: Sample) -> None:
    lines = sample["order_lines"]
    orders = lines.groupby("order_id")
    assert (orders[["merchant_id", "store_id", "created_at"]].nunique() == 1).all(axis=None)
    assert sorted(orders.size().unique()) == [1, 2, 3, 4]
    assert not lines.duplicated(["order_id", "listing_id"]).any()


def test_dates_are_those_of_the_stores_own_time_zone(sample: Sample) -> None:
    zones = sample["stores"].set_index(["merchant_id", "store_id"])["time_zone"]
    for key, lines in sample["order_lines"].groupby(["merchant_id", "store_id"]):
        local = lines["created_at"].dt.tz_convert(zones[key])
        assert (local.dt.date == lines["date"]).all()
    utc = sample["order_lines"]["created_at"].dt.date
    assert (utc != sample["order_lines"]["date"]).mean() > 0.05


def test_same_product_is_sold_in_several_stores_under_the_stores_language(sample: Sample) -> None:
    listings = sample["listings"]
    by_product = listings.groupby(["merchant_id", "product_id"])
    assert (by_product["store_id"].nunique() > 1).mean() > 0.5
    tech = listings[listings["product_id"] == "AUR-01"].set_index("store_id")["name"]
    assert tech["miami"] == "Wireless earbuds Black"
    assert tech["polanco"] == "Audífonos inalámbricos Negro"


def test_two_merchants_have_a_store_of_the_same_name(sample: Sample) -> None:
    assert sample["stores"]["store_id"].duplicated().sum() == 1


def test_week_has_a_shape(sample: Sample) -> None:
    lines = sample["order_lines"]
    weekday = pd.to_datetime(lines["date"]).dt.dayofweek
    chapinero = weekday[lines["store_id"] == "chapinero"].value_counts()
    paulista = weekday[lines["store_id"] == "paulista"].value_counts()
    assert chapinero[5] > 1.3 * chapinero[1]
    assert paulista[0] > 1.3 * paulista[5]


def test_year_has_a_shape_that_turns_with_the_hemisphere(
    sample: Sample, monthly: pd.DataFrame
) -> None:
    listings = sample["listings"].set_index("listing_id")
    fans = listings["product_id"].str.startswith("VEN-")
    south = monthly.loc[monthly.index.isin(listings.index[fans & (listings["currency"] == "ARS")])]
    north = monthly.loc[monthly.index.isin(listings.index[fans & (listings["currency"] == "MXN")])]
    january, july = monthly.columns.month == 1, monthly.columns.month == 7
    assert south.loc[:, january].sum().sum() > 2 * south.loc[:, july].sum().sum()
    assert north.loc[:, july].sum().sum() > 1.5 * north.loc[:, january].sum().sum()


def test_easter_moves_sales_between_march_and_april(sample: Sample, monthly: pd.DataFrame) -> None:
    listings = sample["listings"].set_index("listing_id")
    eggs = monthly.loc[monthly.index.isin(listings.index[listings["category_id"] == "pascoa"])]
    total = eggs.sum()
    # Easter Sunday: 9 April 2023, 31 March 2024, 20 April 2025, 5 April 2026.
    assert total[pd.Period("2023-04", "M")] > total[pd.Period("2023-03", "M")]
    assert total[pd.Period("2024-03", "M")] > 3 * total[pd.Period("2024-04", "M")]
    assert total[pd.Period("2025-04", "M")] > 3 * total[pd.Period("2025-03", "M")]


def test_sales_days_lift_a_country_on_its_own_days(sample: Sample) -> None:
    lines = sample["order_lines"]
    daily = lines.groupby(["store_id", pd.to_datetime(lines["date"])])["units_ordered"].sum()
    hot_sale = pd.date_range("2024-05-15", "2024-05-23")
    around = pd.date_range("2024-04-10", "2024-05-05")
    assert daily["polanco"][hot_sale].mean() > 1.5 * daily["polanco"][around].mean()
    assert daily["miami"][hot_sale].mean() < 1.3 * daily["miami"][around].mean()


def test_inflation_is_that_of_the_country(sample: Sample) -> None:
    lines = sample["order_lines"].dropna(subset=["list_price"])
    year = pd.to_datetime(lines["date"]).dt.year
    price = lines.groupby(["listing_id", year])["list_price"].median().unstack()
    currency = lines.groupby("listing_id")["currency"].first()
    rise = (price[2026] / price[2023]).groupby(currency).median()
    assert rise["ARS"] > 5
    assert 1.05 < rise["BRL"] < 1.3


def test_promotions_lower_the_price_paid(sample: Sample) -> None:
    lines = sample["order_lines"]
    promotions = {
        listing: json.loads(text)
        for listing, text in zip(
            sample["listings"]["listing_id"], sample["listings"]["promotions"], strict=True
        )
    }
    listing = lines["listing_id"].value_counts().index[0]
    sold = lines[(lines["listing_id"] == listing) & (lines["unit_price"] > 0)]
    promotion = promotions[listing][0]
    on = sold["date"].astype(str).between(promotion["start"], promotion["end"])
    discount = 1 - sold["unit_price"] / sold["list_price"]
    assert discount[on].median() >= promotion["discount"] - 0.02
    assert discount.median() == 0


def test_nothing_from_the_shelf_is_sold_while_it_is_empty(sample: Sample) -> None:
    stockouts, lines = sample["stockouts"], sample["order_lines"]
    assert 0.01 < len(stockouts) / (600 * 1466) < 0.05
    assert stockouts["listing_id"].nunique() > 200
    on_shelf = lines[lines["units_ordered"] > 0].merge(stockouts, on=["listing_id", "date"])
    assert on_shelf.empty


def test_shelves_are_no_emptier_at_the_end_than_before(sample: Sample) -> None:
    by_month = pd.to_datetime(sample["stockouts"]["date"]).dt.to_period("M").value_counts()
    assert by_month[pd.Period("2026-10", "M")] < 2 * by_month.median()


def test_stock_on_hand_is_zero_on_the_evening_of_an_empty_day(sample: Sample) -> None:
    stock = sample["stock"].assign(date=pd.to_datetime(sample["stock"]["date"]))
    empty = sample["stockouts"].assign(date=pd.to_datetime(sample["stockouts"]["date"]))
    known = pd.merge_asof(
        empty.sort_values("date")[["listing_id", "date"]],
        stock.sort_values("date")[["listing_id", "date", "units_on_hand"]],
        on="date",
        by="listing_id",
    )
    assert (known["units_on_hand"] == 0).all()
    assert (stock["units_on_hand"] >= 0).all()


def test_some_products_are_slow_movers(monthly: pd.DataFrame) -> None:
    selling = (monthly > 0).to_numpy()
    first = selling.argmax(axis=1)
    share = [row[start:].mean() for row, start in zip(selling, first, strict=True)]
    assert np.mean(np.array(share) < 0.6) > 0.1


def test_products_are_launched_up_to_the_last_days_and_retired(
    sample: Sample, monthly: pd.DataFrame
) -> None:
    listings = sample["listings"]
    listed = pd.to_datetime(listings["listed_on"])
    retired = pd.to_datetime(listings["retired_on"])
    assert (listed > pd.Timestamp("2022-11-01")).mean() > 0.15
    assert (listed > pd.Timestamp("2026-05-01")).sum() >= 20
    assert (listed >= pd.Timestamp("2026-09-01")).sum() >= 3
    assert retired.notna().mean() > 0.1
    assert (retired < pd.Timestamp("2025-10-01")).sum() >= 20
    gone = listings.loc[retired < pd.Timestamp("2025-10-01"), "listing_id"]
    assert monthly.loc[monthly.index.isin(gone)].iloc[:, -12:].to_numpy().max() == 0


def test_some_orders_are_bulk(sample: Sample) -> None:
    lines = sample["order_lines"]
    usual = lines.groupby("listing_id")["units_ordered"].transform("median")
    bulk = lines["units_ordered"] >= 12 * usual.clip(lower=1)
    assert 50 <= bulk.sum() <= 400


def test_changes_come_later_within_30_days_and_take_no_more_than_was_ordered(
    sample: Sample,
) -> None:
    lines, changes = sample["order_lines"], sample["changes"]
    key = ["merchant_id", "store_id", "order_id", "line_id"]
    joined = changes.merge(lines, on=key, how="left", validate="m:1")
    lag = joined["changed_at"] - joined["created_at"]
    assert lag.min() > pd.Timedelta(0)
    assert pd.Timedelta(25, "D") < lag.max() <= pd.Timedelta(30, "D")
    assert (lag > pd.Timedelta(7, "D")).mean() > 0.1
    assert joined["units"].between(1, joined["units_ordered"]).all()
    assert set(changes["kind"]) == {"cancelled", "refunded"}


def test_lines_hold_the_state_after_all_changes(sample: Sample) -> None:
    lines, changes = sample["order_lines"], sample["changes"]
    assert lines["units_cancelled"].sum() == changes["units"].sum()
    cancelled = lines[lines["status"] == "cancelled"]
    assert (cancelled["units_cancelled"] == cancelled["units_ordered"]).all()
    assert 0.02 < len(cancelled) / len(lines) < 0.05
    last = changes.groupby("order_id")["changed_at"].max()
    changed = lines[lines["order_id"].isin(last.index)]
    assert (changed["updated_at"] == changed["order_id"].map(last)).all()


def test_goods_come_back_as_orders_of_their_own(sample: Sample) -> None:
    returns = sample["order_lines"].query("status == 'return'")
    assert (returns["units_ordered"] < 0).all()
    assert 100 < len(returns) < 1000


def test_a_handful_of_lines_is_broken(sample: Sample) -> None:
    lines = sample["order_lines"]
    assert lines["unit_price"].isna().sum() == 12
    assert (lines["unit_price"] == 0).sum() == 12
    assert (lines["units_ordered"] == 0).sum() == 12


def test_some_listings_have_no_sku(sample: Sample) -> None:
    without = sample["listings"].query("product_id == listing_id")
    assert 1 <= len(without) <= 20


def test_parquet_says_what_is_a_date(tmp_path: Path) -> None:
    paths = make_sample(tmp_path, scale=0.05, months=18)
    assert str(pq.read_schema(paths["stockouts"]).field("date").type) == "date32[day]"
    assert str(pq.read_schema(paths["order_lines"]).field("created_at").type) == (
        "timestamp[us, tz=UTC]"
    )
