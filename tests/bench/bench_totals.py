"""Whether intervals of totals hold what they promise, beside bounds added up and independence.

`PYTHONPATH=. python tests/bench/bench_totals.py [--scale] [SET …]` for retail, m1 and tourism, by
the engine `ensemble`. Online Retail II has a store for each country; the first two digits of a
stock code stand for its category. Series of M1 and Tourism, each brought to a mean of 100, are put
into stores of ten in the order of their hashes. What misses together is measured as a run measures
it: on the six months before the cutoff, one to three months ahead; of M1 and Tourism on the months
a horizon earlier. Totals are of two products or more that had sold within a year. Every fourth
product of retail; without `--scale` every twelfth, at its last cutoff, and every fourth series of
m1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from held_out import RETAIL_FILE, HeldOut, monthly_series, read_set

from forecasting.dependence import Dependence, measure_dependence, store_sums, with_stores
from forecasting.ensemble import EnsembleForecaster
from forecasting.fleet import Done
from forecasting.forecaster import LEVELS, Series, add_months
from forecasting.guard import answers
from forecasting.hierarchy import Totals
from forecasting.predictions import forecast_rows
from forecasting.ranks import rank_of
from forecasting.series import sold_within_a_year

CUTOFFS = [date(2010, 11, 1), date(2011, 2, 1), date(2011, 5, 1), date(2011, 8, 1)]
MONTHS_MEASURED, LEADS_MEASURED = 6, 3
BOUNDS = [f"{side}{level}" for level in LEVELS for side in ("lo", "hi")]
KEY = ["store_id", "category", "horizon"]
STORE = 10
LEVELS_OF_TOTALS = {
    "stores": (True, False),
    "categories of a store": (True, True),
    "categories of the merchant": (False, True),
    "the merchant": (False, False),
}


@dataclass(frozen=True)
class Case:
    """Forecasts of a set at a cutoff beside what was sold, and how misses went together before."""

    name: str
    rows: pd.DataFrame
    measured: Dependence


def main(names: Sequence[str], scale: bool) -> None:
    if not RETAIL_FILE.exists():
        names = [name for name in names if name != "retail"]
        print("Online Retail II is not at hand: retail is left out")
    for name in names:
        if name == "retail":
            _print_set(name, _retail(CUTOFFS if scale else CUTOFFS[-1:], 4 if scale else 12))
        elif scale or name != "tourism":
            _print_set(name, [_competition(name, 1 if scale else 4)])


def _retail(cutoffs: Sequence[date], step: int) -> list[Case]:
    """Online Retail II at those cutoffs; what was forecast before each measures its dependence."""
    known: dict[date, pd.DataFrame] = {}

    def run(cutoff: date) -> pd.DataFrame:
        if cutoff not in known:
            held = [one for one in monthly_series(cutoff) if _chosen(one.series, step)]
            known[cutoff] = _forecast(held, lambda series: series.product_id[:2])
        return known[cutoff]

    return [Case(f"{cutoff:%Y-%m}", run(cutoff), _measured(cutoff, run)) for cutoff in cutoffs]


def _chosen(series: Series, step: int) -> bool:
    return rank_of(series.merchant_id, "", series.product_id) % step == 0


def _measured(cutoff: date, run: Callable[[date], pd.DataFrame]) -> Dependence:
    scores = []
    for back in range(MONTHS_MEASURED):
        for lead in range(1, LEADS_MEASURED + 1):
            rows = run(add_months(cutoff, -back - lead))
            scores.append(rows[rows["horizon"] == lead])
    return _dependence(pd.concat(scores))


def _dependence(scores: pd.DataFrame) -> Dependence:
    return with_stores(measure_dependence(scores), store_sums(scores))


def _competition(name: str, step: int) -> Case:
    """A competition's series in stores of ten, each of the same size."""
    held = sorted(read_set(name)[::step], key=lambda one: rank_of(*one.series.key))
    held = [_in_store(one, place // STORE) for place, one in enumerate(held)]
    earlier = [_a_horizon_earlier(one) for one in held]
    long = [one for one in earlier if one.series.months >= len(one.actual)]
    scores = _as_of_one_month(_forecast(long, lambda _: "all"))
    rows = _as_of_one_month(_forecast(held, lambda _: "all"))
    return Case(name, rows, _dependence(scores))


def _as_of_one_month(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as if all histories, which end in different months, ended in one."""
    cutoff = rows["cutoff_month"].max()
    return rows.assign(
        cutoff_month=cutoff, month=[add_months(cutoff, ahead) for ahead in rows["horizon"]]
    )


def _in_store(one: HeldOut, store: int) -> HeldOut:
    series, times = one.series, 100 / one.series.units.mean()
    series = replace(series, store_id=f"store {store}", units=series.units * times)
    return HeldOut(series, one.actual * times)


def _a_horizon_earlier(one: HeldOut) -> HeldOut:
    known = one.series.months - len(one.actual)
    return HeldOut(one.series.until(known), one.series.units[known:])


def _forecast(held: Sequence[HeldOut], category: Callable[[Series], str]) -> pd.DataFrame:
    """FORECASTS, with category and units sold, of the months that are known by now."""
    batch = [replace(h.series, active=sold_within_a_year(h.series.units)) for h in held]
    horizon = len(held[0].actual)
    engine = EnsembleForecaster()
    told = answers(engine.informed(engine.survey(batch)), batch, horizon)
    done = [Done(s, a.forecast, a.model) for s, a in zip(batch, told, strict=True)]
    rows = forecast_rows(done).to_pandas()
    rows["category"] = np.repeat([category(series) for series in batch], horizon)
    rows["units_sold"] = np.concatenate([one.actual for one in held])
    rows["active"] = np.repeat([series.active for series in batch], horizon)
    return rows


def _print_set(name: str, cases: Sequence[Case]) -> None:
    """A row for each level: shares held by 50, 80 and 95 %, and the score, of each way."""
    ways = ("measured", "defaults", "independent", "bounds added up")
    print(f"\n### {name}\n")
    print("| totals | how many | " + " | score | ".join(ways) + " | score |")
    print("|---" * (2 + 2 * len(ways)) + "|")
    for case in cases:
        rows = case.rows[case.rows["active"]]
        sold = _added_up(rows)
        totals = [
            _totals(rows, dependence).merge(sold[[*KEY, "units_sold"]], on=KEY, validate="1:1")
            for dependence in (case.measured, Dependence(), Dependence(0.0, 0.0, 0.0, 1.0))
        ]
        added = totals[0].drop(columns=BOUNDS).merge(sold[[*KEY, *BOUNDS]], on=KEY)
        for level, (by_store, by_category) in LEVELS_OF_TOTALS.items():
            if by_category and rows["category"].nunique() == 1:
                continue
            of_level = [_of_level(one, by_store, by_category) for one in (*totals, added)]
            _print_row(f"{case.name}: {level}, a month", [one[0] for one in of_level])
            _print_row(f"{case.name}: {level}, all months", [one[1] for one in of_level])


def _of_level(
    totals: pd.DataFrame, by_store: bool, by_category: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Months, and all of them together, of the totals that were expected to sell, or did."""
    kept = ((totals["store_id"] != "") == by_store) & ((totals["category"] != "") == by_category)
    kept &= totals["series"] > 1
    kept &= (totals["units_forecast"] > 0) | (totals["units_sold"] > 0)
    return totals[kept & (totals["horizon"] > 0)], totals[kept & (totals["horizon"] == 0)]


def _totals(rows: pd.DataFrame, dependence: Dependence) -> pd.DataFrame:
    totals = Totals(dependence)
    totals.add(rows, rows["category"])
    return totals.table("2000-01.1").to_pandas()


def _added_up(rows: pd.DataFrame) -> pd.DataFrame:
    """What was sold of each total, and its products' bounds added up."""
    whole = rows.assign(horizon=0)
    parts = []
    for left_out in ([], ["category"], ["store_id"], ["store_id", "category"]):
        for told in (rows, whole):
            groups = told.assign(**dict.fromkeys(left_out, "")).groupby(KEY)
            sums = groups[["units_sold", *BOUNDS]].sum()
            parts.append(sums.reset_index())
    return pd.concat(parts)


def _print_row(title: str, ways: Sequence[pd.DataFrame]) -> None:
    cells = []
    for rows in ways:
        held = [f"{100 * _inside(rows, level).mean():.0f}" for level in LEVELS]
        score = _interval_score(rows).sum() / rows["units_sold"].sum()
        cells.append(f"{' / '.join(held)} | {score:.2f}")
    print(f"| {title} | {len(ways[0])} | {' | '.join(cells)} |", flush=True)


def _inside(rows: pd.DataFrame, level: int) -> pd.Series:
    return rows["units_sold"].between(rows[f"lo{level}"], rows[f"hi{level}"])


def _interval_score(rows: pd.DataFrame) -> pd.Series:
    """Gneiting and Raftery (2007), of the 80 % interval."""
    below = (rows["lo80"] - rows["units_sold"]).clip(lower=0)
    above = (rows["units_sold"] - rows["hi80"]).clip(lower=0)
    return rows["hi80"] - rows["lo80"] + 10 * (below + above)


if __name__ == "__main__":
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")]
    main(wanted or ["retail", "m1", "tourism"], "--scale" in sys.argv)
