"""What the rows of each table promise beyond their types, checked with pandera.

`etl.tables` gives columns, types, emptiness and key; a contract adds what the values mean: units
are not negative, bounds do not cross, months begin on their first day. Only the columns that a
promise is about are looked at, so that a batch of 100,000 rows costs some milliseconds.

>>> promises(STORES)
['opening_hour is 0 to 23']
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from pandera.errors import SchemaErrors

from etl.errors import TableError
from etl.tables import (
    MONTHLY_SALES,
    ORDER_LINES,
    PREDICTIONS,
    PRODUCTS,
    QUARANTINE,
    SALES,
    SCORES,
    SHARDS,
    STOCKOUTS,
    STORES,
    TABLES,
    Table,
)

__all__ = ["hold", "promises"]

Promise = tuple[tuple[str, ...], str, Callable[[pd.DataFrame], Any]]
"""The columns that it is about, its words, and which rows keep it."""


def _not_negative(*columns: str) -> list[Promise]:
    def keeps(column: str) -> Callable[[pd.DataFrame], Any]:
        return lambda rows: rows[column].isna() | (rows[column] >= 0)

    return [((column,), f"{column} is not negative", keeps(column)) for column in columns]


def _first_days(*columns: str) -> list[Promise]:
    def keeps(column: str) -> Callable[[pd.DataFrame], Any]:
        return lambda rows: pd.to_datetime(rows[column], cache=False).dt.day == 1

    return [
        ((column,), f"{column} is the first day of a month", keeps(column)) for column in columns
    ]


def _one_of(column: str, *values: str) -> Promise:
    words = f"{column} is {', '.join(values[:-1])} or {values[-1]}"
    return ((column,), words, lambda rows: rows[column].isin(values))


_CANCELLED_WITHIN_ORDERED: Promise = (
    ("units_ordered", "units_cancelled"),
    "units_cancelled lies between 0 and units_ordered",
    lambda rows: (
        (rows["units_cancelled"] * rows["units_ordered"] >= 0)
        & (rows["units_cancelled"].abs() <= rows["units_ordered"].abs())
    ),
)

_BOUNDS = ("lo95", "lo80", "lo50", "hi50", "hi80", "hi95")

_FORECASTS: list[Promise] = [
    *_first_days("month", "cutoff_month"),
    *_not_negative("units_forecast", "lo95"),
    (
        _BOUNDS,
        "the bounds of a forecast do not cross",
        lambda rows: rows[list(_BOUNDS)].T.diff().T.iloc[:, 1:].ge(0).all(axis=1),
    ),
    (("horizon",), "horizon counts from 1", lambda rows: rows["horizon"] >= 1),
]

_PROMISES: dict[str, list[Promise]] = {
    STORES.name: [
        (
            ("opening_hour",),
            "opening_hour is 0 to 23",
            lambda rows: rows["opening_hour"].between(0, 23),
        )
    ],
    PRODUCTS.name: [_one_of("status", "active", "paused", "closed")],
    STOCKOUTS.name: [
        (("product_id",), "a product has a name", lambda rows: rows["product_id"] != "")
    ],
    ORDER_LINES.name: [
        _one_of("status", "paid", "cancelled", "return"),
        (
            ("units_ordered",),
            "a line moves units",
            lambda rows: rows["units_ordered"] != 0,
        ),
        _CANCELLED_WITHIN_ORDERED,
        (("unit_price",), "a unit has a price", lambda rows: rows["unit_price"] > 0),
    ],
    SALES.name: [
        *_first_days("month"),
        _CANCELLED_WITHIN_ORDERED,
        (
            ("units_ordered", "units_cancelled", "units_net"),
            "units_net is what was ordered less what was cancelled",
            lambda rows: rows["units_net"] == rows["units_ordered"] - rows["units_cancelled"],
        ),
    ],
    MONTHLY_SALES.name: [
        *_first_days("month"),
        *_not_negative("units_sold", "units_remainder"),
        (
            ("units_sold", "units_remainder"),
            "a month has units or a remainder, not both",
            lambda rows: (rows["units_sold"] == 0) | (rows["units_remainder"] == 0),
        ),
        (
            ("days_out_of_stock",),
            "days_out_of_stock is 0 to 31 where told",
            lambda rows: (
                rows["days_out_of_stock"].isna() | rows["days_out_of_stock"].between(0, 31)
            ),
        ),
    ],
    QUARANTINE.name: [(("reason",), "a refusal has a reason", lambda rows: rows["reason"] != "")],
    SHARDS.name: [
        *_first_days("first_month", "cutoff_month"),
        (
            ("units_sold", "revenue", "days_out_of_stock"),
            "the vectors of a series are equally long",
            lambda rows: (
                (rows["units_sold"].str.len() == rows["revenue"].str.len())
                & (rows["units_sold"].str.len() == rows["days_out_of_stock"].str.len())
            ),
        ),
        (
            ("first_month", "cutoff_month", "units_sold"),
            "a series has a value for each month up to its cutoff",
            lambda rows: rows["units_sold"].str.len() == _months(rows),
        ),
        (
            ("share_zeros",),
            "share_zeros is 0 to 1",
            lambda rows: rows["share_zeros"].between(0, 1),
        ),
    ],
    PREDICTIONS.name: _FORECASTS,
    SCORES.name: [*_FORECASTS, *_not_negative("units_sold", "mase_scale")],
}


def promises(table: Table) -> list[str]:
    """What the rows of `table` promise, in words."""
    return [words for _, words, _ in _PROMISES.get(table.name, [])]


def hold(table: Table, rows: pd.DataFrame | pa.Table | pa.RecordBatch) -> None:
    """Raise `TableError` where rows of `table` break its contract: which rule, and how often."""
    schema, columns = _contract(table.name)
    if isinstance(rows, pd.DataFrame):
        frame = rows[columns]
    else:
        frame = rows.select(columns).to_pandas(date_as_object=False)
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        broken = error.failure_cases.drop_duplicates(["check", "index"])
        rule = str(broken["check"].iloc[0])
        count = int((broken["check"] == rule).sum())
        raise TableError(
            f"{table.name} breaks its contract: {rule}; {count} of {len(frame)} rows do not, "
            f"the first is {frame.loc[broken['index'].iloc[0]].to_dict()}. Nothing was written"
        ) from error


@cache
def _contract(name: str) -> tuple[pandera.DataFrameSchema, list[str]]:
    kept = _PROMISES.get(name, [])
    needed = {column for columns, _, _ in kept for column in columns}
    columns = [column for column in TABLES[name].names if column in needed]
    checks = [pandera.Check(keeps, error=words) for _, words, keeps in kept]
    return pandera.DataFrameSchema(checks=checks), columns


def _months(rows: pd.DataFrame) -> Any:
    """Months from the first to the cutoff, both counted."""
    first, cutoff = (
        pd.to_datetime(rows[column], cache=False) for column in ("first_month", "cutoff_month")
    )
    return (cutoff.dt.year - first.dt.year) * 12 + cutoff.dt.month - first.dt.month + 1
