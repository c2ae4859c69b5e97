"""Scores in a few numbers: over all, and by store, category, class, model and lead time.

Every measure is a ratio of sums, so that shards are summed one by one and never held together.
Rows of retired products are left out, because a promised and kept zero flatters every measure; they
are counted apart. Money is summed within a currency only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from forecasting.forecaster import LEVELS
from forecasting.metrics import interval_losses, pinball_losses, ratio, skill, smape_terms

__all__ = ["BOUNDS", "GROUPS", "Summary", "retired"]

GROUPS: dict[str, list[str]] = {
    "total": [],
    "store": ["merchant_id", "store_id"],
    "category": ["category"],
    "class": ["demand_class"],
    "model": ["model"],
    "horizon": ["horizon"],
    "run": ["run_id"],
}
"""What the summary is split by, where the scores have the columns."""

BOUNDS = {
    **{f"lo{level}": 0.5 - level / 200 for level in LEVELS},
    **{f"hi{level}": 0.5 + level / 200 for level in LEVELS},
}
"""The bounds of a forecast, each with the share of what is sold that it promises to lie above."""

_RETIRED = ("retired", "no_history")


def retired(scores: pd.DataFrame) -> pd.Series[bool]:
    """Which rows are of products that were forecast zero because they had gone."""
    return scores["reason"].str.partition(" ")[0].isin(_RETIRED)


@dataclass
class Summary:
    """Sums of losses by group; `add` scores to it, `measures` tells what they come to."""

    sums: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    retired_rows: int = 0
    retired_units_sold: float = 0.0

    def add(self, scores: pd.DataFrame) -> None:
        """Take the SCORES of one shard, or of one batch of series, into account."""
        gone = retired(scores)
        self.retired_rows += int(gone.sum())
        self.retired_units_sold += float(scores["units_sold"][gone].sum())
        terms = _terms(scores[~gone])
        for name, columns in GROUPS.items():
            if set(columns) <= set(terms.columns):
                by = [*columns, "currency"]
                summed = terms.groupby(by, sort=True)[_TERMS].sum().reset_index()
                self.sums.setdefault(name, []).append(summed)

    def measures(self) -> dict[str, Any]:
        """`total` and, by group, a list of rows: the group's names with its measures."""
        found: dict[str, Any] = {
            "retired": {"rows": self.retired_rows, "units_sold": self.retired_units_sold}
        }
        for name, columns in GROUPS.items():
            if name in self.sums:
                rows = _by_group(pd.concat(self.sums[name]), columns)
                found[name] = rows if columns else rows[0]
        if "total" in self.sums:
            found["quantile"] = _quantiles(pd.concat(self.sums["total"])[_TERMS].sum())
        return {"total": {"rows": 0}, **found}


_TERMS = [
    "rows",
    "sold",
    "forecast",
    "absolute",
    "absolute_naive",
    "absolute_known",
    "sold_known",
    "smape",
    "scaled",
    "scaled_naive",
    "scaled_rows",
    "squared",
    "squared_rows",
    *(f"pinball_{name}" for name in BOUNDS),
    *(f"below_{name}" for name in BOUNDS),
    *(f"within{level}" for level in LEVELS),
    *(f"interval{level}" for level in LEVELS),
    "money_sold",
    "money_forecast",
    "money_absolute",
]


def _terms(scores: pd.DataFrame) -> pd.DataFrame:
    """What each row adds to the sums of its groups."""
    sold, forecast, naive = (
        scores[name].to_numpy(float) for name in ("units_sold", "units_forecast", "units_naive")
    )
    error, naive_error = np.abs(forecast - sold), np.abs(naive - sold)
    known = ~np.isnan(naive)
    scaled = error / scores["mase_scale"].to_numpy(float)
    squared = (error / scores["rmsse_scale"].to_numpy(float)) ** 2
    terms = {
        "rows": 1,
        "sold": sold,
        "forecast": forecast,
        "absolute": error,
        "absolute_naive": naive_error,
        "absolute_known": np.where(known, error, 0.0),
        "sold_known": np.where(known, sold, 0.0),
        "smape": smape_terms(sold, forecast),
        "scaled": scaled,
        "scaled_naive": naive_error / scores["mase_scale"].to_numpy(float),
        "scaled_rows": ~np.isnan(scaled),
        "squared": squared,
        "squared_rows": ~np.isnan(squared),
    }
    for name, share in BOUNDS.items():
        bound = scores[name].to_numpy(float)
        terms[f"pinball_{name}"] = pinball_losses(sold, bound, share)
        terms[f"below_{name}"] = sold <= bound
    for level in LEVELS:
        lower, upper = scores[f"lo{level}"].to_numpy(float), scores[f"hi{level}"].to_numpy(float)
        terms[f"within{level}"] = (lower <= sold) & (sold <= upper)
        terms[f"interval{level}"] = interval_losses(sold, lower, upper, level)
    priced = "mean_net_price" in scores
    price = scores["mean_net_price"].fillna(0.0).to_numpy(float) if priced else np.zeros(len(sold))
    terms |= {
        "money_sold": price * sold,
        "money_forecast": price * forecast,
        "money_absolute": price * error,
    }
    names = [*{c for columns in GROUPS.values() for c in columns} & set(scores.columns)]
    found = scores[names].assign(currency=scores.get("currency", ""))
    return pd.concat([found, pd.DataFrame(terms, index=scores.index)], axis=1)


def _by_group(sums: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    by_currency = sums.groupby([*columns, "currency"], sort=True)[_TERMS].sum().reset_index()
    groups = by_currency.groupby(columns, sort=True) if columns else [((), by_currency)]
    found = []
    for names, group in groups:
        labels = dict(zip(columns, names, strict=True))
        found.append({**_plain(labels), **_measures(group)})
    return found


def _quantiles(s: pd.Series[float]) -> list[dict[str, Any]]:
    """Each bound: the share that it promised to lie below, the share that did, and its loss."""
    return [
        {
            "bound": name,
            "promised": round(share, 4),
            "reached": ratio(s[f"below_{name}"], s["rows"]),
            "pinball": ratio(2 * s[f"pinball_{name}"], s["sold"]),
        }
        for name, share in sorted(BOUNDS.items(), key=lambda item: item[1])
    ]


def _measures(group: pd.DataFrame) -> dict[str, Any]:
    """What the sums of one group, a row for each currency, come to."""
    s = group[_TERMS].sum()
    pinball = sum(s[f"pinball_{name}"] for name in BOUNDS)
    measures = {
        "rows": int(s["rows"]),
        "units_sold": s["sold"],
        "units_forecast": s["forecast"],
        "wape": ratio(s["absolute"], s["sold"]),
        "wape_naive": ratio(s["absolute_naive"], s["sold_known"]),
        "bias": ratio(s["forecast"] - s["sold"], s["sold"]),
        "smape": ratio(s["smape"], s["rows"]),
        "mase": ratio(s["scaled"], s["scaled_rows"]),
        "mase_naive": ratio(s["scaled_naive"], s["scaled_rows"]),
        "rmsse": ratio(s["squared"], s["squared_rows"]) ** 0.5,
        "pinball": ratio(2 * pinball / len(BOUNDS), s["sold"]),
    }
    for level in LEVELS:
        measures[f"coverage{level}"] = ratio(s[f"within{level}"], s["rows"])
        measures[f"interval_score{level}"] = ratio(s[f"interval{level}"], s["sold"])
    measures["skill"] = skill(s["absolute_known"], s["absolute_naive"])
    one_currency = len(group) == 1 and s["money_sold"] > 0
    measures["currency"] = group["currency"].iloc[0] if one_currency else None
    for name, missed in (
        ("wape_money", s["money_absolute"]),
        ("bias_money", s["money_forecast"] - s["money_sold"]),
    ):
        measures[name] = ratio(missed, s["money_sold"]) if one_currency else None
    return _plain(measures)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """The values as JSON has them: null for what is not known."""
    return {
        name: (None if pd.isna(value) else value.item() if isinstance(value, np.generic) else value)
        for name, value in values.items()
    }
