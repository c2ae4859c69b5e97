"""Whose own numbers helped: merchants' adjustments of a month beside the model's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd

from etl.lake import Lake
from etl.tables import SERIES_KEY

__all__ = ["own_numbers"]


def own_numbers(
    lake: Lake, month: date, adjustments: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """By merchant: months adjusted, how many came closer, and the units missed by both.

    `adjustments` are rows with `merchant_id, store_id, product_id, month, units, units_forecast`,
    the last as it was shown to the merchant. Those of other months, or of products that were not
    scored, are left out.
    """
    due = pd.DataFrame([one for one in adjustments if one["month"] == month.isoformat()])
    if not len(due):
        return []
    key = list(SERIES_KEY)
    path = f"scores/month={month:%Y-%m}/part.parquet"
    sold = lake.read_table(path, columns=[*key, "units_sold"]).to_pandas().drop_duplicates(key)
    both = due.merge(sold, on=key, validate="m:1")
    theirs = (both["units"] - both["units_sold"]).abs()
    ours = (both["units_forecast"] - both["units_sold"]).abs()
    both = both.assign(
        made=1, closer=theirs < ours, missed_by_merchant=theirs, missed_by_model=ours
    )
    names = ["made", "closer", "missed_by_merchant", "missed_by_model"]
    sums = both.groupby("merchant_id")[names].sum().reset_index()
    return [{str(name): value for name, value in row.items()} for row in sums.to_dict("records")]
