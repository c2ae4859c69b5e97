"""May a new engine replace the serving one? Only if it is better on the same held-out months.

The test: for each series the mean scaled error of both over the same months, and a paired t test,
one-sided at 5 %, over series (the months of one series are not independent, so that a series is one
observation; after Diebold and Mariano 1995). And no store, category or demand class may get worse
by more than 5 % in WAPE and by more than chance: the same test the other way round over its series,
at 5 % shared among the groups of its kind. Any two engines differ by 5 % somewhere, the more groups
there are and the smaller they are; without the second half nobody would ever take over a large
fleet. Groups of fewer than 30 forecasts or 5 series say nothing. Nor may the bounds get worse: the
mean scaled pinball loss by more than 1 %, and by more than chance in the same test. Else the
serving engine stays, and the decision says why.

>>> hand = pd.DataFrame({"merchant_id": "M", "store_id": "S", "product_id": list("ABCDEF"),
...     "cutoff_month": 1, "month": 2, "units_sold": 10.0, "units_forecast": [8.0, 7, 8, 9, 8, 7],
...     "mase_scale": 2.0, "category": "toys", "demand_class": "smooth"})
>>> compare(hand, hand.assign(units_forecast=10.0)).better
True
>>> compare(hand, hand.assign(units_forecast=9.5)).error_candidate
0.25
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from etl.tables import SERIES_KEY
from forecasting.forecaster import Vector
from forecasting.metrics import pinball_losses
from forecasting.summary import BOUNDS

__all__ = ["Comparison", "Worsening", "compare"]

_KEY = [*SERIES_KEY, "cutoff_month", "month"]
_GROUPS = {
    "store": ["merchant_id", "store_id"],
    "category": ["category"],
    "class": ["demand_class"],
}
_LEVEL = 0.05
_WORST_CHANGE = 0.05
_WORST_LOSS = 0.01
_FEWEST_FORECASTS = 30
_FEWEST_SERIES = 5


@dataclass(frozen=True)
class Worsening:
    """A group that the candidate would serve worse: its WAPE now and then."""

    group: str
    label: str
    wape_serving: float
    wape_candidate: float


@dataclass(frozen=True)
class Comparison:
    """Mean scaled errors of both on the same months, the test, and who would get worse.

    So too the scaled pinball losses of their bounds, with the chance that the candidate's are no
    larger.
    """

    series: int
    forecasts: int
    error_serving: float
    error_candidate: float
    p_value: float
    worse: tuple[Worsening, ...]
    loss_serving: float = 0.0
    loss_candidate: float = 0.0
    p_bounds: float = 1.0

    @property
    def enough(self) -> bool:
        """Whether there are series enough to tell."""
        return self.series >= _FEWEST_SERIES

    @property
    def better(self) -> bool:
        """Whether the candidate may serve."""
        return self.p_value < _LEVEL and self.harmless

    @property
    def harmless(self) -> bool:
        """Whether neither a group nor the bounds would get worse."""
        return not self.worse and not self._bounds_fall

    @property
    def _bounds_fall(self) -> bool:
        limit = (1 + _WORST_LOSS) * self.loss_serving
        return self.loss_candidate > limit and self.p_bounds < _LEVEL

    @property
    def why(self) -> str:
        """The decision in a sentence."""
        numbers = (
            f"scaled error {self.error_candidate:.3f} instead of {self.error_serving:.3f} on "
            f"{self.forecasts:,} held-out months of {self.series:,} series"
        )
        fall = f"the bounds would get worse: {self.why_bounds}" if self._bounds_fall else ""
        if self.p_value >= _LEVEL:
            told = f"the candidate is not clearly better: {numbers} (p = {self.p_value:.2g})"
            return f"{told}, and {fall}" if fall else told
        if self.worse:
            first = self.worse[0]
            return (
                f"better in all ({numbers}), but {first.group} {first.label} would get worse: WAPE "
                f"{first.wape_candidate:.1%} instead of {first.wape_serving:.1%}"
                + (f", and {len(self.worse) - 1} more" if len(self.worse) > 1 else "")
            )
        if fall:
            return f"better in all ({numbers}), but {fall}"
        return f"the candidate is better: {numbers} (p = {self.p_value:.2g})"

    @property
    def why_bounds(self) -> str:
        """What is told of the bounds."""
        return (
            f"scaled pinball loss {self.loss_candidate:.3f} instead of {self.loss_serving:.3f} "
            f"(p = {self.p_bounds:.2g} that it is no larger)"
        )


def compare(serving: pd.DataFrame, candidate: pd.DataFrame) -> Comparison:
    """The comparison of two sets of scores (SCORES or FILE_SCORES) on the rows they share."""
    both = serving.merge(
        candidate[[*_KEY, "units_forecast", *(name for name in BOUNDS if name in candidate)]],
        on=_KEY,
        suffixes=("_serving", "_candidate"),
        validate="1:1",
    )
    errors = {
        side: (both[f"units_forecast_{side}"] - both["units_sold"]).abs()
        for side in ("serving", "candidate")
    }
    both = both.assign(**{f"error_{side}": error for side, error in errors.items()})
    scale = _scales(both)
    means = both.groupby(list(SERIES_KEY))[["error_serving", "error_candidate"]].mean()
    scaled = means.div(scale, axis=0)
    both = both.join(scale.rename("scale"), on=list(SERIES_KEY), validate="m:1")
    losses = _losses(both)
    return Comparison(
        series=len(scaled),
        forecasts=len(both),
        error_serving=float(scaled["error_serving"].mean()),
        error_candidate=float(scaled["error_candidate"].mean()),
        p_value=_p_value((scaled["error_candidate"] - scaled["error_serving"]).to_numpy(float)),
        worse=tuple(one for name in _GROUPS for one in _worsenings(both, name)),
        loss_serving=float(losses["serving"].mean()),
        loss_candidate=float(losses["candidate"].mean()),
        p_bounds=_p_value((losses["serving"] - losses["candidate"]).to_numpy(float)),
    )


def _losses(both: pd.DataFrame) -> pd.DataFrame:
    """Mean scaled pinball loss of each series' bounds, on both sides; zero where none are told."""
    sold, known = both["units_sold"].to_numpy(float), [b for b in BOUNDS if f"{b}_serving" in both]
    losses = both[list(SERIES_KEY)].assign(serving=0.0, candidate=0.0)
    for bound, side in product(known, ("serving", "candidate")):
        told = both[f"{bound}_{side}"].to_numpy(float)
        losses[side] += pinball_losses(sold, told, BOUNDS[bound]) / both["scale"] / len(known)
    return losses.groupby(list(SERIES_KEY)).mean()


def _scales(both: pd.DataFrame) -> pd.Series[float]:
    """What each series' errors are divided by: its MASE scale, or its mean sales without one."""
    groups = both.groupby(list(SERIES_KEY))
    mean_sold = groups["units_sold"].mean().clip(lower=1.0)
    return groups["mase_scale"].mean().fillna(mean_sold)


def _p_value(differences: Vector) -> float:
    """One-sided p value that the mean difference is below zero; 1 where there is too little."""
    if len(differences) < _FEWEST_SERIES or not differences.any():
        return 1.0
    if np.ptp(differences) == 0:
        return 0.0 if differences[0] < 0 else 1.0
    return float(stats.ttest_1samp(differences, 0.0, alternative="less").pvalue)


def _worsenings(both: pd.DataFrame, group: str) -> list[Worsening]:
    """The groups of one kind whose WAPE would rise beyond limit and chance, worst first."""
    columns, errors = _GROUPS[group], ["error_serving", "error_candidate"]
    by = both.groupby(columns)
    sums = by[[*errors, "units_sold"]].sum()
    falls = (both["error_serving"] - both["error_candidate"]) / both["scale"]
    of_series = falls.groupby([both[c] for c in dict.fromkeys([*columns, *SERIES_KEY])]).mean()
    series = of_series.groupby(columns)
    enough = (by.size() >= _FEWEST_FORECASTS) & (series.size() >= _FEWEST_SERIES)
    sums = sums[enough & (sums["units_sold"] > 0)]
    chance = series.agg(lambda fall: _p_value(fall.to_numpy(float)))[sums.index]
    change = sums["error_candidate"] / sums["error_serving"] - 1
    clear = (change > _WORST_CHANGE) & (chance < _LEVEL / max(len(sums), 1))
    worse = change[clear].sort_values(ascending=False)
    return [
        Worsening(
            group,
            " / ".join(label) if isinstance(label, tuple) else str(label),
            float(sums.loc[label, "error_serving"] / sums.loc[label, "units_sold"]),
            float(sums.loc[label, "error_candidate"] / sums.loc[label, "units_sold"]),
        )
        for label in worse.index
    ]
