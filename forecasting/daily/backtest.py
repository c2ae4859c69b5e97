"""How the daily forecasts would have done: rolling origins a week apart, scored by what was sold.

A daily forecast is replaced by the next one and not kept, so that what was shown cannot be scored.
Instead each series is forecast as it was known one to so many weeks ago, by the ordinary path, and
nothing later than its origin is known to it. Days that say nothing about demand (an empty shelf, a
day that was never pulled) are left out; days on which the store was closed count. So are series
that a forecast takes for gone: a promised and kept zero flatters every measure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from etl.daily import CLOSED, ON_SALE
from etl.tables import DAILY_PREDICTIONS, Column, Table
from forecasting.daily.engines import HORIZON, DailyEngine
from forecasting.daily.guard import DailyGuard
from forecasting.daily.predictions import daily_rows
from forecasting.daily.series import WEEK, DailySeries
from forecasting.daily.weekday_naive import weekday_naive
from forecasting.fleet import Done, Work, forecast_fleet
from forecasting.forecaster import LEVELS
from forecasting.metrics import ratio
from forecasting.outfile import outfile
from forecasting.predict_file import batched
from forecasting.progress import shown

__all__ = ["DAILY_SCORES", "roll_weeks"]

DAILY_SCORES = Table(
    "daily_scores",
    "one daily prediction beside what was sold, in a file of one's own",
    DAILY_PREDICTIONS.key,
    (
        *DAILY_PREDICTIONS.columns,
        Column("units_sold", pa.float64(), "units sold that day"),
        Column("units_naive", pa.float64(), "units that the same weekday sold last, on sale"),
    ),
)

_AT_ONCE = 2000
_GROUPS: dict[str, list[str]] = {
    "total": [],
    "horizon": ["horizon"],
    "store": ["merchant_id", "store_id"],
    "model": ["model"],
}
_GONE = ("silent", "no_sales")
"""Codes of the reasons for which a series is forecast zero."""


def roll_weeks(
    everything: Iterable[DailySeries],
    out: Path,
    engine: DailyEngine,
    *,
    origins: int = 4,
    jobs: int = 0,
) -> dict[str, Any]:
    """Forecast each series as it was 1 to `origins` weeks ago; writes DAILY_SCORES to `out`.

    Returns WAPE beside that of the last week repeated, bias, and how much each interval held: over
    all, by lead day, by store and by model.
    """
    sums = _Sums()
    whole: deque[DailySeries] = deque()
    works = _origins(everything, origins, whole)
    fleet = forecast_fleet(works, DailyGuard(engine), HORIZON, jobs)
    with outfile(out, DAILY_SCORES.schema) as write:
        for done in batched(shown(fleet, f"back-testing {engine.name}"), _AT_ONCE):
            scores = _scores(done, [whole.popleft() for _ in done])
            write(DAILY_SCORES.conform(pa.Table.from_pandas(scores, preserve_index=False)))
            sums.add(scores)
    return sums.measures()


def _origins(
    everything: Iterable[DailySeries], origins: int, whole: deque[DailySeries]
) -> Iterator[Work[DailySeries]]:
    """Each series as it was known at each origin, oldest first; the whole one goes to `whole`."""
    for series in everything:
        for back in range(origins, 0, -1):
            if series.days > WEEK * back:
                whole.append(series)
                yield Work(series.until(series.days - WEEK * back))


def _scores(done: Sequence[Done[DailySeries]], whole: Sequence[DailySeries]) -> pd.DataFrame:
    """DAILY_SCORES of the days since each origin that say something about demand."""
    rows = daily_rows([(one.series, one.forecast) for one in done]).to_pandas()
    since = [slice(one.series.days, one.series.days + HORIZON) for one in done]
    ahead = list(zip(whole, since, strict=True))
    rows["units_sold"] = np.concatenate([series.units[days] for series, days in ahead])
    rows["units_naive"] = np.concatenate(
        [weekday_naive(one.series.units, one.series.on_sale, HORIZON) for one in done]
    )
    states = np.concatenate([series.state[days] for series, days in ahead])
    return rows[np.isin(states, [ON_SALE, CLOSED])]


@dataclass
class _Sums:
    """What the measures are ratios of, by group, so that batches are never held together."""

    parts: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    gone: int = 0

    def add(self, scores: pd.DataFrame) -> None:
        """Take a batch into account."""
        gone = scores["reason"].str.partition(" ")[0].isin(_GONE)
        self.gone += int(gone.sum())
        terms = _terms(scores[~gone])
        for name, by in _GROUPS.items():
            keys = terms[by] if by else pd.DataFrame({"": 0}, index=terms.index)
            summed = terms[_TERMS].groupby([keys[column] for column in keys]).sum()
            self.parts.setdefault(name, []).append(summed)

    def measures(self) -> dict[str, Any]:
        """The measures by group; rows of series that had gone are counted apart."""
        told: dict[str, Any] = {"rows_of_gone_products": self.gone}
        for name, parts in self.parts.items():
            summed = pd.concat(parts).groupby(level=list(range(parts[0].index.nlevels))).sum()
            rows = [
                dict(zip(_GROUPS[name], key if isinstance(key, tuple) else (key,), strict=False))
                | _measured(row)
                for key, row in summed.iterrows()
            ]
            told[name] = rows if _GROUPS[name] else (rows or [{"rows": 0}])[0]
        return told


_TERMS = [
    "rows",
    "sold",
    "forecast",
    "absolute",
    "absolute_naive",
    *(f"within{level}" for level in LEVELS),
]


def _terms(scores: pd.DataFrame) -> pd.DataFrame:
    sold = scores["units_sold"]
    return scores.assign(
        rows=1,
        sold=sold,
        forecast=scores["units_forecast"],
        absolute=(scores["units_forecast"] - sold).abs(),
        absolute_naive=(scores["units_naive"] - sold).abs(),
        **{
            f"within{level}": sold.between(scores[f"lo{level}"], scores[f"hi{level}"])
            for level in LEVELS
        },
    )


def _measured(sums: pd.Series[Any]) -> dict[str, Any]:
    return {
        "rows": int(sums["rows"]),
        "units_sold": round(float(sums["sold"]), 3),
        "wape": ratio(sums["absolute"], sums["sold"]),
        "wape_naive": ratio(sums["absolute_naive"], sums["sold"]),
        "bias": ratio(sums["forecast"] - sums["sold"], sums["sold"]),
        **{f"coverage{level}": ratio(sums[f"within{level}"], sums["rows"]) for level in LEVELS},
    }
