"""How who is on trial does: the misses of a run in a scored month, and what chance makes of it."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pandas as pd

from etl.lake import Lake
from etl.tables import SERIES_KEY
from forecasting.backtest import scores_of
from forecasting.canary import chosen
from forecasting.metrics import skill, wape
from forecasting.summary import retired

__all__ = ["beyond_chance", "misses_of", "skill_of"]

_MISSED = ["units_forecast", "units_naive", "units_sold"]
_ONE_IN_TWENTY = 1.645


def misses_of(lake: Lake, month: date, run_id: str, share: float) -> pd.DataFrame:
    """What the run missed in the month, without retired products, and who was `tried`."""
    parts = [pd.DataFrame(columns=[*_MISSED, "tried"], dtype=float).astype({"tried": bool})]
    for rows in scores_of(lake, month, run_id, [*SERIES_KEY, "reason", *_MISSED]):
        kept = rows[~retired(rows) & rows["units_naive"].notna()]
        keys = kept[list(SERIES_KEY)].itertuples(index=False)
        parts.append(kept[_MISSED].assign(tried=[chosen(key, share) for key in keys]))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def skill_of(scores: pd.DataFrame) -> float:
    """Skill over seasonal naive of what `misses_of` gave."""
    sold, naive = scores["units_sold"].to_numpy(float), scores["units_naive"].to_numpy(float)
    return skill(wape(sold, scores["units_forecast"].to_numpy(float)), wape(sold, naive))


def beyond_chance(fall: float, scores: pd.DataFrame, tried: pd.Series[bool]) -> bool:
    """Whether chance explains the fall of one side's skill behind the other's one time in twenty.

    The sides are other series, which few of make much of; what a side's misses are off its own
    share of the rule's says by how much.
    """
    deviations = [_deviation(scores[side]) for side in (tried, ~tried)]
    return fall > _ONE_IN_TWENTY * math.hypot(*deviations)


def _deviation(scores: pd.DataFrame) -> float:
    """The standard error of the skill over seasonal naive, one series being one observation."""
    sold = scores["units_sold"].to_numpy(float)
    missed, naive = (
        np.abs(scores[name].to_numpy(float) - sold) for name in ("units_forecast", "units_naive")
    )
    off = missed - missed.sum() / naive.sum() * naive
    return float(np.sqrt(len(off)) * off.std(ddof=1) / naive.sum())
