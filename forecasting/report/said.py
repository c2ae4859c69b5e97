"""What merchants said of the forecasts that came due, beside what was sold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.lake import Lake
from etl.tables import SERIES_KEY
from forecasting.predictions import cutoff_of

__all__ = ["said_of_month"]


def said_of_month(
    lake: Lake, month: date, runs: Sequence[str], feedback: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Feedback given since the newest run that predicted `month`, each with `promised` and `sold`.

    `feedback` are rows with `merchant_id, store_id, product_id`, and the `run_id` that was shown.
    Both numbers are None where the product was not scored.
    """
    newest = runs[-1] if runs else None
    since = [one for one in feedback if _later(one.get("run_id"), newest)]
    if not since or newest is None:
        return [{**one, "promised": None, "sold": None} for one in since]
    columns = ["run_id", *SERIES_KEY, "units_forecast", "units_sold"]
    table = lake.read_table(f"scores/month={month:%Y-%m}/part.parquet", columns=columns)
    wanted = pa.array({one["product_id"] for one in since})
    due = table.filter(
        pc.and_(
            pc.equal(table["run_id"], pa.scalar(newest)),
            pc.is_in(table["product_id"], value_set=wanted),
        )
    )
    scored: pd.DataFrame = due.to_pandas().set_index(list(SERIES_KEY))
    found = scored[["units_forecast", "units_sold"]].to_dict("index")
    return [{**one, **_numbers(found.get(_key(one)))} for one in since]


def _later(run_id: str | None, newest: str | None) -> bool:
    """Whether it was said of that run or a later one; of an unknown one it may have been."""
    return not run_id or not newest or cutoff_of(run_id) >= cutoff_of(newest)


def _key(said: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(said[name] for name in SERIES_KEY)


def _numbers(scored: dict[Any, Any] | None) -> dict[str, float | None]:
    if scored is None:
        return {"promised": None, "sold": None}
    return {"promised": scored["units_forecast"], "sold": scored["units_sold"]}
