"""The monthly table: units and revenue of every product and store in each closed month.

One month at a time, whatever the history: a month is made from the order lines of its own
store-days, named by their manifests, and from the keys of the month before, so that a product has
a row in every month from its first sale on. Each partition's manifest carries the fingerprint of
what it was made from; only months whose fingerprint changed are made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from etl.changes import months_to_check
from etl.closing import MonthInputs, StoreKey, first_days, gather, surroundings_of
from etl.dates import read_month
from etl.duck import Duck, open_duck
from etl.lake import Lake
from etl.ledger import days_between, month_days, months_between, previous_month, read_days
from etl.quarantine import count_refusals, refuse_bad_month
from etl.registry import Store
from etl.sales import sales_path, write_sales
from etl.settings import Settings
from etl.tables import MONTHLY_SALES, STOCKOUTS

__all__ = [
    "build_changed_months",
    "build_month",
    "monthly_manifest",
    "monthly_path",
    "narrow_month",
    "outdated_months",
]

_MONTH = """
    WITH sold AS (
        SELECT merchant_id, store_id, product_id, min(currency) AS currency,
               CAST(sum(units_net) AS BIGINT) AS units,
               CAST(sum(revenue_net) AS DECIMAL(18, 2)) AS revenue,
               bool_or(units_net <> 0) AS moved
        FROM read_parquet($sales, hive_partitioning = false)
        GROUP BY merchant_id, store_id, product_id
    ), known AS (
        SELECT merchant_id, store_id, product_id, min(currency) AS currency
        FROM (
            SELECT merchant_id, store_id, product_id, currency FROM sold WHERE moved
            UNION ALL
            SELECT merchant_id, store_id, product_id, currency
            FROM read_parquet($previous, hive_partitioning = false)
        )
        GROUP BY merchant_id, store_id, product_id
    ), empty_shelves AS (
        SELECT merchant_id, store_id, product_id, count(DISTINCT date) AS days
        FROM stockouts GROUP BY merchant_id, store_id, product_id
    )
    SELECT known.merchant_id, known.store_id, known.product_id, $month AS month,
           greatest(coalesce(sold.units, 0), 0) AS units_sold,
           greatest(-coalesce(sold.units, 0), 0) AS units_remainder,
           coalesce(sold.revenue, 0) AS revenue,
           coalesce(sold.currency, known.currency) AS currency,
           CASE WHEN told.store_id IS NOT NULL
                THEN coalesce(empty_shelves.days, 0) END AS days_out_of_stock
    FROM known
    LEFT JOIN sold USING (merchant_id, store_id, product_id)
    LEFT JOIN empty_shelves USING (merchant_id, store_id, product_id)
    LEFT JOIN told ON told.merchant_id = known.merchant_id AND told.store_id = known.store_id
    ORDER BY known.merchant_id, known.product_id, known.store_id
"""

_SUMS = """
    SELECT count(*), coalesce(sum(units_sold), 0), coalesce(sum(units_remainder), 0),
           coalesce(bit_xor(hash(merchant_id, store_id, product_id, currency)), 0)
    FROM read_parquet($part, hive_partitioning = false)
"""

_REVENUE = """
    SELECT currency, CAST(sum(revenue) AS VARCHAR)
    FROM read_parquet($part, hive_partitioning = false)
    GROUP BY currency ORDER BY currency
"""

_OTHERS = """
    SELECT * FROM read_parquet($part, hive_partitioning = false) WHERE merchant_id <> $merchant
"""


def monthly_path(month: date) -> str:
    """Where the MONTHLY_SALES of `month` are."""
    return f"monthly_sales/month={month:%Y-%m}/part.parquet"


def monthly_manifest(lake: Lake, month: date) -> dict[str, Any] | None:
    """What the month's partition was made from, and its sums; None where it is not built."""
    path = _manifest_path(month)
    manifest: dict[str, Any] | None = lake.read_json(path) if lake.exists(path) else None
    return manifest if manifest and manifest["fingerprint"] else None


def build_month(
    lake: Lake, month: date, stores: Sequence[Store], settings: Settings
) -> dict[str, Any]:
    """Make SALES and MONTHLY_SALES of `month` from the days of all `stores`.

    Returns the partition's manifest. Raises `IncompleteError` where days are missing or the month
    before is not built, `QuarantineLimitError` where too many lines were refused.
    """
    month = month.replace(day=1)
    inputs = gather(lake, month, stores, first_days(lake, stores), monthly_manifest)
    return _build(lake, inputs, settings)


def build_changed_months(
    lake: Lake, stores: Sequence[Store], through_month: date, settings: Settings
) -> list[date]:
    """Make each month up to `through_month` whose inputs changed; returns those months.

    Only months of which a store-day was written since, or whose surroundings changed, are looked
    at. Raises as `build_month` does, at the first month that cannot be made.
    """
    begun = first_days(lake, stores)
    if not begun:
        return []
    changed = []
    first = min(begun.values())
    previous = monthly_manifest(lake, previous_month(first))
    with months_to_check(lake, through_month) as noted:
        for month in months_between(first, through_month):
            manifest = monthly_manifest(lake, month)
            surroundings = surroundings_of(month, stores, begun, previous)
            undisturbed = manifest is not None and surroundings.items() <= manifest.items()
            if month in noted or not undisturbed:
                inputs = gather(lake, month, stores, begun, monthly_manifest)
                if manifest is None or manifest["fingerprint"] != inputs.fingerprint:
                    manifest = _build(lake, inputs, settings)
                    changed.append(month)
                elif not undisturbed:
                    manifest |= surroundings
                    lake.write_json(_manifest_path(month), manifest)
            previous = manifest
    return changed


def outdated_months(lake: Lake, cutoff_month: date) -> list[date]:
    """Months that changed since the shards up to `cutoff_month` were made from them."""
    mark = f"shards/cutoff_month={cutoff_month:%Y-%m}/outdated.json"
    return [read_month(month) for month in _marked(lake, mark)]


def narrow_month(
    lake: Lake,
    month: date,
    merchant_id: str,
    stores: Sequence[Store],
    begun: dict[StoreKey, date],
    settings: Settings,
    *,
    fresh: bool,
) -> dict[str, Any]:
    """Take a merchant's rows out of a built month, whose `stores` are those that stay.

    Returns the manifest, which is the one that a build from their days alone would give. Where the
    month was not `fresh`, made from other days than are there now, it still is not.
    """
    before = monthly_manifest(lake, month) or {}
    gaps = {
        store: days
        for store, days in before["accepted_gaps"].items()
        if store.partition("/")[0] != merchant_id
    }
    days = read_days(lake, stores, days_between(*month_days(month)))
    previous = monthly_manifest(lake, previous_month(month))
    inputs = MonthInputs(month, stores, days, previous, begun, gaps)
    with open_duck(settings) as duck:
        with lake.local_files([sales_path(month)]) as (sales,):
            duck.copy(lake, sales_path(month), _OTHERS, part=sales, merchant=merchant_id)
        with lake.local_files([monthly_path(month)]) as (part,):
            rows = duck.batches(_OTHERS, part=part, merchant=merchant_id)
            digest = duck.write(lake, monthly_path(month), MONTHLY_SALES, rows)
        with lake.local_files([monthly_path(month)]) as (part,):
            manifest = _manifest(duck, inputs, part) | {"sha256": digest}
    if not fresh:
        manifest |= {name: before.get(name) for name in ("fingerprint", *inputs.surroundings)}
    lake.write_json(_manifest_path(month), manifest)
    return manifest


def _build(lake: Lake, inputs: MonthInputs, settings: Settings) -> dict[str, Any]:
    """Replace the month's partition; while it is being made its manifest has no fingerprint."""
    refuse_bad_month(inputs.month, inputs.days, settings.quarantine_limit)
    lake.write_json(_manifest_path(inputs.month), {"fingerprint": None})
    part = monthly_path(inputs.month)
    before = [monthly_path(previous_month(inputs.month))] if inputs.previous else []
    with open_duck(settings) as duck, lake.local_files(inputs.line_files()) as lines:
        write_sales(lake, duck, inputs.month, lines)
        _view_stockouts(lake, duck, inputs)
        with lake.local_files([sales_path(inputs.month), *before]) as (sales, *previous):
            files = {"sales": sales, "previous": previous or duck.file(MONTHLY_SALES.empty())}
            rows = duck.batches(_MONTH, month=inputs.month, **files)
            digest = duck.write(lake, part, MONTHLY_SALES, rows)
        with lake.local_files([part]) as (local,):
            manifest = _manifest(duck, inputs, local) | {"sha256": digest}
    lake.write_json(_manifest_path(inputs.month), manifest)
    _mark_forecasts(lake, manifest)
    return manifest


def _mark_forecasts(lake: Lake, manifest: dict[str, Any]) -> None:
    """Say beside each cutoff's shards which of the months that they were made from changed."""
    month = manifest["month"]
    for cutoff in lake.folders("shards"):
        path, mark = (f"shards/{cutoff}/{name}.json" for name in ("manifest", "outdated"))
        used = lake.read_json(path)["months"].get(month) if lake.exists(path) else None
        if used is not None:
            months = set(_marked(lake, mark))
            changed = months | {month} if used != manifest["sha256"] else months - {month}
            if changed != months:
                lake.write_json(mark, {"months": sorted(changed)})


def _marked(lake: Lake, mark: str) -> list[str]:
    """The months that the file at `mark` names; none where it is not there."""
    months: list[str] = lake.read_json(mark)["months"] if lake.exists(mark) else []
    return months


def _view_stockouts(lake: Lake, duck: Duck, inputs: MonthInputs) -> None:
    """`told`, the stores that told all their days; `stockouts`, their STOCKOUTS, kept too."""
    told, rows = [], []
    for store in inputs.stores:
        key = {"merchant_id": store.merchant_id, "store_id": store.store_id}
        days = [
            day
            for day in inputs.days
            if (day.merchant_id, day.store_id) == (store.merchant_id, store.store_id)
        ]
        path = (
            f"stockouts/source={store.source}/merchant_id={store.merchant_id}"
            f"/store_id={store.store_id}/month={inputs.month:%Y-%m}.parquet"
        )
        if not days or any(day.stockouts is None for day in days):
            lake.delete(path)
            continue
        told.append(key)
        own = [
            {**key, "product_id": product, "date": day.day}
            for day in days
            for product in day.stockouts or []
        ]
        lake.write_table(path, pa.Table.from_pylist(own, STOCKOUTS.schema), STOCKOUTS)
        rows += own
    duck.view(
        "told", pa.Table.from_pylist(told, STOCKOUTS.schema.empty_table().select([0, 1]).schema)
    )
    duck.view("stockouts", pa.Table.from_pylist(rows, STOCKOUTS.schema))


def _manifest(duck: Duck, inputs: MonthInputs, part: str) -> dict[str, Any]:
    ((rows, sold, remainder, keys),) = duck.run(_SUMS, part=part)
    return {
        "month": f"{inputs.month:%Y-%m}",
        "fingerprint": inputs.fingerprint,
        **inputs.surroundings,
        "keys": f"{rows}-{keys:016x}",
        "store_days": len(inputs.days),
        "orders": sum(day.orders for day in inputs.days),
        "lines": sum(day.lines for day in inputs.days),
        "refused": count_refusals(inputs.days),
        "accepted_gaps": inputs.accepted_gaps,
        "rows": rows,
        "units_sold": int(sold),
        "units_remainder": int(remainder),
        "revenue": dict(duck.run(_REVENUE, part=part)),
    }


def _manifest_path(month: date) -> str:
    return f"monthly_sales/month={month:%Y-%m}/manifest.json"
