"""What changed since last month's forecast, and why: from one vintage to the next.

A month ago the merchant was shown a number for what was then next month; now another month is next.
The way from the one number to the other is cut into parts that add up:

============  =====================================================================================
part          how much of the way
============  =====================================================================================
calendar      the old run's forecast of the month that is next now, less that of the month before
correction    revised since, for products whose earlier sales were corrected meanwhile
model         revised since, for other products that another model serves now
new_data      revised since, for the rest: only the latest month's sales came in
products      forecasts of products that came, less those of products that went
============  =====================================================================================

A product that had never sold begins anew with its first sale: that is new data, no correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from api.vintage import Run
from etl.lake import Lake
from etl.ledger import previous_month

__all__ = ["PARTS", "Key", "changes_between", "run_before"]

PARTS = ("calendar", "correction", "model", "new_data", "products")

Key = tuple[str, str, str]

_QUERY = """
    with
    earlier as (
        select merchant_id, store_id, product_id, any_value(model) as model,
               sum(units_forecast) filter (horizon = 1) as then_next,
               sum(units_forecast) filter (horizon = 2) as now_next
        from read_csv($earlier, header = true) where horizon <= 2 group by all),
    later as (
        select merchant_id, store_id, product_id, model, units_forecast as units
        from read_csv($later, header = true) where horizon = 1),
    known_then as (
        select merchant_id, store_id, product_id, units_sold
        from read_parquet($earlier_shards) where list_sum(units_sold) > 0),
    known_now as (
        select merchant_id, store_id, product_id, list_slice(units_sold, 1, -2) as units_sold
        from read_parquet($later_shards)),
    revised as (
        select merchant_id, store_id, then_next, now_next, units,
               coalesce(units, 0) - coalesce(now_next, 0) as revision,
               case when now_next is null or units is null then 'products'
                    when known_now.units_sold <> known_then.units_sold then 'correction'
                    when earlier.model <> later.model then 'model'
                    else 'new_data' end as part
        from earlier full join later using (merchant_id, store_id, product_id)
        left join known_then using (merchant_id, store_id, product_id)
        left join known_now using (merchant_id, store_id, product_id))
    select merchant_id, coalesce(store_id, ''),
           coalesce(sum(then_next), 0), coalesce(sum(units), 0),
           coalesce(sum(now_next - then_next), 0),
           coalesce(sum(revision) filter (part = 'correction'), 0),
           coalesce(sum(revision) filter (part = 'model'), 0),
           coalesce(sum(revision) filter (part = 'new_data'), 0),
           coalesce(sum(revision) filter (part = 'products'), 0)
    from revised group by grouping sets ((merchant_id), (merchant_id, store_id))
"""


def run_before(run: Run, published: Sequence[str]) -> str | None:
    """The last published run of the month before; None where none was shown.

    `published` are names of runs, the oldest first.
    """
    month = f"{previous_month(run.cutoff_month):%Y-%m}."
    return next((name for name in reversed(published) if name.startswith(month)), None)


def changes_between(lake: Lake, before: str, run: Run) -> dict[Key, dict[str, Any]]:
    """The way from `before` to `run` for each merchant and store ('': all stores).

    Empty where the files of the earlier run are no longer in the lake.
    """
    earlier = lake.paths(f"predictions/run_id={before}", ".csv")
    cutoff = before.split(".", maxsplit=1)[0]
    earlier_shards = lake.paths(f"shards/cutoff_month={cutoff}", ".parquet")
    later_shards = lake.paths(f"shards/cutoff_month={run.cutoff_month:%Y-%m}", ".parquet")
    if not earlier or not earlier_shards:
        return {}
    groups = [earlier, [shard.path for shard in run.shards], earlier_shards, later_shards]
    with lake.local_files([path for group in groups for path in group]) as files:
        found = iter(files)
        named = [[next(found) for _ in group] for group in groups]
        names = ("earlier", "later", "earlier_shards", "later_shards")
        with duckdb.connect(":memory:", config={"threads": 1}) as database:
            rows = database.execute(_QUERY, dict(zip(names, named, strict=True))).fetchall()
    return {
        (merchant, store, ""): {
            "run_id": before,
            "units_then": round(then, 3),
            "units_now": round(now, 3),
            "parts": dict(zip(PARTS, (round(part, 3) for part in parts), strict=True)),
        }
        for merchant, store, then, now, *parts in rows
    }
