"""The tables of Storecast: every data set that crosses a module, with its columns and key.

A table is the interface between rooms. Functions take and return pandas frames, pyarrow tables or
files of these shapes and name them in their docstrings. `Table.conform` turns what arrives into
the table's own types, or says what is wrong with it.

>>> SCORES.key
('run_id', 'merchant_id', 'store_id', 'product_id', 'month')
>>> MONTHLY_SALES.column("units_sold").type
DataType(int64)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import pyarrow as pa

from etl.errors import TableError

__all__ = [
    "CORRECTIONS",
    "DAILY_MODELS",
    "DAILY_PREDICTIONS",
    "DAILY_SALES",
    "DAILY_SERIES",
    "FLAGS",
    "FORECAST_COLUMNS",
    "MISSING",
    "MODELS",
    "MONTHLY_SALES",
    "ORDER_LINES",
    "PREDICTIONS",
    "PRODUCTS",
    "QUARANTINE",
    "SALES",
    "SCORES",
    "SERIES_KEY",
    "SHARDS",
    "STOCKOUTS",
    "STORES",
    "TABLES",
    "TOTALS",
    "Column",
    "Table",
]


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, whether it may be empty, and a sentence of meaning."""

    name: str
    type: pa.DataType
    meaning: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One named table: what a row is, its columns in order, its key and its partition."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partition: str = ""

    @cached_property
    def names(self) -> list[str]:
        """Column names, in order."""
        return [column.name for column in self.columns]

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema that every file of the table is written with."""
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])

    def column(self, name: str) -> Column:
        """The column of that name; KeyError names the table where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")

    def conform(self, rows: pd.DataFrame | pa.Table) -> pa.Table:
        """`rows` in this table's column order and types, key checked.

        Raises `TableError` where a column is missing, a value does not fit its type, a value is
        empty where none may be, or two rows share a key. Further columns are dropped.
        """
        arrow = rows if isinstance(rows, pa.Table) else _from_pandas(self, rows)
        missing = [name for name in self.names if name not in arrow.column_names]
        if missing:
            raise TableError(
                f"{self.name} needs the columns {', '.join(missing)}; "
                f"found {', '.join(arrow.column_names) or 'none'}"
            )
        arrow = arrow.select(self.names)
        try:
            arrow = arrow.cast(self.schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
            raise TableError(f"{self.name}: a value does not fit its column: {error}") from error
        self._refuse_empty(arrow)
        self._refuse_repeated_keys(arrow)
        return arrow

    def empty(self) -> pa.Table:
        """The table without rows."""
        return self.schema.empty_table()

    def _refuse_empty(self, arrow: pa.Table) -> None:
        for column in self.columns:
            if not column.nullable and arrow.column(column.name).null_count:
                raise TableError(
                    f"{self.name}.{column.name} may not be empty; "
                    f"{arrow.column(column.name).null_count} of {arrow.num_rows} rows are"
                )

    def _refuse_repeated_keys(self, arrow: pa.Table) -> None:
        if not self.key or arrow.num_rows < 2:
            return
        counts = (
            arrow.select(list(self.key)).group_by(list(self.key)).aggregate([([], "count_all")])
        )
        if counts.num_rows == arrow.num_rows:
            return
        repeated = counts.sort_by([("count_all", "descending")]).slice(0, 1).to_pylist()[0]
        times = repeated.pop("count_all")
        key = ", ".join(str(value) for value in repeated.values())
        raise TableError(
            f"{self.name} has {times} rows for ({key}) where ({', '.join(self.key)}) is the key; "
            "rebuild the partition that holds them"
        )


def _from_pandas(table: Table, rows: pd.DataFrame) -> pa.Table:
    """Arrow columns one by one, so that an error names its column."""
    columns, names = [], []
    for column in table.columns:
        if column.name not in rows.columns:
            continue
        try:
            columns.append(pa.Array.from_pandas(rows[column.name], type=column.type, safe=True))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError) as error:
            raise TableError(
                f"{table.name}.{column.name} must be {column.type} ({column.meaning}): {error}"
            ) from error
        names.append(column.name)
    return pa.table(columns, names=names)


_STRING = pa.string()
_INT = pa.int64()
_FLOAT = pa.float64()
_DATE = pa.date32()
_INSTANT = pa.timestamp("us", tz="UTC")
_UNIT_PRICE = pa.decimal128(18, 4)
_MONEY = pa.decimal128(18, 2)

_MERCHANT = Column("merchant_id", _STRING, "the merchant, one tenant")
_STORE = Column("store_id", _STRING, "one of the merchant's stores")
_PRODUCT = Column("product_id", _STRING, "the seller's SKU, or the listing's id without one")
_CURRENCY = Column("currency", _STRING, "ISO 4217 code; money is never added across currencies")
_MONTH = Column("month", _DATE, "first day of a calendar month in the store's time zone")
_CUTOFF = Column("cutoff_month", _DATE, "last closed month that the row was made from")
_RUN = Column("run_id", _STRING, "cutoff month and revision, as in 2026-10.1")
_ORDER = Column("order_id", _STRING, "the order, as the marketplace names it")
_LINE = Column("line_id", _STRING, "the line within its order")

SERIES_KEY = ("merchant_id", "store_id", "product_id")
_SERIES = (_MERCHANT, _STORE, _PRODUCT)

STORES = Table(
    "stores",
    "one store of one merchant",
    ("merchant_id", "store_id"),
    (
        _MERCHANT,
        _STORE,
        Column("name", _STRING, "what the merchant calls it"),
        Column("region", _STRING, "the planner's region"),
        Column("country", _STRING, "ISO 3166-1 alpha-2 code"),
        Column("time_zone", _STRING, "IANA name; days and months are cut by it"),
        _CURRENCY,
        Column("opening_hour", _INT, "local hour at which the store opens, 0 to 23"),
        Column("source", _STRING, "the connector that reads it, as in mercadolibre"),
        Column("source_ref", _STRING, "the store's id at the source (a seller, a channel)"),
        Column("daily_forecasts", pa.bool_(), "asked for the next seven days each morning"),
    ),
)

PRODUCTS = Table(
    "products",
    "one product listed in one store, as last seen",
    SERIES_KEY,
    (
        *_SERIES,
        Column("listing_id", _STRING, "the listing's id at the source"),
        Column("name", _STRING, "title of the listing"),
        Column("category", _STRING, "category of the listing; 'unknown' without one"),
        Column("price", _UNIT_PRICE, "listed price", nullable=True),
        _CURRENCY,
        Column("status", _STRING, "active, paused or closed"),
        Column("stock_on_hand", _INT, "units on hand, where the source tells", nullable=True),
        Column("listed_on", _DATE, "first local day on sale, where told", nullable=True),
        Column("last_listed_on", _DATE, "last local day seen active, where told", nullable=True),
        Column(
            "promotions",
            _STRING,
            'JSON list of {"start", "end", "discount"}; local dates, share of the price',
            nullable=True,
        ),
    ),
    partition="merchant, store",
)

STOCKOUTS = Table(
    "stockouts",
    "one local day on which a product could not be bought because its shelf was empty",
    (*SERIES_KEY, "date"),
    (*_SERIES, Column("date", _DATE, "local day out of stock")),
    partition="source, merchant, store, month",
)

ORDER_LINES = Table(
    "order_lines",
    "one order line as read from a raw document at the door",
    (*SERIES_KEY[:2], "order_id", "line_id"),
    (
        _MERCHANT,
        _STORE,
        _ORDER,
        _LINE,
        _PRODUCT,
        Column("listing_id", _STRING, "the listing sold"),
        Column("product_name", _STRING, "title at the time of sale"),
        Column("created_at", _INSTANT, "when the order was placed"),
        Column("updated_at", _INSTANT, "when the order last changed"),
        Column("date", _DATE, "local day of created_at in the store's time zone"),
        Column("status", _STRING, "paid, cancelled, or return for a line that takes units back"),
        Column("units_ordered", _INT, "units of the line; negative in a return"),
        Column(
            "units_cancelled", _INT, "of those, cancelled or refunded later; 0 to units_ordered"
        ),
        Column("unit_price", _UNIT_PRICE, "net price of one unit, after discounts"),
        _CURRENCY,
    ),
    partition="source, merchant, store, business day of creation",
)

SALES = Table(
    "sales",
    "one order line in its latest state, with its store's calendar date",
    (*SERIES_KEY[:2], "order_id", "line_id"),
    (
        _MERCHANT,
        _STORE,
        _ORDER,
        _LINE,
        _PRODUCT,
        _MONTH,
        Column("date", _DATE, "local calendar day of the order"),
        Column("updated_at", _INSTANT, "when the order last changed"),
        Column("status", _STRING, "paid, cancelled or return"),
        Column("units_ordered", _INT, "units as ordered"),
        Column("units_cancelled", _INT, "units cancelled or refunded"),
        Column("units_net", _INT, "units_ordered − units_cancelled; negative in a return"),
        Column("revenue_net", _MONEY, "units_net × unit_price"),
        _CURRENCY,
    ),
    partition="month",
)

MONTHLY_SALES = Table(
    "monthly_sales",
    "units and revenue of one product in one store in one closed month, zero where it sold none",
    (*SERIES_KEY, "month"),
    (
        *_SERIES,
        _MONTH,
        Column("units_sold", _INT, "net units, never below zero"),
        Column("units_remainder", _INT, "units by which returns exceeded sales, else 0"),
        Column("revenue", _MONEY, "net revenue; may be negative where returns exceed sales"),
        _CURRENCY,
        Column("days_out_of_stock", _INT, "days with an empty shelf, where told", nullable=True),
    ),
    partition="month",
)

QUARANTINE = Table(
    "quarantine",
    "one order line, or whole order document, refused at the door",
    (*SERIES_KEY[:2], "order_id", "line_id"),
    (
        _MERCHANT,
        _STORE,
        _ORDER,
        Column("line_id", _STRING, "the line, or '*' for the whole document"),
        Column("date", _DATE, "local business day that it was pulled for"),
        Column("reason", _STRING, "code with parameters, as in no_price value=null"),
        Column("units", _INT, "net units that the line would have added, 0 where unreadable"),
        Column("document", _STRING, "the source document, as received (JSON)"),
    ),
    partition="source, merchant, store, business day of creation",
)

SHARDS = Table(
    "shards",
    "one series: the whole monthly history of one product in one store up to the cutoff",
    SERIES_KEY,
    (
        *_SERIES,
        Column("category", _STRING, "category of the listing; 'unknown' without one"),
        Column("country", _STRING, "country of the store, ISO 3166-1 alpha-2"),
        _CURRENCY,
        _CUTOFF,
        Column("first_month", _DATE, "month of the first element of the vectors"),
        Column("last_sale_month", _DATE, "last month with units sold", nullable=True),
        Column("units_sold", pa.list_(_INT), "units by month, first_month to cutoff_month"),
        Column("revenue", pa.list_(_FLOAT), "net revenue by month, as long as units_sold"),
        Column(
            "days_out_of_stock",
            pa.list_(_INT),
            "days with an empty shelf by month; empty element where not told",
        ),
        Column("share_zeros", _FLOAT, "share of months with no unit sold, 0 to 1"),
        Column("mean_net_price", _FLOAT, "of the last three selling months", nullable=True),
        Column("active", pa.bool_(), "sold or listed within the last 12 months"),
    ),
    partition="cutoff month, shard number",
)

FORECAST_COLUMNS = (
    Column("units_forecast", _FLOAT, "expected units, not negative"),
    Column("lo50", _FLOAT, "lower bound of the 50 % interval, units"),
    Column("hi50", _FLOAT, "upper bound of the 50 % interval, units"),
    Column("lo80", _FLOAT, "lower bound of the 80 % interval, units"),
    Column("hi80", _FLOAT, "upper bound of the 80 % interval, units"),
    Column("lo95", _FLOAT, "lower bound of the 95 % interval, units"),
    Column("hi95", _FLOAT, "upper bound of the 95 % interval, units"),
    Column("model", _STRING, "the model that served, as in arima or seasonal_naive"),
    Column("reason", _STRING, "code with parameters why; empty where the engine served"),
)

PREDICTIONS = Table(
    "predictions",
    "one month ahead of one series",
    ("run_id", *SERIES_KEY, "month"),
    (
        _RUN,
        *_SERIES,
        _CUTOFF,
        _MONTH,
        Column("horizon", _INT, "months after the cutoff, from 1"),
        *FORECAST_COLUMNS,
    ),
    partition="run, shard number",
)

TOTALS = Table(
    "totals",
    "one month ahead, or all of them, of a merchant, a store, or a category within either",
    ("run_id", "merchant_id", "store_id", "category", "horizon"),
    (
        _RUN,
        _MERCHANT,
        Column("store_id", _STRING, "the store; '' for all of the merchant's"),
        Column("category", _STRING, "the category; '' for all"),
        _MONTH,
        Column("horizon", _INT, "months after the cutoff, from 1; 0 for the sum of all months"),
        Column("series", _INT, "products that the total is of"),
        *FORECAST_COLUMNS[:7],
    ),
    partition="run",
)

FLAGS = Table(
    "flags",
    "one series whose forecast is extreme by a stated rule",
    ("run_id", *SERIES_KEY),
    (
        _RUN,
        *_SERIES,
        Column("code", _STRING, "extreme_high or extreme_low"),
        Column("units_forecast", _FLOAT, "the units that are extreme, of a month or of a year"),
        Column("units_expected", _FLOAT, "the units sold that they are far from"),
    ),
    partition="run",
)

MISSING = Table(
    "missing",
    "one series that a run has no forecast of, because its shard could not be read",
    ("run_id", *SERIES_KEY),
    (_RUN, *_SERIES),
    partition="run",
)

CORRECTIONS = Table(
    "corrections",
    "one month of a history that a run's models learnt from otherwise than it was sold",
    ("run_id", *SERIES_KEY, "month"),
    (
        _RUN,
        *_SERIES,
        _MONTH,
        Column("units_sold", _FLOAT, "units as sold"),
        Column("units_corrected", _FLOAT, "units that the models took for the month's demand"),
        Column("cause", _STRING, "empty_shelf, which raises a month, or bulk_order, which lowers"),
    ),
    partition="run",
)

DAILY_SALES = Table(
    "daily_sales",
    "net units of one product of a store on one local day on which it moved any",
    ("product_id", "date"),
    (
        _PRODUCT,
        Column("date", _DATE, "local calendar day"),
        Column("units_net", _INT, "units_ordered − units_cancelled of the day; may be negative"),
    ),
    partition="merchant, store, month",
)

DAILY_SERIES = Table(
    "daily_series",
    "one series: the gap-free days of one product in one store up to the last complete one",
    SERIES_KEY,
    (
        *_SERIES,
        Column("category", _STRING, "category of the listing; 'unknown' without one"),
        Column("country", _STRING, "country of the store, ISO 3166-1 alpha-2"),
        Column("first_date", _DATE, "day of the first element: first sale, or three years back"),
        Column("units", pa.list_(_FLOAT), "net units by day, never below zero"),
        Column(
            "state",
            pa.list_(pa.int8()),
            "by day: 0 on sale, 1 shelf empty, 2 store closed, 3 not known (never pulled)",
        ),
        Column("units_remainder", _FLOAT, "units by which returns exceeded sales on their days"),
        Column("promotions", _STRING, "as in PRODUCTS, where told", nullable=True),
    ),
    partition="merchant, store",
)

DAILY_PREDICTIONS = Table(
    "daily_predictions",
    "one day ahead of one series, in a file of one's own",
    (*SERIES_KEY, "cutoff_date", "date"),
    (
        *_SERIES,
        Column("cutoff_date", _DATE, "last day that the row was made from"),
        Column("date", _DATE, "local calendar day"),
        Column("horizon", _INT, "days after the cutoff, from 1"),
        *FORECAST_COLUMNS,
    ),
)

DAILY_MODELS = Table(
    "daily_models",
    "one fitted daily model of one series, as parameters; a JSON document of its own",
    SERIES_KEY,
    (
        *_SERIES,
        Column("data_until", _DATE, "last day of the history that it was fitted to"),
        Column("data_hash", _STRING, "of the history, promotions and country"),
        Column("configuration", _STRING, "of engine and settings that shape a forecast"),
        Column("trained_at", _INSTANT, "when it was fitted, where told", nullable=True),
        Column("model", _STRING, "weights, parameters and held-out errors (JSON)"),
    ),
    partition="merchant, store, product",
)

MODELS = Table(
    "models",
    "one fitted model of one series, as parameters",
    SERIES_KEY,
    (
        *_SERIES,
        _CUTOFF,
        Column("model", _STRING, "orders, parameters and transformation (JSON)"),
        Column("data_hash", _STRING, "of the history that it was fitted to"),
        Column("trained_at", _INSTANT, "when it was fitted, where told", nullable=True),
    ),
    partition="engine, configuration, cutoff month, shard number",
)

SCORES = Table(
    "scores",
    "one prediction of an earlier run beside what was sold, at its lead time",
    ("run_id", *SERIES_KEY, "month"),
    (
        _RUN,
        *_SERIES,
        _CUTOFF,
        _MONTH,
        Column("horizon", _INT, "lead time in months, from 1"),
        *FORECAST_COLUMNS,
        Column("category", _STRING, "category of the listing"),
        Column(
            "demand_class",
            _STRING,
            "smooth, erratic, intermittent or lumpy at the cutoff (Syntetos and Boylan 2005)",
            nullable=True,
        ),
        _CURRENCY,
        Column("units_sold", _FLOAT, "units sold in the month"),
        Column("units_naive", _FLOAT, "seasonal naive from the same cutoff", nullable=True),
        Column(
            "mase_scale",
            _FLOAT,
            "in-sample mean absolute seasonal naive error (Hyndman and Koehler 2006)",
            nullable=True,
        ),
        Column(
            "rmsse_scale",
            _FLOAT,
            "root of the in-sample mean squared seasonal naive error",
            nullable=True,
        ),
        Column("mean_net_price", _FLOAT, "price that weighs units as money", nullable=True),
    ),
    partition="month scored",
)

TABLES = {
    table.name: table
    for table in (
        STORES,
        PRODUCTS,
        STOCKOUTS,
        ORDER_LINES,
        SALES,
        MONTHLY_SALES,
        QUARANTINE,
        SHARDS,
        PREDICTIONS,
        TOTALS,
        FLAGS,
        CORRECTIONS,
        MISSING,
        MODELS,
        SCORES,
        DAILY_SALES,
        DAILY_SERIES,
        DAILY_PREDICTIONS,
        DAILY_MODELS,
    )
}
