"""Units sold become orders of one to four lines, some of them cancelled, refunded, or broken."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from etl.sample.places import PLACES
from etl.sample.prices import Prices
from etl.sample.shelf import Shelf

__all__ = ["draw_changes", "draw_order_lines", "with_changes"]

_SHARE_NEW_LINE = 0.72
_LINES_PER_ORDER = (0.62, 0.24, 0.10, 0.04)
_BULK_PER_LISTING = 0.4
_SHARE_COUPON = 0.04
_SHARE_RETURN = 0.0015
_SHARE_CANCELLED = 0.030
_SHARE_REFUNDED = 0.025
# Buyers may send goods back within 30 days; nothing changes later.
_LAST_CHANGE_DAYS = 30.0
_BROKEN_OF_EACH_KIND = 12
_INSTANT: Final = "datetime64[us, UTC]"
_ORDER_KEY = ["merchant_id", "store_id", "order_id"]

# Orders by local hour: quiet nights, a rise at noon, most in the evening.
_HOURS = np.array(
    [18, 9, 4, 2, 2, 3, 7, 16, 30, 46, 58, 64, 66, 62, 57, 55, 56, 58, 60, 66, 74, 76, 62, 38.0]
)


def draw_order_lines(
    listings: pd.DataFrame,
    days: pd.DatetimeIndex,
    shelf: Shelf,
    prices: Prices,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Order lines as ordered: `etl.tables.ORDER_LINES` without later changes, and `list_price`."""
    drawn = _split_into_lines(shelf.sold, rng)
    drawn = pd.concat([drawn, _draw_bulk(listings, shelf, rng)], ignore_index=True)
    drawn = _group_into_orders(drawn, listings, rng)
    drawn = _set_times(drawn, days, rng)
    drawn = _set_prices(drawn, listings, prices, rng)
    drawn = pd.concat([drawn, _draw_returns(drawn, days, rng)], ignore_index=True)
    drawn = _number_orders(drawn, rng)
    return _break_some(_describe(drawn, listings), rng)


def _split_into_lines(sold: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """One row per line: which listing, which day, how many units."""
    listing, day = np.nonzero(sold)
    units = sold[listing, day]
    of_unit = np.repeat(np.arange(len(units)), units)
    starts = rng.random(len(of_unit)) < _SHARE_NEW_LINE
    starts[np.append(0, np.cumsum(units)[:-1])] = True
    first = np.flatnonzero(starts)
    return pd.DataFrame(
        {
            "listing": listing[of_unit[first]],
            "day": day[of_unit[first]],
            "units": np.diff(np.append(first, len(of_unit))),
            "bulk": False,
        }
    )


def _draw_bulk(listings: pd.DataFrame, shelf: Shelf, rng: np.random.Generator) -> pd.DataFrame:
    """One-off orders of a firm or a school, delivered past the shelf."""
    regular = np.flatnonzero(~listings["intermittent"].to_numpy(bool))
    listing = rng.choice(regular, max(2, int(_BULK_PER_LISTING * len(regular))))
    day = rng.integers(0, shelf.sold.shape[1], len(listing))
    level = listings["units_per_month"].to_numpy()[listing]
    units = np.maximum(12, level * rng.uniform(0.6, 2.2, len(listing))).astype(int)
    possible = (shelf.left[listing, day] > 0) & (listings["first"].to_numpy()[listing] + 60 < day)
    bulk = pd.DataFrame({"listing": listing, "day": day, "units": units, "bulk": True})
    return pd.DataFrame(bulk[possible])


def _group_into_orders(
    lines: pd.DataFrame, listings: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Lines of a store's day, in random order, fall into baskets; a listing is once in a basket."""
    lines = lines.assign(place=listings["place"].to_numpy()[lines["listing"]])
    lines = lines.iloc[rng.permutation(len(lines))]
    lines = lines.sort_values(["place", "day", "bulk"], kind="stable", ignore_index=True)
    sizes = rng.choice([1, 2, 3, 4], len(lines), p=_LINES_PER_ORDER)
    starts = np.zeros(len(lines), dtype=bool)
    ends = np.cumsum(sizes)
    starts[np.append(0, ends[ends < len(lines)])] = True
    other_day = lines[["place", "day"]].ne(lines[["place", "day"]].shift()).any(axis=1)
    starts |= other_day.to_numpy() | lines["bulk"].to_numpy()
    lines["basket"] = np.cumsum(starts)
    keys = ["basket", "listing", "place", "day", "bulk"]
    return lines.groupby(keys, sort=True, as_index=False).agg(units=("units", "sum"))


def _set_times(
    lines: pd.DataFrame, days: pd.DatetimeIndex, rng: np.random.Generator
) -> pd.DataFrame:
    baskets = lines.drop_duplicates("basket")
    hours = rng.choice(24, len(baskets), p=_HOURS / _HOURS.sum())
    seconds = hours * 3600 + rng.integers(0, 3600, len(baskets))
    local = days.to_numpy()[baskets["day"]] + seconds.astype("timedelta64[s]")
    created = _from_local(pd.Series(local, index=baskets["basket"]), baskets["place"].to_numpy())
    return lines.assign(created_at=lines["basket"].map(created))


def _from_local(local: pd.Series, place: np.ndarray) -> pd.Series:
    """UTC instants of local times; an hour that the clock leaps over is its next, a double one its
    first."""
    instants = pd.Series(pd.NaT, index=local.index, dtype=_INSTANT)
    for index in np.unique(place):
        here = local[place == index]
        zoned = here.dt.tz_localize(
            PLACES[index].time_zone,
            nonexistent="shift_forward",
            ambiguous=np.ones(len(here), dtype=bool),
        )
        instants[place == index] = zoned.dt.tz_convert("UTC").astype(_INSTANT)
    return instants


def _set_prices(
    lines: pd.DataFrame, listings: pd.DataFrame, prices: Prices, rng: np.random.Generator
) -> pd.DataFrame:
    economies = [PLACES[place].economy for place in listings["place"]]
    net = prices.net(economies)[lines["listing"], lines["day"]]
    coupon = rng.random(int(lines["basket"].max()) + 1) < _SHARE_COUPON
    bulk_discount = np.where(lines["bulk"], 0.9, 1.0)
    factor = np.where(coupon[lines["basket"]], 0.95, 1.0) * bulk_discount
    whole = lines["place"].map(lambda place: PLACES[place].economy.currency in ("CLP", "COP"))
    cents = np.where(whole, 1.0, 100.0)
    return lines.assign(
        unit_price=np.round(net * factor * cents) / cents,
        list_price=np.round(prices.listed[lines["listing"], lines["day"]] * cents) / cents,
    )


def _draw_returns(
    lines: pd.DataFrame, days: pd.DatetimeIndex, rng: np.random.Generator
) -> pd.DataFrame:
    """Goods brought back to the counter: orders of their own with negative units."""
    chosen = lines[rng.random(len(lines)) < _SHARE_RETURN].copy()
    later = rng.integers(3, 60, len(chosen))
    units = np.minimum(chosen["units"].to_numpy(), rng.integers(1, 3, len(chosen)))
    chosen["created_at"] = chosen["created_at"] + pd.to_timedelta(later, unit="D")
    chosen["units"] = -units
    chosen["basket"] = int(lines["basket"].max()) + 1 + np.arange(len(chosen))
    return pd.DataFrame(chosen[(chosen["day"] + later < len(days)).to_numpy()])


def _number_orders(lines: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Order ids that rise with time, as the marketplace counts; lines numbered from 1."""
    lines = lines.sort_values(["created_at", "basket", "listing"], ignore_index=True)
    order = lines.groupby(["created_at", "basket"], sort=True).ngroup().to_numpy()
    numbers = 2_000_004_000_000_000 + np.cumsum(rng.integers(2_000, 90_000, order.max() + 1))
    line = lines.groupby("basket").cumcount() + 1
    return lines.assign(order_id=numbers[order].astype(str), line_id=line.astype(str))


def _describe(lines: pd.DataFrame, listings: pd.DataFrame) -> pd.DataFrame:
    """The columns of `ORDER_LINES`."""
    listed = listings.iloc[lines["listing"].to_numpy()].reset_index(drop=True)
    zones = lines["place"].map(lambda place: PLACES[place].time_zone)
    created = lines["created_at"].astype(_INSTANT)
    return pd.DataFrame(
        {
            "merchant_id": listed["merchant_id"],
            "store_id": listed["store_id"],
            "order_id": lines["order_id"],
            "line_id": lines["line_id"],
            "product_id": listed["product_id"],
            "listing_id": listed["listing_id"],
            "product_name": listed["name"],
            "created_at": created,
            "updated_at": created,
            "date": _local_dates(lines["created_at"], zones),
            "status": np.where(lines["units"] < 0, "return", "paid"),
            "units_ordered": lines["units"],
            "units_cancelled": 0,
            "unit_price": lines["unit_price"],
            "list_price": lines["list_price"],
            "currency": listed["currency"],
        }
    )


def _local_dates(instants: pd.Series, zones: pd.Series) -> pd.Series:
    dates = pd.Series(None, index=instants.index, dtype=object)
    for zone in zones.unique():
        here = zones == zone
        dates[here] = instants[here].dt.tz_convert(zone).dt.date
    return dates


def _break_some(lines: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A handful of lines as a buggy client of the marketplace writes them."""
    each = max(1, min(_BROKEN_OF_EACH_KIND, len(lines) // 500))
    paid = np.flatnonzero(lines["status"] == "paid")
    no_price, free, no_units = rng.choice(paid, (3, each), replace=False)
    lines.loc[no_price, ["unit_price", "list_price"]] = np.nan
    lines.loc[free, "unit_price"] = 0.0
    lines.loc[no_units, "units_ordered"] = 0
    return lines


def draw_changes(lines: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """What happened later: `changed_at`, `kind` (cancelled or refunded) and `units`, by line.

    A cancelled order loses all its lines at once; a refund takes some units of one line. Changes
    after the last order of all are left out: they have not happened yet.
    """
    sold = lines[lines["units_ordered"] > 0]
    order = sold.groupby(_ORDER_KEY, sort=False).ngroup().to_numpy()
    fate = rng.random(order.max() + 1)
    cancelled = sold[(fate < _SHARE_CANCELLED)[order]].copy()
    refunded = sold[(fate > 1 - _SHARE_REFUNDED)[order]].copy()
    refunded = refunded.drop_duplicates(_ORDER_KEY)

    lag = _cancellation_lag(len(fate), rng)[order[(fate < _SHARE_CANCELLED)[order]]]
    cancelled = cancelled.assign(kind="cancelled", units=cancelled["units_ordered"], lag=lag)
    some = rng.integers(1, refunded["units_ordered"].to_numpy() + 1)
    lag = np.exp(rng.normal(np.log(9.0), 0.8, len(refunded)))
    refunded = refunded.assign(kind="refunded", units=some, lag=lag)

    changes = pd.concat([cancelled, refunded], ignore_index=True)
    lag = changes["lag"].clip(0.02, _LAST_CHANGE_DAYS)
    changed = (changes["created_at"] + pd.to_timedelta(lag, unit="D")).dt.floor("s")
    changes["changed_at"] = changed.astype(_INSTANT)
    happened = changes["changed_at"] <= lines["created_at"].max()
    columns = [*_ORDER_KEY, "line_id", "changed_at", "kind", "units"]
    told = pd.DataFrame(changes.loc[happened, columns])
    return told.sort_values(["changed_at", *columns[:4]], ignore_index=True)


def _cancellation_lag(count: int, rng: np.random.Generator) -> np.ndarray:
    """Days: mostly within two, some after weeks."""
    slow = rng.random(count) < 0.1
    return np.where(slow, rng.exponential(14.0, count), rng.exponential(1.0, count))


def with_changes(lines: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """The lines after all `changes`: their status, units cancelled and time of last update."""
    by_line = changes.groupby([*_ORDER_KEY, "line_id"], as_index=False).agg(
        units_cancelled=("units", "sum"),
        cancelled=("kind", lambda kinds: "cancelled" in set(kinds)),
    )
    by_order = changes.groupby(_ORDER_KEY, as_index=False).agg(changed_at=("changed_at", "max"))
    merged = lines.drop(columns="units_cancelled").merge(
        by_line, on=[*_ORDER_KEY, "line_id"], how="left", validate="1:1"
    )
    merged = merged.merge(by_order, on=_ORDER_KEY, how="left", validate="m:1")
    merged["units_cancelled"] = merged["units_cancelled"].fillna(0).astype("int64")
    merged["status"] = merged["status"].mask(merged["cancelled"].eq(True), "cancelled")
    merged["updated_at"] = merged["changed_at"].fillna(merged["updated_at"])
    return merged[lines.columns]
