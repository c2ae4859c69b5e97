"""Predictions beside what was sold and what the rule said, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from etl.tables import SCORES, SERIES_KEY, Table
from forecasting.forecaster import Series
from forecasting.metrics import mase_scale, rmsse_scale
from forecasting.models.seasonal_naive import seasonal_naive
from forecasting.routing import route

__all__ = ["FILE_SCORES", "ORIGIN", "beside_rule"]

ORIGIN = [*SERIES_KEY, "cutoff_month"]
"""What names a series as it was known at one time."""

FILE_SCORES = Table(
    "scores",
    "one prediction beside what was sold, of no run and without money",
    (*ORIGIN, "month"),
    tuple(c for c in SCORES.columns if c.name not in {"run_id", "currency", "mean_net_price"}),
)
"""What `python -m forecasting backtest --out` writes."""


def beside_rule(rows: pd.DataFrame, histories: Iterable[Series]) -> pd.DataFrame:
    """FORECASTS with the rule's forecast, the scales, the category and the class of their series.

    Each history ends at its row's cutoff, so that nothing is measured by what came later. A row
    without a history gets none of them.
    """
    horizons = sorted(set(rows["horizon"]))
    rules = pd.DataFrame(
        (rule for series in histories for rule in _rules(series, horizons)),
        columns=[
            *ORIGIN,
            "horizon",
            "units_naive",
            "mase_scale",
            "rmsse_scale",
            "category",
            "demand_class",
        ],
    )
    found = rows.merge(rules, on=[*ORIGIN, "horizon"], how="left", validate="m:1")
    return found.assign(category=found["category"].fillna("unknown"))


def _rules(series: Series, horizons: list[int]) -> Iterable[tuple[Any, ...]]:
    naive = seasonal_naive(series.units, horizons[-1])
    scales = mase_scale(series.units), rmsse_scale(series.units)
    kind = route(series.units).kind
    for horizon in horizons:
        yield (
            *series.key,
            series.cutoff_month,
            horizon,
            naive[horizon - 1],
            *scales,
            series.category,
            kind,
        )
